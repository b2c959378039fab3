"""Features of a dictionary, and one of them: figures, contexts, labels, what it points at and what it goes with."""

from html import escape

import pandas as pd

from bae.index.profile import documents, positions, tokens_fired_on
from bae.index.query import COLUMNS, Example
from bae.index.schema import GROUPS
from bae.maps.atlas import read_map
from bae.matching import stored
from bae.matching.partners import partners
from bae.measures.reports import reports
from bae.reading.painted_html import painted_html
from bae.reading.painting import bursts_off, paint_example
from bae.study.sources import Sources

PAINTED = 5
"""Contexts of a group that a notebook shows."""


def dictionaries(sources: Sources) -> pd.DataFrame:
    """The table of `Study.dictionaries`. Raises ValueError where a checkpoint's record is damaged."""
    known = sources.known if sources.indexed else {}
    found, damaged = reports(sources.workspace)
    if damaged:
        raise ValueError("; ".join(damaged))
    rows: dict[str, dict] = {}
    for report in found:
        figures = {name: report.figure(name) for name in ("fvu", "bits", "l0")}
        rows[report.name] = {"kind": report.kind, "layer": report.layer, "n_features": report.n_features, **figures}
    for name, entry in known.items():
        told = {"kind": entry.kind, "layer": entry.layer, "n_features": entry.n_features, "magnitude": entry.magnitude, "unit": entry.unit}
        rows[name] = {**rows.get(name, {}), **told}
    columns = ["kind", "layer", "n_features", "magnitude", "unit", "fvu", "bits", "l0"]
    table = pd.DataFrame([{"dictionary": name, "indexed": name in known, **row} for name, row in rows.items()])
    return table.reindex(columns=["dictionary", "indexed", *columns]).set_index("dictionary")


def features(sources: Sources, dictionary: str) -> pd.DataFrame:
    """The table of `Study.features`."""
    sources.entry(dictionary)
    figures = [name for name in COLUMNS if name not in ("feature", "summary")]
    table = pd.DataFrame({name: sources.column(dictionary, name) for name in ("feature", *figures)})
    # of values, no feature has the two magnitudes of a bit
    table[["on_magnitude", "off_magnitude"]] = table[["on_magnitude", "off_magnitude"]].astype(float)
    return sources.named(dictionary, table).set_index("feature")


def neighbours(sources: Sources, dictionary: str, feature: int) -> pd.DataFrame:
    """The table of `Study.neighbours`."""
    sources.check_feature(dictionary, feature)
    rows = pd.DataFrame(sources.directions(dictionary).near(feature), columns=["feature", "cosine"])
    return sources.named(dictionary, rows)


def coactivation(sources: Sources, dictionary: str, feature: int, other: str | None) -> pd.DataFrame:
    """The table of `Study.coactivation`."""
    found = sources.together(dictionary, feature, other)
    among = dictionary if other is None else other
    measures = ("together", "expected", "jaccard", "implies", "implied", "correlation", "pmi", "mutual_information", "surplus")
    rows = pd.DataFrame({"feature": range(len(found.others)), **{name: getattr(found, name) for name in measures}})
    if other is None:
        rows = rows[rows["feature"] != feature]
    rows = rows.sort_values("correlation", ascending=False, kind="stable", na_position="last").reset_index(drop=True)
    return sources.named(among, rows)


def best_partners(sources: Sources, dictionary: str, feature: int) -> pd.DataFrame:
    """The table of `Study.partners`."""
    sources.check_feature(dictionary, feature)
    found = partners(sources.columns, sources.known, dictionary, feature)
    rows = pd.DataFrame([vars(one) for one in found], columns=["dictionary", "feature", "jaccard", "together", "implies", "implied"])
    return named_by_dictionary(sources, rows)


def feature_map(sources: Sources, dictionary: str) -> pd.DataFrame:
    """The table of `Study.map`."""
    sources.entry(dictionary)
    points = read_map(sources.index, dictionary).points
    return sources.named(dictionary, pd.DataFrame({"feature": range(len(points)), "x": points[:, 0], "y": points[:, 1]}))


