"""Dictionaries beside each other: which two are compared, what their features are called, and one feature's partners in all others."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import chooser, labels, tables, url
from app.components.explain import hover
from app.services import matching
from app.services.matching import Partner
from bae.index.query import Dictionary, Index

FORGOTTEN = ("feature", "pair", "page")
"""What no longer holds when another dictionary is chosen."""


def choose(known: Mapping[str, Dictionary]) -> tuple[str, str]:
    """The two dictionaries, as the address says; the second is one that the first is not."""
    offered = {name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}
    ae = chooser.dictionary(offered, forget=FORGOTTEN)
    others = [name for name in known if name != ae]
    default = _like(known, ae)
    # who chooses for the first what the second was means another second
    other = default if st.query_params.get("with") == ae else url.choice("with", others, default)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        url.bound(
            st.selectbox,
            "Compared with",
            "with",
            other,
            others,
            also=("pair", "page"),
            width=300,
            format_func=lambda name: f"{known[name].title} · {name}, layer {known[name].layer}",
        )
        turned = {"ae": other, "with": ae, **dict.fromkeys(FORGOTTEN)}
        st.button("Turn round", icon=":material/swap_horiz:", on_click=url.put, kwargs=turned, help="The second becomes the first.")
    return ae, other


def _like(known: Mapping[str, Dictionary], ae: str) -> str:
    """What to compare with where nobody said: another kind at the same layer, else anything else."""
    entry = known[ae]
    return min(
        (name for name in known if name != ae),
        key=lambda name: (known[name].layer != entry.layer, known[name].kind != "topk", known[name].kind == entry.kind),
    )


def names_of(index: Index, ae: str) -> dict[int, str]:
    """What the features of a dictionary are called in a line."""
    return labels.lines(services.shown_labels(ae), dict(enumerate(services.column(str(index.file), ae, "summary"))))


def partners(ae: str, feature: int) -> None:
    """The section of a feature's page: its best partner in every other dictionary; nothing where there is no other."""
    index = services.index()
    known = index.dictionaries()
    if len(known) < 2:
        return
    st.subheader("Its partners in other dictionaries", help=hover("best_jaccard"))
    try:
        rows = matching.partners(ae, feature)
    except (OSError, ValueError) as error:
        st.info(f"Not known: {url.code(error)}", icon=":material/database_off:")
        return
    if not rows:
        st.caption("No feature of another dictionary fires on any token that this one fires on.")
        return
    # a key of its own for every feature: a selection that outlived a change of page would change it again
    picked = _partner_table(index, known, rows, f"partners:{ae}:{feature}")
    if picked is not None:
        navigation.go("feature", ae=picked.dictionary, feature=picked.feature, text=st.query_params.get("text"))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("By the tokens on which both fire, the best first. Click a row for the partner's page.", width="stretch")
        navigation.link("match", "Compare the dictionaries", ae=ae, feature=feature, **{"with": rows[0].dictionary})


def _partner_table(index: Index, known: Mapping[str, Dictionary], rows: Sequence[Partner], key: str) -> Partner | None:
    """Draw the partners; returns the one that a person has just clicked."""
    labelled = [services.shown_labels(row.dictionary).get(row.feature) for row in rows]
    frame = pd.DataFrame(
        {
            "dictionary": [f"{known[row.dictionary].title} · {row.dictionary}" for row in rows],
            "layer": [known[row.dictionary].layer for row in rows],
            "feature": [row.feature for row in rows],
            "label": [label and label.text for label in labelled],
            "summary": [services.column(str(index.file), row.dictionary, "summary")[row.feature] for row in rows],
            "jaccard": [row.jaccard for row in rows],
            "together": [row.together for row in rows],
            "implies": [100 * row.implies for row in rows],
            "implied": [100 * row.implied for row in rows],
        }
    )
    event = st.dataframe(
        frame if any(labelled) else frame.drop(columns="label"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(rows) + 1) + 3,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "dictionary": tables.words("found_in", 190),
            "layer": tables.number("layer", width=60),
            "feature": tables.number("feature", width=70),
            "label": tables.words("label", 200),
            "summary": tables.words("summary", 200),
            "jaccard": tables.number("jaccard", "%.3f", 80),
            "together": tables.number("together", "localized"),
            **shares(),
        },
    )
    cells = event.selection.cells
    return rows[cells[0][0]] if cells and cells[0][0] < len(rows) else None


def shares() -> dict:
    """The columns that say which share of a feature's tokens, and of its partner's, both fire on."""
    return {
        "implies": st.column_config.NumberColumn("Fires too", help=hover("implies"), format="%.3g %%"),
        "implied": st.column_config.NumberColumn("Of the other's", help=hover("implied"), format="%.3g %%"),
    }
