"""One feature as a piece of HTML: label, figures, charts, contexts painted, labels with their judges. Whatever is foreign is escaped."""

from collections.abc import Mapping, Sequence
from html import escape

from bae.comsem.telling import FIGURES as LABEL_FIGURES
from bae.comsem.telling import FLAGS, author, date, flags
from bae.comsem.telling import figures as label_figures
from bae.exports.material import Said, Told
from bae.exports.svg import bars
from bae.features.figures import ABOUT, FIGURES, binary, figures, strength, strength_axis
from bae.index.profile import Positions
from bae.index.query import Example, Feature
from bae.index.schema import GROUPS
from bae.meaning import Meaning
from bae.numbers import percent
from bae.reading.painted_html import painted_html
from bae.reading.painting import bursts_off, paint_example, visible

OPEN = "strongest"
"""The group of contexts that is seen without a click."""


def foreign(text: str, tag: str = "span", kind: str = "") -> str:
    """A text of somebody else's as HTML: escaped, signs that cannot be seen by their number, in its own direction."""
    return f'<{tag} class="{f"foreign {kind}".strip()}" dir="auto">{escape(visible(text))}</{tag}>'


def section(told: Told, anchor: str) -> str:
    """Everything about a feature, behind a heading that can be linked to."""
    feature, entry = told.feature, told.entry
    title = f"Feature {feature.feature} of {entry.name}"
    where = f"{entry.title}, layer {entry.layer}"
    return (
        f'<section id="{anchor}"><h2>{escape(title)}</h2><p class="quiet">{escape(where)}</p>{_heading(told)}'
        f"{_figures(figures(feature), FIGURES)}{_charts(told)}{_contexts(told)}{_labels(told)}</section>\n"
    )


def _heading(told: Told) -> str:
    words = foreign(told.feature.summary or "no distinctive words")
    shown = next((one for one in told.said if one.shown), None)
    if shown is None:
        return f'<p class="label">{words}</p>'
    return f'<p class="label">{foreign(shown.label.text)}{_badges(shown)}</p><p class="quiet">Its distinctive words: {words}</p>'


def _badges(said: Said) -> str:
    label = said.label
    by = f'<span class="badge shown">{escape(visible(author(label)))}</span>'
    return by + "".join(
        f'<span class="badge" title="{escape(FLAGS[name].hover)}">{escape(FLAGS[name].label)}</span>' for name in flags(label, label.score)
    )


def _figures(told: Sequence[tuple[str, str]], meanings: Mapping[str, Meaning]) -> str:
    cells = "".join(
        f'<div title="{escape(meanings[name].hover)}"><dt>{escape(meanings[name].label)}'
        f"{escape(f' ({meanings[name].unit})') if meanings[name].unit else ''}</dt><dd>{escape(value)}</dd></div>"
        for name, value in told
    )
    return f'<dl class="figures">{cells}</dl>'


def _charts(told: Told) -> str:
    if not told.feature.count:
        return '<p class="quiet">It never fires on the text of the index.</p>'
    drawn = [("How strongly it fires", _strengths(told.feature))]
    if told.positions is not None and len(told.positions.tokens):
        drawn.append(("Where in a sentence it fires", _by_position(told.positions, told.feature.rate)))
    figures = "".join(f"<figure><figcaption>{name}</figcaption>{svg}</figure>" for name, svg in drawn)
    missing = '<p class="quiet">Where in a sentence it fires is not known: the index was copied without its codes.</p>'
    return f'<div class="charts">{figures}</div>{missing if told.positions is None else ""}'


def _strengths(feature: Feature) -> str:
    name, unit = strength_axis(binary(feature))
    width = feature.largest / len(feature.histogram)
    hovers = [f"{name} {bin * width:.3g} to {(bin + 1) * width:.3g}: {count:,} tokens" for bin, count in enumerate(feature.histogram)]
    ticks = [(0.0, "0"), (0.5, f"{feature.largest / 2:.3g}"), (1.0, f"{feature.largest:.3g}")]
    what = f"Histogram of how strongly the feature fires, on {feature.count:,} tokens"
    return bars(feature.histogram, hovers, what=what, x=f"{name} ({unit})", y="tokens", ticks=ticks)


def _by_position(positions: Positions, rate: float) -> str:
    shares = [100 * fired / of if of else 0.0 for fired, of in zip(positions.fired.tolist(), positions.tokens.tolist(), strict=True)]
    hovers = [
        f"token {place} of a sentence: fires on {share:.3g} % of {of:,}"
        for place, (share, of) in enumerate(zip(shares, positions.tokens.tolist(), strict=True), start=1)
    ]
    ticks = [(0.5 / len(shares), "1"), (1.0, str(len(shares)))]
    what = "Bars: how often the feature fires at each position of a sentence"
    line = 100 * rate, f"Its rate: {percent(rate)} of tokens"
    return bars(shares, hovers, what=what, x="position in the sentence (dotted: its rate)", y="% of tokens", ticks=ticks, line=line)


def _contexts(told: Told) -> str:
    groups = "".join(
        f"<details{' open' if name == OPEN else ''}><summary>{escape(GROUPS[name])} · {len(examples)}</summary>"
        f'<p class="quiet">{escape(ABOUT[name])}</p>{_list(told.feature, examples)}</details>'
        for name, examples in told.groups.items()
    )
    return f"<h3>Contexts</h3>{groups}" if groups else ""


def _list(feature: Feature, examples: Sequence[Example]) -> str:
    two_valued = binary(feature)
    usually_on = bursts_off(feature.rate, two_valued)
    lines = "".join(
        f"<li>{painted_html(paint_example(one, feature.largest, usually_on))}"
        f"<small>{foreign(one.document)}{escape(strength(one, two_valued))}</small></li>"
        for one in examples
    )
    return f'<ol class="contexts">{lines}</ol>'


def _labels(told: Told) -> str:
    if not told.said:
        return '<h3>Labels</h3><p class="quiet">Nobody has labelled this feature.</p>'
    return f"<h3>Labels</h3>{''.join(map(_said, told.said))}"


def _said(said: Said) -> str:
    label = said.label
    by = f"by {author(label)} · {date(label.created)}"
    by += f" · prompt version {label.prompt_version}" if label.source == "judge" else ""
    shown = '<span class="badge shown">shown</span>' if said.shown else ""
    scores = "".join(
        (f'<p class="quiet">Scored by {foreign(judge)} too:</p>' if judge != label.judge else "")
        + _figures(label_figures(label, score), LABEL_FIGURES)
        for judge, score in said.scores
    )
    kept = "" if said.scores else '<p class="quiet">It has no score.</p>'
    return f'<div class="said">{foreign(label.text)}{shown}<p class="quiet">{foreign(by)}</p>{scores}{kept}</div>'
