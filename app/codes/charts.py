"""Charts of codes: where a feature fires, by position, and block by block over the corpus."""

from collections.abc import Sequence

import plotly.graph_objects as go

from app.charts import ORANGE, TEAL, TEMPLATE, plotly_text
from bae.numbers import percent


def by_position(rates: Sequence[float], mean: float) -> go.Figure:
    """How often a feature fires at each position of a sentence, from 1, beside its rate over all of them."""
    places = list(range(1, len(rates) + 1))
    figure = go.Figure(
        go.Bar(
            x=places,
            y=[100 * rate for rate in rates],
            marker_color=TEAL,
            hovertemplate="token %{x} of a sentence: fires on %{y:.3g} %<extra></extra>",
        )
    )
    figure.add_hline(y=100 * mean, line={"color": ORANGE, "dash": "dot", "width": 1.5})
    figure.update_layout(
        template=TEMPLATE, height=210, xaxis_title="position in the sentence (dotted: its rate)", yaxis_title="% of tokens"
    )
    return figure


def shares(names: Sequence[str], fired: Sequence[int], of: Sequence[int], unit: str) -> go.Figure:
    """Shares of some things on which a feature fires, the first on top. Names are foreign."""
    labels = [plotly_text(name if len(name) <= 28 else name[:27] + "…") for name in names]
    told = [
        f"{plotly_text(name)}: fires on {part:,} of {whole:,} {unit} ({percent(part / whole)})"
        for name, part, whole in zip(names, fired, of, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            # numbered, so that two of one name keep their own bars
            y=list(range(len(names))),
            x=[100 * part / whole for part, whole in zip(fired, of, strict=True)],
            orientation="h",
            marker_color=TEAL,
            customdata=told,
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    figure.update_layout(template=TEMPLATE, height=40 + 21 * max(len(names), 3), xaxis_title=f"% of {unit}")
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=labels, autorange="reversed", showgrid=False)
    return figure
