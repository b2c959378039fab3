"""What the model says at one point of the movie-review experiment, beside what it says as it is and behind demonstrations."""

from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from app.components import url
from app.components.small_table import small_table
from app.movies.run import POINT, Shown, named, word
from app.services import movies
from bae.experiments.movies import results as movie_results
from bae.experiments.movies.results import PLAIN, PROMPTED, Point

SIGNS = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def draw(shown: Shown) -> None:
    """The choosers of a point and the answers there."""
    st.subheader("What the model says")
    if not shown.chosen:
        st.caption("Nothing is kept yet of what it says.")
        return
    title, strength = shown.chosen
    curve = {points[0].gamma: points for points in movie_results.curves(shown.results)[title]}
    _choose(shown, title, strength, list(curve))
    chosen = curve[strength]
    columns: dict[str, Point] = {}
    for name in (PLAIN, PROMPTED):
        if points := movie_results.curves(shown.results)[name]:
            columns[name] = points[0][0]
    columns |= {f"{point.method}, at {strength:g}": point for point in chosen if point not in columns.values()}
    st.html(small_table(*table(columns)))
    st.caption(
        "The likeliest next token, and for how many of the tested reviews; ␣ is a space, ⏎ a new line. The five most frequent are kept of "
        "every point: – is not among them."
    )


def _choose(shown: Shown, title: str, strength: float, strengths: Sequence[float]) -> None:
    kinds = movies.kinds()
    names = {key: named(own, shown.results, kinds) for key, own in shown.titles.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(st.selectbox, "Way to steer", "method", word(title), list(names), format_func=names.get, also=POINT[1:], width=360)
        if len(strengths) > 1:
            options = [f"{one:g}" for one in strengths]
            url.bound(st.select_slider, "Strength", "strength", f"{strength:g}", options, also=(), width=420)


def table(columns: Mapping[str, Point]) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Headings, and rows of HTML: how many are right, what is said, and what is not kept. Columns and tokens are foreign."""
    points = list(columns.values())
    most: dict[str, int] = {}
    for point in points:
        for token, count in point.said.items():
            most[token] = max(most.get(token, 0), count)
    tokens = sorted(most, key=lambda token: (-most[token], token))
    return [("", ""), *((name, "") for name in columns)], [
        _row("right over the whole vocabulary", points, lambda point: point.vocabulary),
        _row("right of the two labels", points, lambda point: point.labels),
        _row("answered with a label", points, lambda point: point.answered),
        *(_row(visible(token), points, lambda point, token=token: point.said.get(token), "code") for token in tokens),
        _row("anything else", points, lambda point: point.tested - sum(point.said.values())),
    ]


def _row(name: str, points: Sequence[Point], count, tag: str = "span") -> list[str]:
    return [f"<{tag}>{escape(name)}</{tag}>", *(_cell(count(point), point.tested) for point in points)]


def _cell(count: int | None, tested: int) -> str:
    return "–" if count is None else f"{count:,} <small style='opacity:.7'>{100 * count / tested:.1f} %</small>"


def visible(token: str) -> str:
    """A token with its white space seen, and what cannot be printed marked."""
    return "".join(SIGNS.get(letter, letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}") for letter in token)
