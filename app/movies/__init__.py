"""The page of the movie-review experiment (Fig. 6)."""
