"""Table 1 (left) and what dictionaries cost in bits; which of them ship."""
