"""The page that searches features."""
