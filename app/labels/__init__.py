"""The page of labels: runs of ComSem, their forms, figures and tables."""
