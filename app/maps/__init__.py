"""The page of maps: features of a dictionary, and the hidden states around some of them."""
