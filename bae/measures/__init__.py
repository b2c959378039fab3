"""How good dictionaries are: their figures, how these are kept, and whether a dictionary fits what it is opened on."""
