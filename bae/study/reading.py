"""Texts that are read through the dictionaries of a study: what bursts on their tokens, what tells two sets apart."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from bae.reading import contrast as contrasts
from bae.reading.description_length import CorpusCode
from bae.reading.inspection import SparseInspection, inspect, summarize
from bae.reading.painted_html import painted_html
from bae.reading.painting import View, paint
from bae.reading.shares import Shares
from bae.study.sources import Names, Sources
from bae.system.progress import Progress


@dataclass(frozen=True, eq=False, repr=False)
class Inspected:
    """A text seen through dictionaries. Positions count from 1, 0 is the start token. A notebook shows the text painted."""

    text: str
    """As it was read: cut at 4,096 tokens."""
    tokens: pd.DataFrame
    """A row a token and dictionary: dictionary, position, token, start, end (characters), read, feature, magnitude, bits.

    `read` is False where a token is left out because its hidden state is more than ten times longer than usual. `feature` is the loudest,
    NA where none stands out; `magnitude` is in the dictionary's unit (`Study.dictionaries`). `bits` is what the token's code costs under
    the habits of the corpus, a code length; NaN for dictionaries whose features are no bits.
    """
    bursts: pd.DataFrame
    """The loudest features of every token, at most 10: dictionary, position, token, rank (from 1), feature, label, summary, magnitude."""
    features: pd.DataFrame
    """The features among these: dictionary, feature, label, summary, peak (greatest magnitude), at (its position), count (tokens that it is
    among the loudest of), share (of the read tokens that it stands out on, in [0, 1]), rate (in the corpus, in [0, 1]). Loudest first."""
    seen: dict[str, SparseInspection]
    """What the tables are made of, by dictionary: tensors."""
    rates: dict[str, list[float]]

    def trace(self, dictionary: str, feature: int) -> pd.DataFrame:
        """One feature on every token: position, token, magnitude, activated, code, strength (the margin of a bit, else the value).

        The strength of a bit that is silent as usual is NaN. Raises ValueError for a dictionary or a feature that is not there.
        """
        if dictionary not in self.seen:
            raise ValueError(f"the text was not read through {dictionary!r}; it was through {', '.join(self.seen)}")
        own = self.seen[dictionary]
        magnitude, activated = own.feature(feature)
        code, strength = own.column(feature)
        told = {"magnitude": magnitude, "activated": activated, "code": code, "strength": strength}
        rows = pd.DataFrame({name: column.cpu().numpy()[1:] for name, column in told.items()})
        rows.insert(0, "position", range(1, len(rows) + 1))
        rows.insert(1, "token", _token_texts(own))
        return rows

    def __repr__(self) -> str:
        n_tokens = len(self.tokens) // len(self.seen)
        return f"{n_tokens:,} tokens through {', '.join(self.seen)}: {len(self.features):,} features among the loudest"

    def _repr_html_(self) -> str:
        lines = []
        for name, own in self.seen.items():
            painted = painted_html(paint(own, self.rates[name], View()))
            lines.append(f'<div style="margin:.4em 0"><b>{escape(name)}</b><br>{painted}</div>')
        return "".join(lines)


def inspected(sources: Sources, text: str, dictionaries: Names) -> Inspected:
    """What `Study.inspect` returns."""
    names = sources.read_through(dictionaries)
    judged = {name: sources.judged(name) for name in names}
    found = inspect(sources.model, {name: lens for name, (lens, _) in judged.items()}, text)
    tokens, bursts, features = [], [], []
    for name, own in found.items():
        prior = judged[name][1]
        code = CorpusCode.of(prior) if own.lens.autoencoder.binary else None
        tokens.append(_tokens(own, None if code is None else code.bits(own.code).cpu().numpy()))
        bursts.append(_named(sources, name, _bursts(own)))
        share = Shares.of(own).share.cpu().numpy()
        rows = [(one.feature, one.peak, one.peak_token, one.count, share[one.feature], one.rate) for one in summarize(own, prior.rate)]
        features.append(_named(sources, name, pd.DataFrame(rows, columns=["feature", "peak", "at", "count", "share", "rate"])))
    seen = {name: SparseInspection.of(own) for name, own in found.items()}
    rates = {name: prior.rate.tolist() for name, (_, prior) in judged.items()}
    first = next(iter(found.values()))
    joined = [_joined(names, parts) for parts in (tokens, bursts, features)]
    return Inspected(first.tokens.text, *joined, seen, rates)


def _token_texts(own) -> list[str]:
    return [own.tokens.text[start:end] for start, end in own.tokens.spans[1:]]


def _tokens(own, bits: np.ndarray | None) -> pd.DataFrame:
    loudest = pd.array(own.top.feature[1:, 0].cpu().numpy(), dtype="Int64")
    told = {
        "position": range(1, len(own.tokens.ids)),
        "token": _token_texts(own),
        "start": [start for start, _ in own.tokens.spans[1:]],
        "end": [end for _, end in own.tokens.spans[1:]],
        "read": own.read[1:].cpu().numpy(),
        "feature": pd.Series(loudest).mask(loudest < 0),
        "magnitude": np.where(loudest >= 0, own.top.magnitude[1:, 0].cpu().numpy(), np.nan),
        "bits": np.nan if bits is None else np.where(own.read[1:].cpu().numpy(), bits[1:], np.nan),
    }
    return pd.DataFrame(told)


def _bursts(own) -> pd.DataFrame:
    feature, magnitude = own.top.feature[1:].cpu().numpy(), own.top.magnitude[1:].cpu().numpy()
    position, rank = np.nonzero(feature >= 0)
    texts = np.array(_token_texts(own), dtype=object)
    told = {"position": position + 1, "token": texts[position], "rank": rank + 1, "feature": feature[position, rank]}
    return pd.DataFrame({**told, "magnitude": magnitude[position, rank]})


def _named(sources: Sources, dictionary: str, rows: pd.DataFrame) -> pd.DataFrame:
    """With labels and summaries where the index has the dictionary, else with neither."""
    if sources.indexed and dictionary in sources.known:
        return sources.named(dictionary, rows)
    place = list(rows.columns).index("feature") + 1
    rows.insert(place, "label", None)
    rows.insert(place + 1, "summary", None)
    return rows


def _joined(names: Sequence[str], parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    for name, part in zip(names, parts, strict=True):
        part.insert(0, "dictionary", name)
    return pd.concat(parts, ignore_index=True)


# two sets of lines


def contrast(sources: Sources, a: str | Sequence[str], b: str | Sequence[str], dictionaries: Names) -> pd.DataFrame:
    """The table of `Study.contrast`."""
    lenses = {name: sources.lens(name) for name in sources.read_through(dictionaries)}
    with ExitStack() as stack:
        bar: Progress | None = None

        def advance(tokens: int, total: int) -> None:
            nonlocal bar
            bar = bar or stack.enter_context(Progress("reading the lines", total, "tokens"))
            bar.advance(tokens)

        found = contrasts.contrast_lines(sources.model, lenses, *(text_lines(side) for side in (a, b)), advance)
    figures = found.figures
    told = {
        "effect": figures.effect,
        "p": figures.p,
        "share_a": figures.share_a,
        "share_b": figures.share_b,
        "tokens_a": found.token_share_a,
        "tokens_b": found.token_share_b,
    }
    ends = np.cumsum(found.sizes)
    parts = []
    for name, size, end in zip(found.names, found.sizes, ends.tolist(), strict=True):
        own = {column: values[end - size : end] for column, values in told.items()}
        parts.append(_named(sources, name, pd.DataFrame({"feature": range(size), **own})))
    rows = _joined(found.names, parts)
    rows = rows[rows["effect"] != 0].sort_values("effect", ascending=False, kind="stable").reset_index(drop=True)
    rows.attrs = {"smallest_p": figures.smallest_p, "permutations": figures.permutations, "exact": figures.exact, "lines": figures.lines}
    return rows


def text_lines(side: str | Sequence[str]) -> list[str]:
    """Examples, one a line where they come as one text; blank lines are none."""
    return [line for line in (side.splitlines() if isinstance(side, str) else side) if line.strip()]
