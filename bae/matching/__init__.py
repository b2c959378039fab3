"""Dictionary against dictionary: which features of one the other has too, by the tokens on which both fire and by their directions.

Dictionaries of any layer, kind and seed can be compared: what counts is that both were read on the same tokens of one index.
"""
