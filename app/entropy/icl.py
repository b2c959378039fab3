"""Fig. 4 and 7: the last token of a prompt, by layer and by demonstrations, and what is answered there."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import charts
from app.charts import ORANGE, TEAL
from app.components import tables
from app.components.explain import MEANINGS
from app.entropy import charts as figures
from app.entropy import frame, kept, view
from app.entropy.charts import Axis
from app.services import entropy
from bae.experiments.entropy import findings

EXPERIMENT = "icl"
MEASURES = {"vocabulary": TEAL, "labels": ORANGE}
SHARES = ("vocabulary", "labels", "answered", "majority")


ASKS = (
    "Fig. 4 and 7 of the paper ask: does a model that is shown more examples hold more about the review it is asked about, or less? "
    "Taken is the last token of the prompt, the colon that the answer follows."
)


def show() -> None:
    """Draw it, or say what it needs."""
    found, results = view.begin(EXPERIMENT, ASKS, _title)
    kept.say_damaged(entropy.kept(entropy.ACCURACY).damaged)
    answered = entropy.accuracies(results)
    answers = sorted(answered.rows, key=lambda row: row["shots"]) if answered else []
    frame.say(findings.icl(results.rows, answers), results)
    picked, bands = frame.lines(view.ESTIMATES)
    left, right = st.columns([3, 2])
    with left:
        frame.draw(
            view.curves(results.rows, "shots", "{} demonstrations", "layer", picked, bands),
            [view.limit(results.rows, "layer")],
            Axis("layer", ticks=view.values_of(results.rows, "layer")),
            Axis("entropy (bits)"),
            "entropy-icl",
            "Entropy of the last token's states against the layer, a line a number of demonstrations",
        )
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
    view.end(EXPERIMENT, found, results)


def _title(told: dict) -> str:
    shots, layers = ", ".join(map(str, told["shots"])), ", ".join(map(str, told["layers"]))
    return f"{told['prompts']:,} prompts of {told['source']} · demonstrations {shots} · layers {layers}"


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
