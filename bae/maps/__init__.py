"""Points of a plane for features and for hidden states."""
