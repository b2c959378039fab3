"""What the model finds likely behind the prompt, plain and steered: before anything is drawn, so free of chance."""

import math

import pandas as pd
import streamlit as st

from app import charts
from app.components import tables, url
from app.components.explain import MEANINGS, hover
from app.playground import charts as playground_charts
from app.playground.address import STEERED, Ask
from app.services.playground import COMPARED, Next, next_tokens
from bae.reading.painting import visible

LARGEST_NAME = 24


def show(asks: dict[str, Ask]) -> None:
    """Draw the chart and the table."""
    ask = asks[STEERED]
    st.subheader("Next token", help=hover("next_tokens"))
    try:
        with st.spinner("Asking the model what it finds likely.", show_time=True):
            place = st.empty()
            told = "Reading the prompt, plain and steered: {:,} of {:,} parts"
            rows = next_tokens(ask.prompt, ask.push, lambda done, total: place.caption(told.format(done, total)))
            place.empty()
    except ValueError as error:
        st.error(f"The next tokens are not known: {url.code(error)}")
        return
    st.caption(f"The {COMPARED} likeliest tokens behind the prompt under each, {len(rows)} in all: before temperature and penalty.")
    as_table = url.switch("Chart or table", "next", {"chart": "Chart", "table": "Table"}, "chart") == "table"
    if as_table:
        _table(rows)
    else:
        figure = playground_charts.dumbbells(rows, [_name(row.text) for row in rows])
        alt = "Log-probabilities of the likeliest next tokens, plain and steered"
        st.plotly_chart(figure, config=charts.config("next tokens"), key="next-tokens", alt=alt)


def _name(text: str) -> str:
    """A token as it can be told from others in a line: a space at its head is shown."""
    shown = visible(text).replace("\n", "")
    shown = f"␣{shown[1:]}" if shown.startswith(" ") else shown
    return shown if len(shown) <= LARGEST_NAME else shown[: LARGEST_NAME - 1] + "…"


def _table(rows: list[Next]) -> None:
    frame = pd.DataFrame(
        {
            "next_token": [_name(row.text) for row in rows],
            "plain_share": [100 * math.exp(row.plain) for row in rows],
            "steered_share": [100 * math.exp(row.steered) for row in rows],
            "plain_logprob": [row.plain for row in rows],
            "steered_logprob": [row.steered for row in rows],
            "logprob_change": [row.steered - row.plain for row in rows],
        }
    )
    forms = {"plain_share": "%.3g %%", "steered_share": "%.3g %%"} | dict.fromkeys(("plain_logprob", "steered_logprob"), "%.2f")
    st.dataframe(
        frame,
        hide_index=True,
        height=tables.ROW_PX * (len(rows) + 1) + 3,
        lazy=False,
        key="next-table",
        column_config={"next_token": tables.words("next_token", 140)}
        | {
            name: st.column_config.NumberColumn(MEANINGS[name].label, help=MEANINGS[name].hover, format=forms.get(name, "%+.2f"))
            for name in frame.columns[1:]
        },
    )
