"""What one feature points at: the tokens that it promotes and suppresses, and the features whose rows are nearest to its own."""

from collections.abc import Sequence
from html import escape

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import labels, tables
from app.components.explain import MEANINGS, hover
from app.components.url import code
from app.services import directions
from bae.index.directions import Directions, Neighbour, Pull
from bae.reading.painting import visible

SHOWN = 16
"""Tokens at either end; the index keeps 20."""
NEAR_SHOWN = 10
BARS = {"promoted": "0 150 175", "suppressed": "224 112 16"}
"""As painted text has them: blue-teal for more, orange for less."""


def section(ae: str, feature: int) -> None:
    """Draw both. Where `bae index` has not looked yet, the page says so."""
    st.subheader("What it points at", help="Read off the row of the dictionary alone: no text is looked at.")
    try:
        found = directions.directions(ae)
        promoted, suppressed, near = found.promoted(feature), found.suppressed(feature), found.near(feature)
    except FileNotFoundError:
        st.info(
            f"Nobody has looked yet: `bae index --workspace {services.workspace().folder.name}` does, after it has built the index.",
            icon=":material/explore:",
        )
        return
    except (OSError, ValueError) as error:
        st.info(f"Not known: {code(error)}", icon=":material/explore_off:")
        return
    if not promoted:
        st.info("Its row is zero: the feature adds nothing, so it points nowhere.", icon=":material/explore_off:")
        return
    left, middle, right = st.columns([1, 1, 1.25], gap="medium")
    for column, name, pulls in ((left, "promoted", promoted), (middle, "suppressed", suppressed)):
        with column:
            st.markdown(f"**{MEANINGS[name].label}** ({MEANINGS[name].unit})", help=hover(name))
            st.html(bars_html(found, pulls[:SHOWN], BARS[name]))
    with right:
        st.markdown(f"**{MEANINGS['near'].label}**", help=hover("near"))
        _near(ae, feature, near[:NEAR_SHOWN])
    st.caption("Read off as if no block came after it: the earlier the layer, the coarser. Hover a token for its z-score.")


def bars_html(found: Directions, pulls: Sequence[Pull], colour: str) -> str:
    """Tokens as bars of their logits, with their z-scores on hovering. Token texts are foreign."""
    longest = max((abs(pull.logit) for pull in pulls), default=0.0) or 1.0
    return "".join(_bar(found.texts[pull.token], pull, abs(pull.logit) / longest, colour) for pull in pulls)


def _bar(text: str, pull: Pull, share: float, colour: str) -> str:
    told = f"token {pull.token}: {pull.logit:+.3f} logits, z = {pull.z:+.1f}. {MEANINGS['lens_z'].definition}"
    width = f"{100 * share:.0f}%"
    return (
        f'<div title="{escape(told)}" style="display:flex;gap:.5rem;align-items:center;font-size:.85rem;line-height:1.55;cursor:help">'
        f'<code dir="auto" style="flex:0 0 46%;overflow:hidden;text-overflow:ellipsis;white-space:pre;unicode-bidi:plaintext">'
        f"{escape(shown(text))}</code>"
        f'<span style="flex:1;height:.7em;background:linear-gradient(to right,rgb({colour}/.75) {width},transparent {width});'
        f'border-radius:2px"></span>'
        f'<span style="font-variant-numeric:tabular-nums;min-width:3.4em;text-align:right">{pull.logit:+.2f}</span></div>'
    )


def shown(text: str) -> str:
    """A token as it can be seen: its leading space as a sign, a break in one line."""
    seen = visible(text).replace("\n", "")
    return f"␣{seen[1:]}" if seen.startswith(" ") else seen


def _near(ae: str, feature: int, near: Sequence[Neighbour]) -> None:
    """The nearest rows in a table; a click leads to the feature."""
    if not near:
        st.caption("The dictionary has no other row that points anywhere.")
        return
    summaries, labelled = services.column(str(services.index().file), ae, "summary"), services.shown_labels(ae)
    frame = pd.DataFrame(
        {
            "feature": [other.feature for other in near],
            "cosine": [other.cosine for other in near],
            "summary": [labels.in_a_line(labelled.get(other.feature), summaries[other.feature]) for other in near],
        }
    )
    # a key of its own, so that what was clicked here is not taken for a click on the feature that it leads to
    event = st.dataframe(
        frame,
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        key=f"near:{ae}:{feature}",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "feature": tables.number("feature", width=65),
            "cosine": tables.number("row_cosine", "%.2f", 65),
            "summary": tables.words("summary", 300),
        },
    )
    if event.selection.cells:
        navigation.go("feature", ae=ae, feature=near[event.selection.cells[0][0]].feature, text=st.query_params.get("text"))
