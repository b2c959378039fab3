"""The steering playground."""
