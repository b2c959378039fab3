"""The parts of the compare page: what is chosen, the table, the rate-distortion plot, two figures against each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import charts, services
from app.charts import Measured
from app.compare import measuring
from app.compare import table as compare_table
from app.compare.table import BY_METRIC, CHOICES, Column
from app.components import panels, url
from app.components.explain import hover
from app.live import parts as live
from bae.measures import reports
from bae.measures.reports import RatePoint, Report
from bae.training import runs
from bae.workspace import Workspace

AS_IN_RECIPE = "recipe"


@dataclass(frozen=True)
class Choice:
    """What a person has chosen to see."""

    rows: list[Report]
    """Of the chosen layers and names, in the order asked for."""
    layers: frozenset[int]
    columns: list[Column]


def damaged(sentences: Sequence[str]) -> None:
    """Name the files that cannot be read; the rest of the page goes on."""
    for sentence in sentences:
        st.error(f"Left out: {url.code(sentence)}", icon=":material/broken_image:")


def outdated(rows: Sequence[Report]) -> None:
    """Name the dictionaries whose figures are those of an older checkpoint."""
    if names := [url.code(row.name) for row in rows if row.outdated]:
        st.caption(f"Replaced since it was measured, so that the old figures are left out: {', '.join(names)}. Measure again.")


def choose(rows: Sequence[Report]) -> Choice:
    """The choosers; their state is the address."""
    layers = sorted({row.layer for row in rows})
    options = [str(layer) for layer in layers]
    picked = url.several("layers", options, options) or options
    names = [row.name for row in rows if str(row.layer) in picked]
    only = url.several("only", names, ())
    groups = url.several("columns", CHOICES, ("basic",))
    sort = url.choice("sort", (AS_IN_RECIPE, *BY_METRIC), AS_IN_RECIPE)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if len(layers) > 1:
            _several(
                st.pills, "Layers", "layers", picked, options, default=options, also=("only",), selection_mode="multi", help=hover("layer")
            )
        _several(st.multiselect, "Dictionaries", "only", only, names, default=[], placeholder="All dictionaries", width=300)
        url.bound(
            st.selectbox, "Sort by", "sort", sort, (AS_IN_RECIPE, *BY_METRIC), default=AS_IN_RECIPE, format_func=_sort_label, width=230
        )
    _columns(groups)
    chosen = [row for row in rows if row.name in names and (not only or row.name in only)]
    order = compare_table.in_order(chosen, BY_METRIC.get(sort))
    return Choice(order, frozenset(map(int, picked)), compare_table.columns(groups))


def _columns(groups: list[str]) -> None:
    def written(picked: Sequence[str]) -> str:
        """“All” stands alone: it goes when a group is added to it, and groups go when it is added to them."""
        asked = picked if "all" not in picked else [group for group in picked if (group == "all") == ("all" not in groups)] or ["all"]
        return ",".join(group for group in CHOICES if group in asked)

    url.bound(
        st.pills,
        "Columns",
        "columns",
        groups,
        list(CHOICES),
        default=["basic"],
        written=written,
        selection_mode="multi",
        format_func=CHOICES.__getitem__,
    )


def _several(widget, label: str, name: str, value: list[str], options: Sequence[str], default: list[str], **more) -> None:
    def written(picked: Sequence[str]) -> str:
        return ",".join(option for option in options if option in picked)

    url.bound(widget, label, name, value, options, default=default, written=written, **more)


def _sort_label(metric: str) -> str:
    return "As in the recipe" if metric == AS_IN_RECIPE else BY_METRIC[metric].meaning.label


def table(study: Workspace, choice: Choice) -> None:
    """The figures, what their marks mean, and the file of all of them."""
    index = panels.index_or_none()
    indexed = frozenset(index.dictionaries()) if index else frozenset()
    st.html(compare_table.html(choice.rows, choice.columns, measuring.command(study).replace("`", ""), indexed))
    legend, file = st.columns((5, 1), vertical_alignment="center")
    legend.caption(
        "Hover a heading for what it means; the arrow is the better direction. Bold: the best of its layer. "
        f"–: not measured here, {measuring.command(study)} measures it. *: came with the checkpoint, and does not compete."
    )
    file.download_button(
        "CSV",
        compare_table.as_csv(choice.rows),
        file_name=f"{study.folder.name}-figures.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="All figures of these dictionaries, with all their digits. Shares are in 0..1.",
    )
    with st.expander("What the figures mean", icon=":material/help:"):
        panels.facts([(column.axis, column.meaning.hover) for column in choice.columns])


# rate and distortion


def rate_distortion(study: Workspace, choice: Choice) -> None:
    """Bits a token against FVU, of the chosen dictionaries and of PCA at their layers."""
    st.subheader("Rate and distortion", help=hover("fvu"))
    try:
        points = services.rates()
    except ValueError as error:
        st.error(f"There is nothing to draw: {url.code(error)}", icon=":material/broken_image:")
        return
    if not points:
        st.info(_how_to_get_rates(study), icon=":material/show_chart:")
        return
    stale = {row.name for row in choice.rows if reports.rates_outdated(study, row.name)}
    names = {row.name for row in choice.rows} - stale
    lines = coded([point for point in points if point.name in names or _pca_of(point, choice.layers)])
    st.caption(
        "Left and down is better: a shorter code that leaves less unexplained. Bits are the length of the whole code on held-out text, "
        "under frequencies counted on training text; sparse autoencoders and PCA pay for their values, rounded in steps."
    )
    log = url.flag("log", False)
    url.bound(st.toggle, "Logarithmic bits", "log", log, default=False, written=live.bit)
    if not lines:
        st.info("None of the chosen dictionaries is among the points. Choose others, or measure again.", icon=":material/show_chart:")
        return
    st.plotly_chart(
        charts.rate_distortion(lines, log), config=charts.config("bits against FVU"), key="rates", alt="Bits a token against FVU"
    )
    if absent := sorted(names - {line.name for line in lines} | stale):
        st.caption(f"Not drawn until they are measured again: {', '.join(map(url.code, absent))}.")


def _how_to_get_rates(study: Workspace) -> str:
    if runs.harvested(study, "train"):
        return f"No rates have been measured here. “Measure” does it, or {measuring.command(study, rates=True)}."
    return (
        f"No rates have been measured here. They need the training harvest too: `bae harvest --workspace {study.folder.name}`, "
        f"then {measuring.command(study, rates=True)}."
    )


def _pca_of(point: RatePoint, layers: frozenset[int]) -> bool:
    return point.kind == reports.PCA and point.name in {f"pca-{layer}" for layer in layers}


def coded(points: Sequence[RatePoint]) -> list[Measured]:
    """Points of one name as one line, in the order of steps; PCA first, so that dictionaries are drawn over it."""
    by_name: dict[str, list[RatePoint]] = {}
    for point in sorted(points, key=lambda point: point.step or 0.0):
        by_name.setdefault(point.name, []).append(point)
    lines = [
        Measured(
            name,
            group[0].kind,
            [point.bits for point in group],
            [point.fvu for point in group],
            ["" if point.step is None else f", values in steps of {point.step:g}" for point in group],
        )
        for name, group in by_name.items()
    ]
    return sorted(lines, key=lambda line: line.kind != reports.PCA)


# two figures


def scatter(choice: Choice) -> None:
    """Two chosen figures against each other, a point a dictionary."""
    st.subheader("One figure against another")
    x, y = url.choice("x", BY_METRIC, "active_8192_tokens"), url.choice("y", BY_METRIC, "fvu")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        _axis("Upwards", "y", y, "fvu")
        _axis("Across", "x", x, "active_8192_tokens")
    drawn = pairs(choice.rows, BY_METRIC[x], BY_METRIC[y])
    if not drawn:
        st.info("None of the chosen dictionaries has both figures. Measure them first.", icon=":material/scatter_plot:")
        return
    st.caption(_reading(BY_METRIC[x], BY_METRIC[y]))
    figure = charts.scatter(list(drawn.values()), BY_METRIC[x].axis, BY_METRIC[y].axis)
    st.plotly_chart(figure, config=charts.config(f"{y} against {x}"), key="scatter", alt=f"{BY_METRIC[y].axis} against {BY_METRIC[x].axis}")
    if absent := [url.code(row.name) for row in choice.rows if row.name not in drawn]:
        st.caption(f"Not drawn, because one of the two figures is missing: {', '.join(absent)}.")


def _axis(label: str, name: str, value: str, default: str) -> None:
    url.bound(
        st.selectbox,
        label,
        name,
        value,
        list(BY_METRIC),
        default=default,
        format_func=lambda metric: BY_METRIC[metric].meaning.label,
        help=BY_METRIC[value].meaning.hover,
        width=280,
    )


def pairs(rows: Sequence[Report], x: Column, y: Column) -> Mapping[str, Measured]:
    """The dictionaries that have both figures."""
    found = {row.name: (row.kind, _shown(row, x), _shown(row, y)) for row in rows}
    return {name: Measured(name, kind, [a], [b]) for name, (kind, a, b) in found.items() if a is not None and b is not None}


def _shown(row: Report, column: Column) -> float | None:
    value = row.figure(column.metric)
    return 100 * value if value is not None and column.percent else value


def _reading(x: Column, y: Column) -> str:
    """How to read the plot, where its figures have a better direction."""
    across = {"lower": "left", "higher": "right"}.get(x.meaning.better)
    upwards = {"lower": "down", "higher": "up"}.get(y.meaning.better)
    where = " and ".join(filter(None, (across, upwards)))
    return "A point a dictionary; colour and shape are its kind." + (f" {where.capitalize()} is better." if where else "")
