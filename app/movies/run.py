"""The movie-review experiment: which run is shown and how, its curves, its table, where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from app import charts
from app.charts import KIND_COLOURS
from app.components import panels, tables, url
from app.components.explain import MEANINGS, hover
from app.live import parts as live
from app.movies import charts as movie_charts
from app.movies.charts import GREY, MEANS_COLOUR, Curve, Level
from app.services import movies
from bae.experiments.movies import results as movie_results
from bae.experiments.movies.results import MEANS, MEASURES, PLAIN, PROMPTED, Of, Point, Results
from bae.names import TITLES
from bae.numbers import duration


def word(title: str) -> str:
    """A curve as the address names it: without commas and spaces."""
    return title.replace(", ", ":").replace(" ", "-")


LOOKS = {
    "features": ("solid", "circle"),
    "sign": ("dash", "diamond-open"),
    "random features": ("dot", "circle-open"),
    "random direction": ("dot", "x"),
    MEANS: ("solid", "star"),
}
"""Of the kinds of direction: how the line is drawn, and its marks."""
MAJORITY = "majority"
LEVELS = {word(PLAIN): "dash", word(PROMPTED): "solid", MAJORITY: "dot"}
"""What is drawn from side to side, and how."""
POINT = ("method", "strength")
"""What no longer holds when another run is chosen."""


@dataclass(frozen=True)
class Shown:
    """A run, and how a person wants to see it."""

    results: Results
    of: Of
    titles: Mapping[str, str]
    """Every curve by the word that the address has for it."""
    chosen: tuple[str, float] | None
    """The point whose answers are shown: title and strength; None before any is kept."""

    @property
    def measure(self) -> str:
        """What counts as right."""
        return MEASURES[self.of]


def named(title: str, results: Results, kinds: Mapping[str, str]) -> str:
    """A curve as the page names it, with the kind of its dictionary. Foreign: it holds a dictionary's name."""
    told = movie_results.told_of(results, title)
    if told is None or told["dictionary"] is None:
        return title
    kind = kinds.get(told["dictionary"])
    return f"{TITLES.get(kind, kind)} · {title}" if kind and told["kind"] in ("features", "sign") else title


# what is chosen


def choose(found: Sequence[Results]) -> Shown:
    """The choosers of the run and of what counts as right; their state is the address."""
    by_name = {results.file.stem.removeprefix("movie-reviews-"): results for results in found}
    name = url.choice("run", by_name, next(iter(by_name)))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(
            st.selectbox,
            "Run",
            "run",
            name,
            list(by_name),
            default=next(iter(by_name)),
            also=(*POINT, "curves"),
            format_func=lambda one: _run_title(by_name[one]),
            help=hover("movie_samples"),
            width=520,
        )
        of = url.choice("of", MEASURES, "vocabulary")
        options = {"format_func": MEASURES.get, "required": True, "help": hover(f"movie_{of}")}
        url.bound(st.segmented_control, "What counts as right", "of", of, list(MEASURES), default="vocabulary", **options)
    results = by_name[name]
    titles = {word(title): title for title, curve in movie_results.curves(results).items() if _begun(title, curve)}
    return Shown(results, of, titles, _point(results, titles))


def _run_title(results: Results) -> str:
    told = results.settings
    rest = f" · {results.missing()} points missing" if results.missing() else ""
    seed = f", seed {told['seed']}" if told["seed"] else ""
    return f"layer {told['layer']} · {told['samples']:,} reviews{seed} · {results.date[:16].replace('T', ' ')}{rest} · {told['model']}"


def _point(results: Results, titles: Mapping[str, str]) -> tuple[str, float] | None:
    """The point that the address asks for; the first dictionary at strength 1 where it asks for none."""
    if not titles:
        return None
    steered = [key for key, title in titles.items() if title not in (PLAIN, PROMPTED)]
    title = titles[url.choice("method", titles, next(iter(steered or titles)))]
    strengths = {f"{points[0].gamma:g}": points[0].gamma for points in movie_results.curves(results)[title]}
    return title, strengths[url.choice("strength", strengths, "1" if "1" in strengths else next(iter(strengths)))]


def _begun(title: str, curve: Sequence[Sequence[Point]]) -> bool:
    """Whether there is a point of its own: strength 0 is that of the model as it is."""
    return bool(curve) and (title in (PLAIN, PROMPTED) or curve[-1][0].gamma > 0)


# the curves


def chart(shown: Shown) -> None:
    """Accuracy against strength; a click on a point chooses it."""
    kinds = movies.kinds()
    names = {key: named(title, shown.results, kinds) for key, title in shown.titles.items()} | {MAJORITY: MAJORITY}
    only = url.several("curves", names, ())
    bands = url.flag("bands", True)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        url.bound(
            st.multiselect,
            "Curves",
            "curves",
            only,
            list(names),
            default=[],
            written=lambda picked: ",".join(key for key in names if key in picked),
            format_func=names.get,
            placeholder="All curves",
            width=520,
        )
        url.bound(st.toggle, "95 % intervals", "bands", bands, default=True, written=live.bit, help=hover("movie_interval"))
    asked = [key for key in names if not only or key in only]
    drawn = [_curve(shown, shown.titles[key], names[key], kinds) for key in asked if key not in LEVELS]
    chosen = shown.chosen and (names[word(shown.chosen[0])], shown.chosen[1])
    keys = {name: key for key, name in names.items()}
    st.plotly_chart(
        movie_charts.accuracy(drawn, _levels(shown, asked), shown.measure, max(shown.results.settings["gammas"]) or 1, chosen, bands),
        config=charts.config(f"movie reviews layer {shown.results.settings['layer']} {shown.of}"),
        key="movie-curves",
        on_select=lambda: _picked(keys),
        selection_mode="points",
        alt=f"Accuracy over the {shown.measure} against strength, a curve for each way to steer",
    )
    st.caption("Click a point to see what the model says there. A click in the legend hides a curve, a double click shows it alone.")


