"""One module a table, figure or check."""
