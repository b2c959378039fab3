"""What pages hand out as files. Made when somebody asks for it, and not kept: it is as quick to make again."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from app.services import codes
from app.services.labels import records
from app.services.study import index, workspace
from bae.exports import html, labels
from bae.exports.material import Material
from bae.notebook.kept import FeatureKey


def material() -> Material:
    """What the study knows of its features, as it stands now."""
    return Material(workspace().folder.name, index(), records(), codes.columns, codes.layout)


def as_html(wanted: Sequence[FeatureKey], title: str, command: str) -> str:
    """Features as one HTML file; `command` makes the same."""
    return "".join(html.parts(material(), wanted, title, command))


def as_table(dictionaries: Sequence[str], kind: str) -> bytes:
    """The labels of dictionaries as a file of a kind, `csv` or `parquet`."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"labels.{kind}"
        labels.write(material(), dictionaries, file)
        return file.read_bytes()
