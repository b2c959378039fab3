"""What a feature goes with: those that fire on the same tokens, those that follow from it, those that keep away from it."""

from collections.abc import Callable
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import streamlit as st

from app import navigation, services
from app.components import tables, url
from app.components.explain import hover
from app.components.url import code
from app.services import codes
from bae.features.coactivation import Coactivation
from bae.index.query import Feature, Index

SHOWN = 12
FEWEST = 5
"""Tokens on which two fire together, below which a share says little."""

WAYS = {"with": "Fires with", "implies": "It implies", "implied": "Implies it", "without": "Keeps away from"}
ABOUT = {
    "with": "Features whose firing is most correlated with this one's.",
    "implies": "Where this feature fires, these fire too.",
    "implied": "Where these fire, this feature fires too.",
    "without": "Features that fire with it less often than chance would have it, the most certain first.",
}


def section(index: Index, ae: str, feature: Feature) -> None:
    """Draw it; a feature that never fires has none."""
    if not feature.count:
        return
    st.subheader("What it goes with", help="Exact counts over all tokens of the index.")
    try:
        found = codes.together(ae, feature.feature)
    except (OSError, ValueError) as error:
        st.info(f"Not known: {code(error)}", icon=":material/database_off:")
        return
    way = url.switch("Which features", "goes", WAYS, "with")
    st.caption(ABOUT[way])
    others = ranked(found, feature.feature, way)[:SHOWN]
    if not len(others):
        st.info("There is none: what it does so with is rarer than chance lets one see.", icon=":material/join_inner:")
        return
    _table(index, ae, feature.feature, found, others)


def ranked(found: Coactivation, feature: int, way: str) -> np.ndarray:
    """int64: the other features in the order of a way, those that it holds for."""
    enough = found.together >= FEWEST
    orders: dict[str, tuple[Callable[[], np.ndarray], np.ndarray]] = {
        "with": (lambda: found.correlation, found.together > found.expected),
        "implies": (lambda: found.implies, enough & (found.surplus > 5)),
        "implied": (lambda: found.implied, enough & (found.surplus > 5)),
        "without": (lambda: -found.surplus, found.surplus < -5),
    }
    measure, holds = orders[way]
    value = np.where(holds, measure(), -np.inf)
    value[feature] = -np.inf
    order = np.argsort(-value, kind="stable")
    return order[np.isfinite(value[order])]


def _table(index: Index, ae: str, feature: int, found: Coactivation, others: np.ndarray) -> None:
    labelled = services.shown_labels(ae)
    summaries = services.column(str(index.file), ae, "summary")
    shares = {name: 100 * getattr(found, name)[others] for name in ("implies", "implied")}
    frame = pd.DataFrame(
        {
            "feature": others,
            "label": [label.text if (label := labelled.get(int(other))) else None for other in others],
            "summary": [summaries[other] for other in others],
            "together": found.together[others],
            "by_chance": found.expected[others],
            **shares,
            "correlation": found.correlation[others],
            "jaccard": found.jaccard[others],
            "pmi": found.pmi[others],
            "mutual_information": found.mutual_information[others],
            "sentences": [f"/query?{urlencode({'ae': ae, 'query': f'f{feature} & f{other}'})}" for other in others],
        }
    )
    event = st.dataframe(
        frame if any(frame["label"]) else frame.drop(columns="label"),
        hide_index=True,
        placeholder="",
        lazy=False,
        height=tables.ROW_PX * (len(frame) + 1) + 3,
        # a key of its own for every feature: a selection that outlived a change of page would change it again
        key=f"relations:{ae}:{feature}:{others[0]}",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "feature": tables.number("feature", width=70),
            "label": tables.words("label", 230),
            "summary": tables.words("summary", 200),
            "together": tables.number("together", "localized"),
            "by_chance": tables.number("by_chance", "%.1f"),
            "implies": st.column_config.NumberColumn("Fires too", help=hover("implies"), format="%.3g %%"),
            "implied": st.column_config.NumberColumn("Of the other's", help=hover("implied"), format="%.3g %%"),
            "correlation": tables.number("correlation", "%.3f"),
            "jaccard": tables.number("jaccard", "%.3f"),
            "pmi": tables.number("pmi", "%.2f"),
            "mutual_information": tables.number("mutual_information", "%.4f"),
            "sentences": st.column_config.LinkColumn("Sentences", help="Where both fire on the same token.", display_text="both"),
        },
    )
    cells = event.selection.cells
    if cells and cells[0][1] != "sentences":
        navigation.go("feature", ae=ae, feature=int(others[cells[0][0]]), text=st.query_params.get("text"))
