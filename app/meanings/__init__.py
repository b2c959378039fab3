"""What every number on the pages means: one name, one unit, one definition. A module a subject."""
