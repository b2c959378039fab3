"""The parts of the page on compression: what the experiment found, and files of codes that are made and restored."""
