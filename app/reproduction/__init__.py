"""The page that shows the paper's numbers beside ours."""
