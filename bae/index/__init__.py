"""The index of a workspace: what every feature of every dictionary fires on, built once, read by pages in milliseconds."""
