"""Texts that people bring, read through dictionaries."""
