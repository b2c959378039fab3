"""Where a feature fires: on which tokens, at which positions and in which documents."""

import pandas as pd
import streamlit as st

from app import charts
from app.codes import charts as code_charts
from app.components import tables
from app.components.explain import hover
from app.components.url import code
from app.services import codes
from bae.index.query import Feature
from bae.reading.painting import visible

TOKENS, DOCUMENTS = 12, 10


def section(ae: str, feature: Feature) -> None:
    """Draw it; a feature that never fires has none."""
    if not feature.count:
        return
    st.subheader("Where it fires", help="Counted over all tokens of the index, not only over the contexts above.")
    try:
        codes.columns(ae)
    except (OSError, ValueError) as error:
        st.info(f"Not known: {code(error)}", icon=":material/database_off:")
        return
    left, right = st.columns(2)
    with left:
        _tokens(ae, feature)
    with right:
        _positions(ae, feature)
        _documents(ae, feature)


def _tokens(ae: str, feature: Feature) -> None:
    st.markdown("**Tokens**", help=hover("token_fired"))
    found = codes.tokens_fired_on(ae, feature.feature, TOKENS)
    frame = pd.DataFrame(
        [(visible(text).replace("\n", ""), fired, there, 100 * fired / there) for text, fired, there in found],
        columns=["token", "fired", "there", "share"],
    )
    st.dataframe(
        frame,
        hide_index=True,
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        column_config={
            "token": st.column_config.TextColumn("Token", help="As the language model reads it; a space before a word belongs to it."),
            "fired": tables.number("token_fired", "localized"),
            "there": tables.number("token_there", "localized"),
            "share": st.column_config.ProgressColumn("Share (%)", help=hover("token_share"), format="%.3g %%", min_value=0, max_value=100),
        },
    )


def _positions(ae: str, feature: Feature) -> None:
    st.markdown("**Positions**", help=hover("position_rate"))
    found = codes.positions(ae, feature.feature)
    rates = [fired / tokens if tokens else 0.0 for fired, tokens in zip(found.fired.tolist(), found.tokens.tolist(), strict=True)]
    st.plotly_chart(
        code_charts.by_position(rates, feature.rate),
        config=charts.config("positions"),
        key="positions",
        alt="Bars: how often the feature fires at each position of a sentence",
    )


def _documents(ae: str, feature: Feature) -> None:
    st.markdown("**Documents with the highest rates**", help=hover("document_rate"))
    found, names = codes.documents(ae, feature.feature)
    which = found.which[:DOCUMENTS]
    st.plotly_chart(
        code_charts.shares([names[one] for one in which], found.fired[:DOCUMENTS].tolist(), found.tokens[:DOCUMENTS].tolist(), "tokens"),
        config=charts.config("documents"),
        key="documents",
        alt="Bars: in which documents the feature fires most often",
    )
    st.caption(f"It fires in {len(found.which):,} of {len(names):,} documents. Those with under 100 tokens come last.")
