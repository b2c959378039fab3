"""How autoencoders are trained: what is minimised, the descent, and the runs of a workspace."""
