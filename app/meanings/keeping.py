"""What the things are that can be kept of features."""

from bae.meaning import Meaning

KEEPING = {
    "bookmark": Meaning("Bookmark", "", "Marks the feature, so that it stands under Kept. Tags sort what is marked."),
    "tags": Meaning("Tags", "", "Short words of yours, at most 40 characters each and 20 a feature. Type one and press Enter."),
    "note": Meaning("Note", "", "A text of yours about the feature, at most 10,000 characters. It is shown below the feature's title."),
    "kept_list": Meaning("List", "", "Features under a name, of one dictionary or of several, in the order in which they were put there."),
    "list_size": Meaning("Features", "features", "Features on the list."),
    "list_source": Meaning("Source", "", "How the list came about: what was searched, filtered or drawn round, and where."),
    "as_markdown": Meaning(
        "As Markdown", "", "The feature as a text to paste elsewhere: label, figures with units, strongest contexts, where it comes from."
    ),
    "kept_dictionary": Meaning("Dictionary", "", "The dictionary that the feature belongs to, by the name of its folder."),
    "kept_on": Meaning("Kept", "", "Date and time when it was kept, or last changed."),
}
