"""What a study holds, to take elsewhere: the panels of the pages that offer it."""
