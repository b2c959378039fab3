"""What people write and keep: a SQLite file beside the index."""
