"""Sections 4, 7 and Appendices A to D: the entropy of sets of hidden states."""
