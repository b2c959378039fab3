"""Where a text or a regular expression occurs in the sentences of an index, and which features fire there more than elsewhere."""

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
from jaxtyping import Float, Int

from bae.index.columns import Columns, packed
from bae.index.layout import Layout
from bae.index.query import Index

LONGEST = 500
"""Characters of a text or an expression that is looked for."""
CONFIDENT = 1.96
"""Standard errors between a log-odds and its lower bound: 95 %."""
_MARKED = """
select context_id, starts, ends, marked
from (select context_id, starts, ends, text, regexp_replace(text, {pattern}, ? || '\\0' || ?, 'g') as marked from context)
where marked <> text order by context_id
"""
TEXT, EXPRESSION = (_MARKED.format(pattern=pattern) for pattern in ("? || regexp_escape(?)", "? || ?"))
"""Constant texts: what is looked for is bound, and so are the marks that are put round it."""


@dataclass(frozen=True)
class Occurrences:
    """Where something was found."""

    matches: int
    """Stretches of characters, none empty."""
    tokens: Int[np.ndarray, " token"]
    """The tokens that share a character with one of them, numbered through the corpus, ascending."""
    contexts: Int[np.ndarray, " context"]
    """The sentences that hold them, ascending."""


def find(index: Index, layout: Layout, wanted: str, expression: bool = False, case: bool = False) -> Occurrences:
    """Where a text, or what a regular expression (RE2) describes, occurs; upper and lower case are told apart if `case` says so.

    Raises ValueError for nothing to look for, and for what is no regular expression, with the reason that DuckDB gives.
    """
    if not wanted.strip():
        raise ValueError("type what to look for in the sentences")
    if len(wanted) > LONGEST:
        raise ValueError(f"what is looked for has {len(wanted):,} characters; at most {LONGEST} are taken")
    # a number that nobody can know beforehand: no sentence holds it
    begin, end = (f"\N{START OF TEXT}{secrets.token_hex(8)}{sign}" for sign in "[]")
    try:
        rows = index.rows(EXPRESSION if expression else TEXT, "" if case else "(?i)", wanted, begin, end)
    except duckdb.InvalidInputException as error:
        reason = str(error).removeprefix("Invalid Input Error: ")
        raise ValueError(f"this is no regular expression that can be searched for: {reason}") from error
    marks = re.compile(f"{re.escape(begin)}|{re.escape(end)}")
    matches, tokens, contexts = 0, [np.empty(0, np.int64)], []
    for context, starts, ends, marked in rows:
        if spans := list(_spans(marked, marks)):
            matches += len(spans)
            tokens.append(layout.begins[context] + _touched(spans, starts[1:], ends[1:]))
            contexts.append(context)
    return Occurrences(matches, np.concatenate(tokens), np.array(contexts, np.int64))


def _spans(marked: str, marks: re.Pattern) -> Iterator[tuple[int, int]]:
    """Where the marked stretches were before they were marked; empty ones are left out."""
    end = 0
    for number, part in enumerate(marks.split(marked)):
        begin, end = end, end + len(part)
        if number % 2 and part:
            yield begin, end


def _touched(spans: Sequence[tuple[int, int]], starts: Sequence[int], ends: Sequence[int]) -> Int[np.ndarray, " token"]:
    """Which tokens share a character with any of these stretches."""
    begins, ends = np.array(starts), np.array(ends)
    return np.flatnonzero(np.any([(begins < last) & (ends > first) for first, last in spans], axis=0))


@dataclass(frozen=True)
class Enriched:
    """A feature that fires on some tokens more often than on the others."""

    feature: int
    here: int
    """Of these tokens, those on which it fires."""
    share_here: float
    """The same as a share of these tokens, in [0, 1]."""
    share_own: float
    """The same as a share of all tokens on which it fires, in [0, 1]."""
    log_odds: float
    """Log of the odds of firing here over the odds elsewhere (natural logarithm; counts with 1/2 added)."""
    at_least: float
    """The lower end of its 95 % interval; what features are ranked by, so that one token of luck does not lead."""


def enriched(columns: Columns, tokens: Int[np.ndarray, " token"], most: int) -> list[Enriched]:
    """The features that fire most specifically on these tokens: those whose log-odds are above 0 for certain, the surest first."""
    here = columns.together(packed(tokens, columns.n_tokens))
    log_odds, error = log_odds_of(here, len(tokens), columns.counts, columns.n_tokens)
    at_least = log_odds - CONFIDENT * error
    order = [feature for feature in np.argsort(-at_least, kind="stable").tolist() if here[feature] and at_least[feature] > 0][:most]
    share_here, share_own = here / max(len(tokens), 1), here / np.maximum(columns.counts, 1)
    return [Enriched(feature, *(array[feature].item() for array in (here, share_here, share_own, log_odds, at_least))) for feature in order]


def log_odds_of(
    here: Int[np.ndarray, " feature"], tokens: int, fires: Int[np.ndarray, " feature"], all_tokens: int
) -> tuple[Float[np.ndarray, " feature"], Float[np.ndarray, " feature"]]:
    """Log-odds of firing on `tokens` tokens against all others, and their standard error (1/2 added to every count: Haldane 1956)."""
    cells = [here + 0.5, tokens - here + 0.5, fires - here + 0.5, (all_tokens - tokens) - (fires - here) + 0.5]
    return np.log(cells[0] / cells[1]) - np.log(cells[2] / cells[3]), np.sqrt(sum(1 / cell for cell in cells))
