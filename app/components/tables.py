"""Tables: rows of plain data, each column with its unit and its hover."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app.components import labels
from app.components.explain import MEANINGS
from bae.index.query import Feature
from bae.names import TITLES, layer_text

if TYPE_CHECKING:
    from bae.comsem.records import Label

ROW_PX = 35
"""Height of a row of Streamlit's tables, the heading's too."""


def number(name: str, form: str | None = None, width: str | int | None = None):
    """A column of numbers."""
    meaning = MEANINGS[name]
    return st.column_config.NumberColumn(meaning.header, help=meaning.hover, format=form, width=width)


def words(name: str, width: str | int | None = None):
    """A column of text."""
    return st.column_config.TextColumn(MEANINGS[name].header, help=MEANINGS[name].hover, width=width)


def model_facts(title: str, d_model: int, n_layers: int, recipe, lenses) -> list[tuple[str, str]]:
    """The model, the layers with their three names, and the corpus."""
    layers = sorted({lens.layer for lens in lenses.usable.values()})
    return [
        ("Language model", f"{title}, {n_layers} blocks, hidden states of width {d_model:,}"),
        *((f"Layer {layer}", layer_text(layer)) for layer in layers),
        ("Corpus", ", ".join(recipe.sources)),
    ]


def dictionaries(lenses, indexed: set[str]) -> None:
    """How good each dictionary is, from the figures that came with its checkpoint."""
    rows = []
    for name, lens in lenses.usable.items():
        figures = lenses.provenance[name].figures
        rows.append(
            {
                "name": name,
                "kind": TITLES[lens.autoencoder.kind],
                "layer": lens.layer,
                "features": lens.autoencoder.n_features,
                "fvu": figures.get("fvu"),
                "cost": cost(figures, lens.autoencoder.binary),
                "active": figures.get("active_8192_tokens"),
                "dense": None if figures.get("dense_share") is None else 100 * figures["dense_share"],
                "dead": figures.get("dead"),
                "index": name in indexed,
            }
        )
    frame = pd.DataFrame(rows)
    for column in ("fvu", "active", "dense", "dead"):
        frame[column] = pd.to_numeric(frame[column])
    st.dataframe(
        frame,
        hide_index=True,
        column_config={
            "name": st.column_config.TextColumn("Name", help="The name of its folder in autoencoders/."),
            "kind": words("kind"),
            "layer": number("layer"),
            "features": number("features", "localized"),
            "fvu": number("fvu", "%.3f"),
            "cost": words("cost"),
            "active": number("active", "localized"),
            "dense": st.column_config.NumberColumn("Dense", help=MEANINGS["dense"].hover, format="%.1f %%"),
            "dead": number("dead", "localized"),
            "index": st.column_config.CheckboxColumn(MEANINGS["index"].label, help=MEANINGS["index"].hover),
        },
    )


def cost(figures: dict, binary: bool) -> str:
    """What a code costs, in the unit of its kind; empty where it was not measured."""
    value = figures.get("bits" if binary else "l0")
    return "" if value is None else f"{value:,.0f} bits" if binary else f"L0 {value:,.1f}"


def features(rows: Sequence[Feature], key: str, shown: "Mapping[int, Label]", nearness: Sequence[float] = ()) -> int | None:
    """A page of the table of features with their labels. Returns the feature that a person has just clicked."""
    labelled = [shown.get(row.feature) for row in rows]
    frame = pd.DataFrame(
        {
            "feature": [row.feature for row in rows],
            "nearness": nearness or None,
            "label": [label and label.text for label in labelled],
            "summary": [row.summary for row in rows],
            "density": [100 * row.density for row in rows],
            "top_rate": [100 * row.top_rate for row in rows],
            "entropy": [row.entropy for row in rows],
            "count": [row.count for row in rows],
            "top_count": [row.top_count for row in rows],
            "label_by": [label and labels.author(label) for label in labelled],
        }
    )
    # a column that says nothing takes no room
    event = st.dataframe(
        frame.dropna(axis="columns", how="all"),
        hide_index=True,
        placeholder="",
        height=ROW_PX * (len(rows) + 1) + 3,
        lazy=False,
        key=key,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "feature": number("feature", width=70),
            "nearness": number("nearness", "%.2f", 80),
            "label": words("label", 330),
            "label_by": words("label_by", 170),
            "summary": words("summary", "medium"),
            "density": st.column_config.NumberColumn("Density", help=MEANINGS["density"].hover, format="%.3g %%"),
            "top_rate": st.column_config.NumberColumn("Top-10 rate", help=MEANINGS["top_rate"].hover, format="%.3g %%"),
            "entropy": number("entropy", "%.3f"),
            "count": st.column_config.NumberColumn("Fires", help=MEANINGS["count"].hover, format="localized"),
            "top_count": st.column_config.NumberColumn("In the top 10", help=MEANINGS["top_count"].hover, format="localized"),
        },
    )
    cells = event.selection.cells
    return int(rows[cells[0][0]].feature) if cells and cells[0][0] < len(rows) else None


def clicked_row(key: str, n_rows: int) -> int | None:
    """The row that a person clicked in a table, by its box or by a cell; None when nothing is selected."""
    selection = st.session_state[key]["selection"]
    rows = [*selection.get("rows", []), *(cell[0] for cell in selection.get("cells", []))]
    return rows[-1] if rows and 0 <= rows[-1] < n_rows else None
