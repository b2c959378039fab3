"""The page on entropy: one module a view, what they share, and the job that runs the experiments."""
