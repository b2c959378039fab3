"""Features as one HTML file that needs nothing else: no script, no request, in light and dark. Written a feature at a time."""

import time
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from bae.exports import provenance
from bae.exports.feature_html import foreign, section
from bae.exports.material import Material
from bae.notebook.kept import FeatureKey
from bae.reading.painted_html import colour
from bae.system.files import written_whole
from bae.system.progress import Progress

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load for this file: nothing, not even from where it lies. Only the styles within it hold."""
STYLE = Path(__file__).with_name("page.css")


def write(material: Material, wanted: Sequence[FeatureKey], file: Path, title: str, command: str) -> None:
    """Write features as a file, whole or not at all, with a bar that says how far it is. Raises as `parts` does."""
    progress = Progress("writing features", len(wanted), "features")
    with written_whole(file.absolute()) as draft, progress, draft.open("w", encoding="utf-8") as out:
        for part in parts(material, wanted, title, command):
            out.write(part)
            progress.advance(part.startswith("<section"))


def parts(material: Material, wanted: Sequence[FeatureKey], title: str, command: str) -> Iterator[str]:
    """The file, piece by piece: memory holds one feature at a time. `title` and `command`, which made it, are foreign.

    Raises ValueError for no feature, and for one of a checkpoint that the index does not have.
    """
    if not wanted:
        raise ValueError("no feature is chosen; name at least one")
    if strange := len(wanted) - len(material.here(wanted)):
        raise ValueError(f"{strange} of {len(wanted)} features belong to dictionaries that this index does not have; leave them out")
    yield _head(title, material.study, len(wanted))
    if len(wanted) > 1:
        yield from _contents(material, wanted)
    for number, key in enumerate(wanted):
        yield section(material.told(key), _anchor(number))
    yield _foot(material, list(dict.fromkeys(key.dictionary for key in wanted)), command)


def _anchor(number: int) -> str:
    return f"feature-{number + 1}"


def _head(title: str, study: str, size: int) -> str:
    counted = f"{size:,} feature{'' if size == 1 else 's'} of the study"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><meta name="referrer" content="no-referrer">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head>\n<body><h1>{foreign(title)}</h1>"
        f'<p class="quiet">{counted} {foreign(study)}, from BAE Explorer. Hover a figure for what it means.</p>{_legend()}\n'
    )


def _legend() -> str:
    told = (("on", "fires"), ("off", "silent where it usually fires"))
    swatches = "".join(
        f'<span><span style="background:{colour(kind, 0.3)};padding:0 .7em"></span>'
        f'<span style="background:{colour(kind, 1.0)};padding:0 .7em;margin-right:.4em"></span>{words}</span>'
        for kind, words in told
    )
    grey = '<span><span style="opacity:.55;text-decoration:underline dotted">grey</span> left out, hover says why</span>'
    return f'<p class="legend">{swatches}{grey}<span><b>bold</b> the word around the strongest token</span></p>'


def _contents(material: Material, wanted: Sequence[FeatureKey]) -> Iterator[str]:
    """A line a feature: its label, or its words. The words of one dictionary are read at a time."""
    yield '<nav><ol class="contents">'
    summaries, of = [], None
    for number, key in enumerate(wanted):
        if key.dictionary != of:
            summaries, of = material.index.column(key.dictionary, "summary"), key.dictionary
        label = material.shown(key.dictionary).get(key.feature)
        said = summaries[key.feature] if label is None else label.text
        yield f'<li><a href="#{_anchor(number)}">{escape(key.dictionary)} {key.feature}</a> {foreign(said)}</li>'
    yield "</ol></nav>\n"


def _foot(material: Material, dictionaries: Sequence[str], command: str) -> str:
    tables = "".join(
        f"<h3>{escape(name)}</h3>{_facts(provenance.rows(material.entry(name), material.index, material.study))}"
        f"<details><summary>Options of its training</summary>{_facts(provenance.options(material.entry(name)))}</details>"
        for name in dictionaries
    )
    made = [("Made by", command), ("Made on", time.strftime("%Y-%m-%d %H:%M %Z"))]
    return f"<footer><h2>Where it comes from</h2>{tables}<h3>This file</h3>{_facts(made)}</footer></body></html>\n"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{foreign(name)}</th><td>{foreign(value)}</td></tr>" for name, value in rows)
    return f'<table class="facts">{lines}</table>'
