"""Beside the code lengths of a text: the entropies of sets at the same layers, as runs of the experiments measured them."""

from collections.abc import Callable, Sequence
from html import escape
from urllib.parse import urlencode

import streamlit as st

from app import navigation
from app.components.explain import MEANINGS, hover
from app.components.small_table import hovering, small_table
from app.entropy import kept
from app.entropy.microscope_charts import Marks
from app.services import entropy, language_model
from app.services.entropy import Measured, SetsOfLayer
from app.services.microscope import CodeLengths
from bae.experiments.entropy.findings import Row

CALLED: dict[str, tuple[str, Callable[[Row], str]]] = {
    "language": ("Language", lambda row: f"position {row['position']:,}"),
    "icl": ("In-context learning", lambda row: f"{row['shots']:,} demonstration{'' if row['shots'] == 1 else 's'}"),
    "tokens": ("Known sets", lambda row: f"r = {row['rank']:,}, expansion {row['expansion']:,}"),
}
"""The view of an experiment, and what tells one of its sets from the others."""
WHOLE = "white-space:nowrap"


def measured(lengths: Sequence[CodeLengths]) -> Measured:
    """What runs on the model of the study found at the layers of a text."""
    return entropy.of_layers({one.layer for one in lengths}, language_model().fingerprint)


def marks(found: Measured, experiment: str, column: str) -> list[Marks]:
    """The sets of the newest run that has a layer, a layer each."""
    newest: dict[int, SetsOfLayer] = {}
    for one in found.sets:
        if one.experiment == experiment:
            newest.setdefault(one.layer, one)
    return [
        Marks(layer, _name(one), [row[column] for row in one.rows], [row["entropy"] for row in one.rows]) for layer, one in newest.items()
    ]


def show(lengths: Sequence[CodeLengths], found: Measured, marked: Sequence[Marks]) -> None:
    """The table of sets at the layers of a text, those in the chart being `marked`; without any, how to come by them."""
    st.markdown("**Entropies of sets at these layers**")
    kept.say_damaged(found.damaged)
    left_out = found.of_other_models
    others = f" Left out, because they are of another model: {left_out} {'run' if left_out == 1 else 'runs'}." if left_out else ""
    layers = sorted({one.layer for one in lengths})
    if not found.sets:
        _nothing(layers, others)
        return
    diamonds = " Diamonds in the chart: those of the newest run at each layer." if marked else ""
    st.caption(
        "A code length is what one token takes in the bits of a dictionary, written with the habits of the corpus: a cross-entropy. An "
        "entropy is that of a whole set of hidden states, in the bits of a BAE that was trained on that set alone. The bits are not the "
        "same: hold against each other how both change with the layer and the position, not one number against the other."
        f"{diamonds}{others}"
    )
    heads = [("Layer", ""), (f"{MEANINGS['code_length_mean'].label} (bits)", hover("code_length_mean"))]
    heads += [(f"{MEANINGS['set_entropy'].label} of each set (bits)", hover("set_entropy")), ("Run", hover("set_run"))]
    st.html(small_table(heads, [_cells(one, lengths) for one in found.sets]))
    if missing := sorted(set(layers) - {one.layer for one in found.sets}):
        st.caption(f"No run has measured sets at {_layers(missing)}.")


def _nothing(layers: Sequence[int], others: str) -> None:
    st.info(
        f"No run has measured sets of hidden states of this model at {_layers(layers)}. A run of one of these experiments with "
        f"{'that layer' if len(layers) == 1 else 'those layers'} puts their entropies here.{others}",
        icon=":material/science:",
    )
    with st.container(horizontal=True):
        for view in ("language", "icl"):
            asked = {"ask_layers": ",".join(map(str, layers))}
            navigation.link("entropy", CALLED[view][0], view=view, **asked)


def _cells(one: SetsOfLayer, lengths: Sequence[CodeLengths]) -> list[str]:
    _, called = CALLED[one.experiment]
    sets = " · ".join(hovering(f"{called(row)}: {row['entropy']:,.1f}", _told(row)) for row in one.rows)
    own = [length for length in lengths if length.layer == one.layer and length.read]
    # a dictionary's name is letters, digits, - _ and .
    costs = "<br>".join(f'<span style="{WHOLE}">{length.dictionary} {sum(length.read) / len(length.read):,.1f}</span>' for length in own)
    asked = urlencode({"view": one.experiment, "run": one.results.file.stem[-12:]})
    run = f'<a href="entropy?{escape(asked)}" target="_self" style="{WHOLE}">{escape(_name(one))}</a>'
    return [str(one.layer), costs or "–", sets, run]


def _told(row: Row) -> str:
    span = "" if row["entropy_low"] is None else f"95 % interval {row['entropy_low']:,.1f} to {row['entropy_high']:,.1f}; "
    fit = "" if row["fvu"] is None else f"; unexplained {row['fvu']:.3f}"
    return f"{span}corrected {row['tree']:,.1f} bits; {row['vectors']:,} vectors, log2 n {row['log2_vectors']:.1f}{fit}"


def _name(one: SetsOfLayer) -> str:
    told = one.results.provenance
    return f"{CALLED[one.experiment][0]}, {told['date'][:10]}{'' if one.results.finished else ', not finished'}"


def _layers(layers: Sequence[int]) -> str:
    return f"layer{'' if len(layers) == 1 else 's'} {', '.join(map(str, layers))}"
