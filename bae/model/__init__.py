"""The language model: loaded, read, continued, and run on reconstructed states."""
