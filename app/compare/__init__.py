"""The page that compares dictionaries by their figures."""
