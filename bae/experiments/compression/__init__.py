"""Appendix A.5: hidden states compressed by their bits, against what else there is."""
