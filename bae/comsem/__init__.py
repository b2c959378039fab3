"""ComSem (Algorithm 1 of the paper): a language model, the judge, names what features share, and its names are put to the test."""
