"""Fig. 4 and 7: the last token of a prompt, by layer and by demonstrations, and what is answered there."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import charts
from app.charts import ORANGE, TEAL
from app.components import tables
from app.components.explain import MEANINGS
from app.entropy import charts as figures
from app.entropy import findings, frame, job, kept
from app.entropy.charts import SYMBOLS, Axis, Reference, ordered_colours
from app.services import entropy
from bae.experiments.entropy.results import Results

EXPERIMENT = "icl"
MEASURES = {"vocabulary": TEAL, "labels": ORANGE}
SHARES = ("vocabulary", "labels", "answered", "majority")


def show() -> None:
    """Draw it, or say what it needs."""
    st.caption(
        "Fig. 4 and 7 of the paper ask: does a model that is shown more examples hold more about the review it is asked about, or less? "
        "Taken is the last token of the prompt, the colon that the answer follows."
    )
    found = kept.require(EXPERIMENT, lambda: entropy.kept(EXPERIMENT))
    results = frame.choose(found, _title)
    answered = entropy.accuracies(results)
    answers = sorted(answered.rows, key=lambda row: row["shots"]) if answered else []
    frame.say(findings.icl(results.rows, answers), results)
    picked, bands = frame.lines(("entropy", "tree", *frame.PEERS))
    left, right = st.columns([3, 2])
    with left:
        _by_layer(results, picked, bands)
    with right:
        if answers:
            st.plotly_chart(
                figures.accuracy(answers, {name: (MEANINGS[f"set_{name}"].label, colour) for name, colour in MEASURES.items()}),
                config=charts.config("accuracy by demonstrations"),
                key="accuracy",
                alt="Share of right answers against the number of demonstrations",
            )
        else:
            st.info("What was answered is not kept of this run.", icon=":material/hourglass_top:")
    frame.table(results, ("layer", "shots"))
    if answers:
        _answers(answers)
    frame.provenance(results)
    job.panel(EXPERIMENT, found)


def _title(told: dict) -> str:
    shots, layers = ", ".join(map(str, told["shots"])), ", ".join(map(str, told["layers"]))
    return f"{told['prompts']:,} prompts of {told['source']} · demonstrations {shots} · layers {layers}"


def _by_layer(results: Results, picked: Sequence[str], bands: bool) -> None:
    shots, layers = sorted({row["shots"] for row in results.rows}), sorted({row["layer"] for row in results.rows})
    curves = []
    for place, (k, colour) in enumerate(zip(shots, ordered_colours(len(shots)), strict=True)):
        rows = [row for row in results.rows if row["shots"] == k]
        look = (colour, SYMBOLS[place % len(SYMBOLS)])
        curves += [frame.curve(rows, "layer", one, f"{k} demonstrations", look, bands) for one in picked]
    limit, ends = max(row["log2_vectors"] for row in results.rows), [layers[0], layers[-1]]
    frame.draw(
        curves,
        [Reference("log2 n", ends, [limit, limit])],
        Axis("layer", ticks=layers),
        Axis("entropy (bits)"),
        "entropy-icl",
        "Entropy of the last token's states against the layer, a line a number of demonstrations",
    )


def _answers(rows: Sequence[dict]) -> None:
    told = [{"shots": row["shots"], **{name: 100 * row[name] for name in SHARES}, "said": " ".join(map(repr, row["said"]))} for row in rows]
    st.dataframe(
        pd.DataFrame(told),
        hide_index=True,
        lazy=False,
        column_config={
            "shots": tables.number("set_shots"),
            **{name: tables.number(f"set_{name}", "%.1f %%") for name in SHARES},
            "said": tables.words("set_said"),
        },
    )
    st.download_button(
        "Answers as CSV",
        pd.DataFrame(rows).to_csv(index=False),
        file_name="icl-answers.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
        help="What was answered behind every number of demonstrations; shares are in 0..1.",
    )
