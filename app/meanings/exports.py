"""What the files are that a study can be taken elsewhere as."""

from bae.meaning import Meaning

EXPORTS = {
    "export_html": Meaning(
        "HTML",
        "",
        "One file that any browser shows, without a network and without this program: contexts painted, charts, labels with their "
        "judges, and where it all comes from.",
    ),
    "export_csv": Meaning(
        "CSV",
        "",
        "A row a label and judge. A text that a spreadsheet would take for a formula has an apostrophe before it.",
    ),
    "export_parquet": Meaning("Parquet", "", "The same rows for programs, every text as it is."),
    "export_elsewhere": Meaning(
        "Export",
        "",
        "The study as files for other people and other programs. What takes longer than a moment is a command.",
    ),
}
