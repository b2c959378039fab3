"""Labels by readers, and how readable lists of contexts are."""
