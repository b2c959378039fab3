"""Other people's layouts: SAELens, sparsify, dictionary_learning and the released BAE code, read; SAELens, written.

Loads nothing by itself, so that `bae.formats.saelens_bae` can be imported beside sae-lens where the rest of the explorer is not installed.
"""
