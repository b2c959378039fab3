"""The page that compares two dictionaries feature by feature."""
