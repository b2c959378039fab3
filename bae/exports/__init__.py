"""What a study holds, as files for other people and other programs."""
