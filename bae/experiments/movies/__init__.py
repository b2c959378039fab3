"""Fig. 6: movie reviews answered under steering."""
