"""Charts: Plotly figures as functions of plain data. One template; colours that are told apart with any kind of colour vision."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from app.components import plot_format
from bae.features.figures import strength_axis
from bae.names import TITLES

TEAL, ORANGE = "#0A8CA3", "#E07010"
TEMPLATE = go.layout.Template(
    layout={
        "colorway": [TEAL, ORANGE, "#7A6FAE", "#8A8F2A"],
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "bargap": 0.04,
        "showlegend": False,
        "xaxis": {"automargin": True, "showgrid": False, "zeroline": False},
        "yaxis": {"automargin": True, "zeroline": False, "gridcolor": "rgba(128,128,128,.25)"},
    }
)
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")
"""Okabe and Ito's, as in the theme, without the yellow that is lost on white: who is who among runs, and nothing else."""
KIND_COLOURS = dict(zip(TITLES, (*RUN_COLOURS[:6], "#7A6FAE", "#8A8F2A"), strict=True))
"""The kinds of the shipped recipe have the colours that its runs have."""
KIND_SYMBOLS = dict(zip(TITLES, ("circle", "square", "diamond", "triangle-up", "cross", "star", "hexagon", "x"), strict=True))
"""A second sign of the kind, for those who cannot tell all colours."""
PEER_COLOUR = "#7F7F7F"
"""Of what is no dictionary: PCA."""
STEP_SCALE = ((0, "#2F86C8"), (0.5, "#9A9A9A"), (1, ORANGE))
"""Early to late: seen on light and on dark, and in order with any kind of colour vision."""
FEW_POINTS = 15
"""A line through no more is drawn with its points."""
BAND = 0.12
"""Opacity of an interval around a curve."""
FILE_CHARACTERS = 80
CONFIG = {"displayModeBar": "hover", "modeBarButtons": [["toImage"]], "displaylogo": False, "scrollZoom": False}


def config(name: str) -> dict:
    """How a chart behaves: on hovering it shows a camera, and nothing else, that saves it under this name in the chosen format."""
    file = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:FILE_CHARACTERS] or "plot"
    return {**CONFIG, "toImageButtonOptions": {"format": plot_format.chosen(), "filename": file, "scale": 2}}


def plotly_text(text: str) -> str:
    """Foreign text for Plotly, whose own few tags it must not reach; quotes stay, for Plotly shows their entities as they are written."""
    return escape(text, quote=False)


def faint(colour: str) -> str:
    """A colour #RRGGBB as the band of a curve has it: an interval that others can be seen through."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{BAND})"


def strength_histogram(counts: Sequence[int], largest: float, binary: bool) -> go.Figure:
    """How strongly a feature fires where it does: equal bins over [0, largest]."""
    width = largest / len(counts) if counts else 1.0
    centres = [(bin + 0.5) * width for bin in range(len(counts))]
    name, unit = strength_axis(binary)
    figure = go.Figure(go.Bar(x=centres, y=list(counts), width=width, hovertemplate=name + " %{x:.2f}: %{y:,} tokens<extra></extra>"))
    return _finish(figure, f"{name} ({unit})", "tokens")


@dataclass(frozen=True)
class Line:
    """A figure of one run along its steps."""

    name: str
    """Foreign: a folder's name."""
    colour: str
    steps: Sequence[float]
    values: Sequence[float]
    dotted: bool = False
    """What the solid line of the same colour is to be compared with."""


def curves(lines: Sequence[Line], y: str, log: bool, x_end: float) -> go.Figure:
    """One figure of several runs along the steps up to `x_end`, so that charts beside each other share their steps."""
    figure = go.Figure(
        [
            go.Scatter(
                x=line.steps,
                y=line.values,
                name=plotly_text(line.name),
                mode="lines" if len(line.steps) > FEW_POINTS else "lines+markers",
                marker={"size": 5, "color": line.colour},
                line={"color": line.colour, "width": 1.6, "dash": "dot" if line.dotted else "solid"},
                hovertemplate=f"%{{y:,.5~g}} {y}",
            )
            for line in lines
        ]
    )
    figure.update_layout(template=TEMPLATE, height=240, xaxis_title="step", yaxis_title=y, hovermode="x unified", uirevision="keep zoom")
    figure.update_xaxes(range=[0, max(x_end, 1)], tickformat=",~d", unifiedhovertitle_text="step %{x:,}")
    figure.update_yaxes(tickformat=",~g")
    positive = [value for line in lines for value in line.values if value > 0]
    if log and positive:
        figure.update_yaxes(type="log", tickvals=log_ticks(min(positive), max(positive)))
    return figure


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Round numbers to write at a logarithmic axis from `low` to `high`, however short it is: 1, 2, 5 of a decade, or finer."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 5, 7), (1, 2, 5), (1,)):
        ticks = [float(f"{step * 10.0**decade:.3g}") for decade in decades for step in steps]
        shown = [tick for tick in ticks if low / 1.1 <= tick <= high * 1.1]
        if len(shown) <= most:
            return shown
    return shown[:: math.ceil(len(shown) / most)]


