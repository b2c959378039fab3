"""Charts of labelling: the sorted scores of a run as an area with their running mean, and the running means of several runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from app.charts import ORANGE, TEAL, TEMPLATE, plotly_text
from bae.comsem.score import accumulated

GREY = "rgba(128,128,128,.14)"


@dataclass(frozen=True)
class Scored:
    """The scores of one run."""

    name: str
    """Foreign: a dictionary's name and a judge's."""
    colour: str
    scores: Sequence[float]


def distribution(pairs: Sequence[tuple[int, float]], end: int, height: int = 260) -> go.Figure:
    """Sorted scores of features (number, score) as a filled area, and the mean of all up to each as a curve (Fig. 24 to 28).

    The axis goes on to `end` features: those of the dictionary that have no score are a grey field.
    """
    ranked = sorted(pairs, key=lambda pair: -pair[1])
    ranks = list(range(1, len(ranked) + 1))
    figure = go.Figure(
        [
            go.Scatter(
                x=ranks,
                y=[value for _, value in ranked],
                customdata=[feature for feature, _ in ranked],
                line={"color": TEAL, "width": 1, "shape": "hvh"},
                mode="lines" if len(ranked) > 1 else "markers",
                fill="tozeroy",
                fillcolor="rgba(10,140,163,.35)",
                name="score of the feature",
                hovertemplate="feature %{customdata}: score %{y:.2f}<extra></extra>",
            ),
            go.Scatter(
                x=ranks,
                y=accumulated(value for _, value in ranked),
                line={"color": ORANGE, "width": 2},
                mode="lines" if len(ranked) > 1 else "markers",
                name="mean of all up to here",
                hovertemplate="the best %{x:,}: mean score %{y:.3f}<extra></extra>",
            ),
        ]
    )
    if end > len(ranked):
        figure.add_vrect(x0=len(ranked) + 0.5, x1=end + 0.5, fillcolor=GREY, line_width=0, layer="below", annotation_text="no score")
    return _finish(figure, [0.5, end + 0.5], height)


def running_means(runs: Sequence[Scored], height: int = 300) -> go.Figure:
    """The mean score of the best N features against N, a curve a run: higher and further right is better (Fig. 24 to 28)."""
    figure = go.Figure(
        [
            go.Scatter(
                x=list(range(1, len(run.scores) + 1)),
                y=accumulated(run.scores),
                name=plotly_text(run.name),
                line={"color": run.colour, "width": 2},
                mode="lines" if len(run.scores) > 1 else "markers",
                hovertemplate=f"{plotly_text(run.name)}: the best %{{x:,}} have a mean score of %{{y:.3f}}<extra></extra>",
            )
            for run in runs
        ]
    )
    return _finish(figure, [0.5, max((len(run.scores) for run in runs), default=1) + 0.5], height)


def _finish(figure: go.Figure, ranks: list[float], height: int) -> go.Figure:
    figure.update_layout(
        template=TEMPLATE,
        height=height,
        showlegend=True,
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        hovermode="closest",
        uirevision="keep zoom",
    )
    figure.update_xaxes(title="features, best score first", range=ranks, tickformat=",d")
    figure.update_yaxes(title="score", range=[0, 1.02], tickformat=".1f")
    return figure
