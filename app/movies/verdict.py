"""What a run of the movie-review experiment says of the BAE, in words that are made from its numbers."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from app.components import url
from app.components.explain import hover
from app.components.small_table import small_table
from app.movies.run import Shown
from bae.experiments.movies import results as movie_results
from bae.experiments.movies import verdict as movie_verdict
from bae.experiments.movies.results import PLAIN
from bae.experiments.movies.verdict import Comparison, Verdict

TOLD = {"above": "above it", "below": "below it", "undecided": "not told apart"}


def draw(shown: Shown) -> None:
    """A verdict on every BAE of the run; before the run has finished only how far it is."""
    results = shown.results
    if results.missing():
        st.info(
            f"This run has not finished: {len(results.points)} points are kept and {results.missing()} are missing. "
            "Whether the BAE beats its controls is told when all strengths are there.",
            icon=":material/hourglass_top:",
        )
        return
    found = movie_verdict.verdicts(results, shown.of)
    with st.container(border=True):
        if not found:
            st.markdown("**There is no BAE among the dictionaries of this layer**, so there is nothing to hold against controls.")
        for verdict in found:
            st.markdown(headline(shown, verdict))
            st.html(_table(shown, verdict))
        st.caption(helping(shown))
        st.caption(_rule(shown), help=hover("movie_joint"))


def headline(shown: Shown, verdict: Verdict) -> str:
    """Whether a BAE beats its controls, and what steering with it does at all, as Markdown."""
    name, measure = url.code(verdict.title), f"over the {shown.measure}"
    above = [url.code(one.against) for one in verdict.controls if one.relation == "above"]
    if verdict.beats_controls:
        first = f"**{name} beats its controls** {measure}: it is above all {len(above)} of them."
    elif verdict.controls:
        which = f"only above {', '.join(above)}" if above else f"above none of the {len(verdict.controls)}"
        first = f"**{name} does not beat its controls** {measure}: it is {which}."
    else:
        first = f"{name} was run without controls."
    harm = movie_verdict.harms(shown.results, verdict.title, shown.of)
    worse = "" if harm is None else f" From strength {harm:g} on it answers fewer reviews right than the model as it is."
    return f"{first} {_unsteered(shown, verdict.unsteered)}{worse}"


def _unsteered(shown: Shown, one: Comparison) -> str:
    plain = _percent(shown, one.theirs)
    if one.ours[0].method == PLAIN:
        return f"At no strength does it answer more reviews right than the model as it is ({plain})."
    best = f"{_percent(shown, one.ours)} at strength {one.ours[0].gamma:g}"
    if one.relation == "above":
        return f"Steering with it helps: {best}, against {plain} without."
    return f"Its best, {best}, is not told apart from the {plain} of the model as it is."


def helping(shown: Shown) -> str:
    """Which ways to steer are above the model as it is."""
    compared = movie_verdict.helps(shown.results, shown.of)
    names = [url.code(one.title) for one in compared if one.relation == "above"]
    if not names:
        return f"None of the {len(compared)} ways to steer is above the model as it is."
    return f"Above the model as it is: {', '.join(names)}; {len(compared) - len(names)} other ways to steer are not."


def _table(shown: Shown, verdict: Verdict) -> str:
    heads = [
        ("held against", "Controls first: equal in length to the BAE's direction, or read without a dictionary. Then other dictionaries."),
        ("its best", "Accuracy at its best strength; over draws, their mean."),
        (f"best of {verdict.title}", ""),
        ("the BAE is", hover("movie_joint")),
    ]
    return small_table(heads, [_row(shown, one) for one in (*verdict.controls, *verdict.others)])


def _row(shown: Shown, one: Comparison) -> list[str]:
    told = TOLD[one.relation]
    return [
        escape(one.against),
        _best(shown, one.theirs),
        _best(shown, one.ours),
        told if one.relation == "undecided" else f"<b>{told}</b>",
    ]


def _best(shown: Shown, points: Sequence) -> str:
    return f"{_percent(shown, points)} at {points[0].gamma:g}"


def _percent(shown: Shown, points: Sequence) -> str:
    return f"{100 * movie_results.mean(points, shown.of):.1f} %"


def _rule(shown: Shown) -> str:
    results, least = shown.results, movie_verdict.least_told(shown.results, shown.of)
    picked, made = movie_verdict.strengths(results), movie_verdict.comparisons(results)
    told = (
        f"McNemar's exact test, for the worst case, as it is not kept which reviews were right. The best of {picked} strengths is picked "
        f"on the tested reviews, and {made} comparisons are made: so told is only what is below p = {movie_verdict.threshold(results):.1g}"
    )
    return f"{told}." if least is None else f"{told}: here from {100 * least:.1f} percentage points over the model as it is."
