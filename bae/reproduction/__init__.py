"""The paper's tables and figures, its numbers beside ours, and what agrees: `bae reproduce`."""
