"""Fig. 2: sets that are made, so that their entropy is known."""

from collections.abc import Sequence
from math import log2

import streamlit as st

from app import charts
from app.charts import ORANGE, TEAL
from app.components import url
from app.entropy import charts as figures
from app.entropy import frame, view
from app.entropy.charts import SYMBOLS, Axis, Course, Curve, Reference
from app.live import parts as live
from app.services import entropy
from bae.experiments.entropy import findings
from bae.experiments.entropy.results import Results

EXPERIMENT = "synthetic"
LOSS = {True: ("with the entropy loss", TEAL), False: ("without it", ORANGE)}
ASKS = (
    "Fig. 2 of the paper asks: does a BAE find the entropy of a set where it is known? Each state is the sum of some of r directions, "
    "each taken or left by a fair coin, so the set holds r bits."
)


def show() -> None:
    """Draw it, or say what it needs."""
    found, results = view.begin(EXPERIMENT, ASKS, _title, entropy.synthetic)
    frame.say(findings.synthetic(results.rows), results)
    picked, bands = frame.lines(view.ESTIMATES)
    log = url.flag("log", True)
    url.bound(st.toggle, "Logarithmic axes, from 0", "log", log, default=True, written=live.bit)
    _against_rank(results, picked, bands, log)
    _courses(results)
    frame.table(results, ("expansion", "rank", "entropy_loss"))
    view.end(EXPERIMENT, found, results)


def _title(told: dict) -> str:
    ranks, expansions = told["ranks"], ", ".join(map(str, told["expansions"]))
    return f"width {told['d_model']:,} · r up to {max(ranks)} · expansions {expansions} · {told['steps']:,} steps"


def _against_rank(results: Results, picked: Sequence[str], bands: bool, log: bool) -> None:
    ranks = sorted({row["rank"] for row in results.rows})
    expansions = results.provenance["settings"]["expansions"]
    curves: list[Curve] = []
    for loss, (told, colour) in LOSS.items():
        for place, expansion in enumerate(expansions):
            rows = [row for row in results.rows if row["entropy_loss"] is loss and row["expansion"] == expansion]
            look = (colour, SYMBOLS[place % len(SYMBOLS)])
            curves += [frame.curve(rows, "rank", one, f"{expansion}x {told}", look, bands) for one in picked if rows]
    scale, ends = "from0" if log else "linear", [ranks[0], ranks[-1]] if log else ranks
    limit = results.rows[0]["vectors"]
    frame.draw(
        curves,
        [Reference("H = r", ends, ends, "solid"), Reference("log2 n", ends, [log2(limit)] * len(ends))],
        Axis("true entropy r (bits)", scale, ranks),
        Axis("estimate (bits)", scale),
        "entropy-synthetic",
        "Estimated against true entropy, with the entropy loss and without, a line an expansion",
    )


def _courses(results: Results) -> None:
    """Bits against steps, with the loss and without, one expansion at a time."""
    rows = entropy.curves(results)
    expansions = [str(one) for one in results.provenance["settings"]["expansions"]]
    st.markdown("**Bits along the steps**")
    chosen = url.switch("Expansion", "expansion", {one: f"expansion {one}" for one in expansions}, expansions[0])
    own = [row for row in rows if row["expansion"] == int(chosen)]
    if not own:
        st.info("This run has not come to that expansion yet.", icon=":material/hourglass_top:")
        return
    ranks = sorted({row["rank"] for row in own})
    colours = dict(zip(ranks, figures.ordered_colours(len(ranks)), strict=True))
    top = max(row["marginal"] for row in own)
    for column, (loss, (told, _)) in zip(st.columns(2), LOSS.items(), strict=True):
        there = [_course([row for row in own if row["entropy_loss"] is loss and row["rank"] == rank], colours[rank]) for rank in ranks]
        with column:
            st.caption(f"{told[:1].upper()}{told[1:]}: marginal solid, corrected dashed, r dotted.")
            if not any(one.steps for one in there):
                st.info("This run has not come to it yet.", icon=":material/hourglass_top:")
                continue
            st.plotly_chart(
                figures.courses(there, top),
                config=charts.config(f"entropy along the steps {told}"),
                key=f"courses:{loss}",
                alt=f"Bits against steps {told}, a line for each true entropy",
            )


def _course(rows: Sequence[dict], colour: str) -> Course:
    steps, marginal, tree = ([row[name] for row in rows] for name in ("step", "marginal", "tree"))
    rank = rows[0]["rank"] if rows else 0
    return Course(f"r = {rank}", colour, steps, marginal, tree, rank)