def dynamics(
    steps: Sequence[float], loss: Sequence[float], entropy: Sequence[float], ranges: tuple[tuple[float, float], tuple[float, float]]
) -> go.Figure:
    """The path of one training through loss and entropy, as in Fig. 12 of the paper; its colour is the step, a ring its end."""
    figure = go.Figure(
        [
            go.Scatter(
                x=loss,
                y=entropy,
                customdata=steps,
                mode="lines+markers",
                line={"color": "rgba(128,128,128,.45)", "width": 1},
                marker={
                    "color": steps,
                    "colorscale": STEP_SCALE,
                    "size": 6,
                    "line": {"color": "rgba(128,128,128,.6)", "width": 0.5},
                    "colorbar": {"title": {"text": "step"}, "thickness": 10, "outlinewidth": 0, "tickformat": ",~d"},
                },
                hovertemplate="step %{customdata:,}: reconstruction %{x:.4f}, entropy %{y:,.1f} bits<extra></extra>",
            ),
            go.Scatter(
                x=list(loss)[-1:],
                y=list(entropy)[-1:],
                mode="markers",
                marker={"symbol": "circle-open", "size": 15, "color": "#8A8A8A", "line": {"width": 2.5}},
                hoverinfo="skip",
            ),
        ]
    )
    figure.update_layout(template=TEMPLATE, height=330, uirevision="keep zoom")
    figure.update_xaxes(title="reconstruction loss", range=ranges[0], showgrid=True, gridcolor="rgba(128,128,128,.25)")
    figure.update_yaxes(title="entropy (bits)", range=ranges[1], tickformat=",~g")
    return figure


@dataclass(frozen=True)
class Measured:
    """Two figures of one dictionary, or of a way to write hidden states, at one setting or at several."""

    name: str
    """Foreign: a folder's name."""
    kind: str
    x: Sequence[float]
    y: Sequence[float]
    notes: Sequence[str] = ()
    """What the hover says besides, one a point."""

    @property
    def title(self) -> str:
        """What the legend calls its kind."""
        return TITLES.get(self.kind, self.kind.upper())

    @property
    def colour(self) -> str:
        """That of its kind, so that seeds are told as such."""
        return KIND_COLOURS.get(self.kind, PEER_COLOUR)

    @property
    def symbol(self) -> str:
        """That of its kind."""
        return KIND_SYMBOLS.get(self.kind, "line-ns-open")


def rate_distortion(measured: Sequence[Measured], log: bool) -> go.Figure:
    """Bits a token against what they leave unexplained: a line where a quantiser has steps, a point where it has none."""
    figure = go.Figure([_line_or_point(one, first) for one, first in _with_first_of_kind(measured)])
    _plane(figure, "bits a token", "FVU", height=420)
    bits = [value for one in measured for value in one.x if value > 0]
    if log and bits:
        figure.update_xaxes(type="log", tickvals=log_ticks(min(bits), max(bits), most=12), tickformat=",~g")
    elif bits:
        figure.update_xaxes(rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    return figure


def _line_or_point(one: Measured, first_of_kind: bool) -> go.Scatter:
    peer = one.kind not in TITLES
    alone = len(one.x) == 1 and not peer
    return go.Scatter(
        x=one.x,
        y=one.y,
        customdata=list(one.notes),
        mode="markers" if alone else "lines+markers",
        line={"color": one.colour, "width": 1.6, "dash": "dash" if peer else "solid"},
        marker={"color": one.colour, "symbol": one.symbol, "size": 13 if alone else 6},
        name=plotly_text(one.title),
        legendgroup=one.kind,
        showlegend=first_of_kind,
        hovertemplate=f"<b>{plotly_text(one.name)}</b>%{{customdata}}<br>%{{x:,.1f}} bits a token<br>FVU %{{y:.3f}}<extra></extra>",
    )


def scatter(measured: Sequence[Measured], x: str, y: str) -> go.Figure:
    """One figure of the dictionaries against another, a point each, its colour and its shape the kind."""
    named = "markers+text" if len(measured) <= FEW_POINTS else "markers"
    values = f"{plotly_text(x)} %{{x:,.4~g}}<br>{plotly_text(y)} %{{y:,.4~g}}"
    figure = go.Figure(
        [
            go.Scatter(
                x=one.x,
                y=one.y,
                mode=named,
                text=[plotly_text(one.name)],
                textposition="top center",
                textfont={"size": 11},
                cliponaxis=False,
                marker={"color": one.colour, "symbol": one.symbol, "size": 12},
                name=plotly_text(one.title),
                legendgroup=one.kind,
                showlegend=first,
                hovertemplate=f"<b>{plotly_text(one.name)}</b><br>{values}<extra></extra>",
            )
            for one, first in _with_first_of_kind(measured)
        ]
    )
    return _plane(figure, x, y, height=400)


def _with_first_of_kind(measured: Sequence[Measured]) -> list[tuple[Measured, bool]]:
    """Each with whether it is the first of its kind, which stands in the legend for all."""
    kinds = [one.kind for one in measured]
    return [(one, one.kind not in kinds[:place]) for place, one in enumerate(measured)]


def _plane(figure: go.Figure, x: str, y: str, height: int) -> go.Figure:
    figure.update_layout(template=TEMPLATE, height=height, uirevision="keep zoom", showlegend=True)
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}, hovermode="closest")
    figure.update_xaxes(title=plotly_text(x), tickformat=",~g", showgrid=True, gridcolor="rgba(128,128,128,.25)")
    figure.update_yaxes(title=plotly_text(y), tickformat=",~g")
    return figure


def _finish(figure: go.Figure, x: str, y: str) -> go.Figure:
    figure.update_traces(marker_color=TEAL)
    figure.update_layout(template=TEMPLATE, height=210, xaxis_title=x, yaxis_title=y)
    return figure
