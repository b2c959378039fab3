"""Bookmarks, notes and lists of features, on their page and on all others."""