def match(sources: Sources, a: str, b: str) -> pd.DataFrame:
    """The table of `Study.match`."""
    for name in (a, b):
        sources.entry(name)
    found = stored.read(stored.compare(sources.workspace, a, b))
    found = found if found.first.name == a else found.turned()
    side = found.first.side
    told = {name: getattr(side, name) for name in ("count", "relation", "partners", "best", "jaccard", "both")}
    told |= {"cosine": found.first.cosine, "nearest": found.first.nearest.partner, "nearest_cosine": found.first.nearest.cosine}
    rows = sources.named(a, pd.DataFrame({"feature": range(len(side.count)), **told}))
    rows.attrs = {"by_chance": found.first.by_chance, "tokens": found.tokens}
    return rows


def named_by_dictionary(sources: Sources, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of features of several dictionaries, in their order, with labels and summaries."""
    if rows.empty:
        return sources.named(next(iter(sources.known)), rows)
    parts = [sources.named(name, part.copy().reset_index()) for name, part in rows.groupby("dictionary", sort=False)]
    return pd.concat(parts).set_index("index").sort_index().rename_axis(None)


class Feature:
    """One feature of a dictionary of the index. Each table is read when it is asked for; a notebook shows figures and contexts."""

    def __init__(self, sources: Sources, dictionary: str, number: int):
        sources.check_feature(dictionary, number)
        self._sources, self.dictionary, self.number = sources, dictionary, number
        self._row = sources.index.feature(dictionary, number)

    @property
    def figures(self) -> pd.Series:
        """Its figures, by the names and in the units of `Study.features`."""
        return pd.Series({name: getattr(self._row, name) for name in COLUMNS if name not in ("feature", "summary")}, name=repr(self))

    @property
    def frequency(self) -> float:
        """Share of the tokens of the index on which it fires (its code is not 0), in [0, 1]."""
        return self._row.rate

    @property
    def summary(self) -> str:
        """Its most distinctive words."""
        return self._row.summary

    @property
    def label(self) -> str | None:
        """The label that stands for it: a person's, else a judge's, else the maintainers'; None where nobody has labelled it."""
        found = self._sources.shown_labels(self.dictionary).get(self.number)
        return None if found is None else found.text

    @property
    def labels(self) -> pd.DataFrame:
        """All its labels, the newest first: text, source (judge, person, maintainers), judge, draft, score in [0, 1], created, id."""
        from bae.study.labels import table

        there = self._sources.workspace.notebook_file.is_file()
        return table(self._sources.records.labels(self._sources.subject(self.dictionary), self.number) if there else [])

    @property
    def words(self) -> pd.DataFrame:
        """Its distinctive words, best first: word, and z: log-odds against the corpus in standard errors."""
        return pd.DataFrame({"word": self._row.words, "z": self._row.word_scores})

    @property
    def contexts(self) -> pd.DataFrame:
        """The sentences that show it: group, rank, text, token (at its peak), strength, fires_on, document, context.

        Groups are strongest, threshold (just above it), off (a usual bit that is silent) and random (drawn from all sentences). Strength is
        the margin of a bit above its threshold, else the value, in the units of scaled hidden states; `fires_on` are the texts of all
        tokens of the sentence on which it fires. A random sentence has no peak: its token is NA.
        """
        found = [_row_of(example) for examples in self._examples().values() for example in examples]
        return pd.DataFrame(found, columns=["group", "rank", "text", "token", "strength", "fires_on", "document", "context"])

    def _examples(self) -> dict[str, list[Example]]:
        return self._sources.index.examples(self.dictionary, self.number)

    @property
    def promoted(self) -> pd.DataFrame:
        """Logit lens: the tokens that it makes likeliest. Token, logit (before the final norm), z: deviations over the vocabulary.

        Raises FileNotFoundError, with what to do, where the index lacks directions.
        """
        return self._pulls("promoted")

    @property
    def suppressed(self) -> pd.DataFrame:
        """Logit lens: the tokens that it makes least likely, as `promoted`."""
        return self._pulls("suppressed")

    def _pulls(self, end: str) -> pd.DataFrame:
        found = self._sources.directions(self.dictionary)
        rows = [(found.texts[pull.token], pull.logit, pull.z) for pull in getattr(found, end)(self.number)]
        return pd.DataFrame(rows, columns=["token", "logit", "z"])

    @property
    def neighbours(self) -> pd.DataFrame:
        """As `Study.neighbours`."""
        return neighbours(self._sources, self.dictionary, self.number)

    @property
    def coactivation(self) -> pd.DataFrame:
        """As `Study.coactivation`."""
        return coactivation(self._sources, self.dictionary, self.number, None)

    @property
    def partners(self) -> pd.DataFrame:
        """As `Study.partners`."""
        return best_partners(self._sources, self.dictionary, self.number)

    def tokens(self, most: int = 20) -> pd.DataFrame:
        """The tokens of the vocabulary that it fires on most often: token, fired and there (counts in the index), share = fired / there."""
        found = tokens_fired_on(self._sources.index, self._columns(), self._sources.layout, self.number, most)
        rows = pd.DataFrame(found, columns=["token", "fired", "there"])
        return rows.assign(share=rows["fired"] / rows["there"])

    @property
    def positions(self) -> pd.DataFrame:
        """How often it fires at each position of a sentence, from 1 (0 is the start token): fired, tokens, share."""
        found = positions(self._columns(), self._sources.layout, self.number)
        rows = pd.DataFrame({"fired": found.fired, "tokens": found.tokens}, index=pd.RangeIndex(1, len(found.fired) + 1, name="position"))
        return rows.assign(share=rows["fired"] / rows["tokens"])

    @property
    def documents(self) -> pd.DataFrame:
        """In which documents it fires, the highest share first, those of few tokens last: document, fired, tokens, share."""
        numbers, names = pd.factorize(pd.Series(self._sources.index.documents(), dtype=object), sort=True)
        found = documents(self._columns(), self._sources.layout, numbers, self.number)
        told = {"document": [names[number] for number in found.which], "fired": found.fired, "tokens": found.tokens, "share": found.rate}
        return pd.DataFrame(told)

    def _columns(self):
        return self._sources.columns(self.dictionary)

    def __repr__(self) -> str:
        return f"{self.dictionary} feature {self.number}: {self.label or self.summary}"

    def _repr_html_(self) -> str:
        row = self._row
        told = f"Fires on {row.count:,} tokens ({row.rate:.2%}), among the loudest 10 of {row.top_count:,}."
        words = f" Its words: {escape(self.summary)}" if self.label else ""
        parts = [f"<h4>{escape(repr(self))}</h4><p>{told}{words}</p>"]
        for group, examples in self._examples().items():
            lines = "".join(f'<li style="margin:.2em 0">{self._painted(example)}</li>' for example in examples[:PAINTED])
            parts.append(f"<b>{GROUPS[group]}</b><ul>{lines}</ul>")
        return "".join(parts)

    def _painted(self, example: Example) -> str:
        # only a bit has two magnitudes
        usually_on = bursts_off(self._row.rate, self._row.on_magnitude is not None)
        return painted_html(paint_example(example, self._row.largest, usually_on))


def _row_of(example: Example) -> tuple:
    tokens = [example.text[start:end] for start, end in zip(example.starts, example.ends, strict=True)]
    # a random context has no peak, nor has one without a firing: position 0 is the start token
    at_peak = tokens[example.peak] if example.peak and example.band != "random" else None
    fires_on = [tokens[position] for position in example.positions]
    return (example.band, example.rank, example.text, at_peak, example.strength, fires_on, example.document, example.context_id)
