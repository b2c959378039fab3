"""The page of live text: texts that people type or bring, painted by the features that burst."""
