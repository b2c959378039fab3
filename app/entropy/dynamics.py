"""Fig. 12 and 29 to 34: loss against entropy along a training, with the entropy loss and without."""

from collections.abc import Sequence
from math import log10

import streamlit as st

from app import charts
from app.components import url
from app.entropy import frame, view
from app.live import parts as live
from bae.experiments.entropy import findings
from bae.experiments.entropy.results import Results

EXPERIMENT = "dynamics"
SIDES = {True: "With the entropy loss", False: "Without it"}
MARGIN = 0.05
ASKS = (
    "Fig. 12 of the paper asks: how does a BAE come to its code? A point is a training step: how much of its batch is lost, and how "
    "many bits its codes take. Both trainings start from the same weights and see the same batches."
)


def show() -> None:
    """Draw it, or say what it needs."""
    found, results = view.begin(EXPERIMENT, ASKS, _title)
    frame.say(findings.dynamics(results.rows, results.provenance["settings"]["training"]["decay"]), results)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        chosen = _position(results)
        log = url.flag("log", True)
        url.bound(st.toggle, "Logarithmic loss", "log", log, default=True, written=live.bit)
    rows = [row for row in results.rows if row["position"] == int(chosen)]
    lost = [row["unexplained"] for row in rows]
    ranges = (_log_range(lost) if log else _range(lost), _range([row["entropy"] for row in rows]))
    for column, (loss, told) in zip(st.columns(2), SIDES.items(), strict=True):
        own = sorted((row for row in rows if row["entropy_loss"] is loss), key=lambda row: row["step"])
        with column:
            st.markdown(f"**{told}**")
            if not own:
                st.info("This run has not come to it yet.", icon=":material/hourglass_top:")
                continue
            steps, lost, bits = ([row[name] for row in own] for name in ("step", "unexplained", "entropy"))
            figure = charts.dynamics(steps, lost, bits, ranges).update_xaxes(title="unexplained share of the batch")
            if log:
                ends = [10**end for end in ranges[0]]
                figure.update_xaxes(type="log", tickvals=charts.log_ticks(*ends), tickformat="~g")
            st.plotly_chart(
                figure,
                config=charts.config(f"entropy dynamics position {chosen} {told}"),
                key=f"dynamics:{loss}",
                alt=f"Entropy against reconstruction along the steps. {told}",
            )
    told = [{**row, "batch": row["entropy"]} for row in rows]
    frame.table(results, ("layer", "position", "entropy_loss", "step"), ("unexplained", "reconstruction", "batch"), told)
    view.end(EXPERIMENT, found, results)


def _position(results: Results) -> str:
    positions = [str(one) for one in sorted({row["position"] for row in results.rows})]
    return url.switch("Position", "position", {one: f"position {one}" for one in positions}, positions[0])


def _title(told: dict) -> str:
    positions = ", ".join(map(str, told["positions"]))
    return f"layer {told['layer']} · positions {positions} · {told['language']['windows']:,} windows · {told['training']['steps']:,} steps"


def _range(values: Sequence[float]) -> tuple[float, float]:
    """A little more than the values, from 0, so that both sides share their axes."""
    return -MARGIN * max(values), (1 + MARGIN) * max(values)


def _log_range(values: Sequence[float]) -> tuple[float, float]:
    """The same for a logarithmic axis, in powers of ten; a loss of 0 is off it."""
    positive = [value for value in values if value > 0] or [1.0]
    return log10(min(positive)) - MARGIN, log10(max(positive)) + MARGIN