def _picked(keys: Mapping[str, str]) -> None:
    points = st.session_state["movie-curves"]["selection"]["points"]
    # levels and bands carry no strength, and a figure that is drawn anew reports that nothing is selected
    if points and isinstance(points[-1].get("customdata"), list) and points[-1]["customdata"][0] in keys:
        name, strength = points[-1]["customdata"][:2]
        url.put(method=keys[name], strength=f"{strength:g}")


def _curve(shown: Shown, title: str, name: str, kinds: Mapping[str, str]) -> Curve:
    told, curve = movie_results.told_of(shown.results, title), movie_results.curves(shown.results)[title]
    dash, symbol = LOOKS[told["kind"]]
    spans = [_span(points, shown.of) for points in curve]
    drawn = max(map(len, curve))
    return Curve(
        name,
        MEANS_COLOUR if title == MEANS else KIND_COLOURS.get(kinds.get(told["dictionary"]), GREY),
        dash,
        symbol,
        [points[0].gamma for points in curve],
        [100 * movie_results.mean(points, shown.of) for points in curve],
        [low for low, _ in spans],
        [high for _, high in spans],
        "95 % interval" if drawn == 1 else f"mean of {drawn} draws, from",
    )


def _span(points: Sequence[Point], of: Of) -> tuple[float, float]:
    """In %: the 95 % interval of one point, the range of several draws."""
    each = points[0].interval(of) if len(points) == 1 else [point.accuracy(of) for point in points]
    return 100 * min(each), 100 * max(each)


def _levels(shown: Shown, asked: Sequence[str]) -> list[Level]:
    """What belongs to no strength: the model as it is, behind demonstrations, and saying always the same label."""
    curves, names = movie_results.curves(shown.results), {PROMPTED: f"{shown.results.settings['shots']} demonstrations"}
    titles = [shown.titles[key] for key in asked if key in LEVELS and key != MAJORITY]
    levels = [Level(names.get(title, title), 100 * curves[title][0][0].accuracy(shown.of), LEVELS[word(title)]) for title in titles]
    if shown.of == "labels" and MAJORITY in asked:
        levels.append(Level(MAJORITY, 100 * shown.results.majority, LEVELS[MAJORITY]))
    return levels


# the table


def table(shown: Shown) -> None:
    """Every curve at its best strength."""
    kinds, curves = movies.kinds(), movie_results.curves(shown.results)
    plain = 100 * curves[PLAIN][0][0].accuracy(shown.of) if curves[PLAIN] else None
    frame = pd.DataFrame([_row(shown, title, kinds, plain) for title in shown.titles.values()])
    st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        column_config={
            "name": st.column_config.TextColumn("Way to steer", width=270),
            "best": tables.number("movie_best", "%.4g"),
            "accuracy": st.column_config.NumberColumn(
                MEANINGS["movie_accuracy"].label, help=MEANINGS["movie_accuracy"].hover, format="%.1f %%"
            ),
            "interval": tables.words("movie_interval"),
            "gain": tables.number("movie_gain", "%+.1f"),
            "norms": tables.number("movie_norms", "%.2f"),
            "cosine": tables.number("movie_cosine", "%.2f"),
        },
    )
    st.download_button(
        "All points as CSV",
        pd.DataFrame(movie_results.rows(shown.results)).to_csv(index=False),
        file_name=f"{shown.results.file.stem}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="Every strength under both measures, draws apart, with intervals. Shares are in 0..1.",
    )


def _row(shown: Shown, title: str, kinds: Mapping[str, str], plain: float | None) -> dict[str, object]:
    points = movie_results.best(movie_results.curves(shown.results)[title], shown.of)
    told = movie_results.told_of(shown.results, title) or {}
    accuracy = 100 * movie_results.mean(points, shown.of)
    low, high = _span(points, shown.of)
    return {
        "name": named(title, shown.results, kinds),
        "best": points[0].gamma if told else None,
        "accuracy": accuracy,
        "interval": f"{low:.1f} to {high:.1f}{' (draws)' if len(points) > 1 else ''}",
        "gain": None if plain is None else accuracy - plain,
        "norms": told.get("norms"),
        "cosine": None if told.get("draw") else told.get("cosine"),
    }


# where it comes from


def provenance(results: Results) -> None:
    """Command, machine and date, what was drawn, and the checkpoints. Warns where one of them is another by now."""
    told = results.settings
    if gone := movies.replaced(told["dictionaries"]):
        names = ", ".join(map(url.code, gone))
        st.warning(f"Replaced or gone since this run: {names}. Its figures are those of the old checkpoints.", icon=":material/history:")
    with st.popover("Where it comes from", icon=":material/history_edu:", type="tertiary"):
        panels.facts(
            [
                ("Command", results.command or "not kept"),
                ("Machine", results.machine or "not kept"),
                ("Date", f"{results.date}, {duration(results.seconds)} of work"),
                ("Language model", f"{told['model']}, fingerprint {told['fingerprint']}"),
                ("Layer", tables.layer_text(told["layer"])),
                ("Reviews", f"{told['samples']:,} to read directions from, {told['samples']:,} others tested, seed {told['seed']}"),
                ("Demonstrations", f"{told['shots']}, drawn anew for every prompt"),
                ("Features kept", f"the {told['kept']:,} of greatest difference"),
                ("Draws of each random control", f"{told['controls']:,}"),
                *((f"Checkpoint {name}", f"weights {digest}") for name, digest in told["dictionaries"].items()),
                ("Kept in", f"steering/{results.file.name}"),
            ]
        )
