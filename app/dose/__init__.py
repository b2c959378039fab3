"""The page of dose and response: sweeps over the strength of steering."""
