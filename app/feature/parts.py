"""The parts of a feature's page that show what the index knows: figures, strengths, contexts. The embedded view shows them too."""

from collections.abc import Sequence

import streamlit as st

from app import charts
from app.components import panels, url
from app.components.explain import MEANINGS, hover
from app.components.url import code
from app.services import codes
from bae.features.figures import ABOUT, binary, figures, strength
from bae.index.query import Example, Feature, Index
from bae.index.schema import GROUPS
from bae.reading.painting import bursts_off, paint_example

BY_STRENGTH = "strength"
ABOUT_STRENGTH = (
    "Its tokens in five groups of equal size, from the strongest to the weakest, with sentences drawn from each: does it mean the same "
    "when it is weak?"
)


def metrics(feature: Feature) -> None:
    """The figures in a row."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in figures(feature):
            st.metric(MEANINGS[name].header, value, help=hover(name), width=130)


def strengths(feature: Feature) -> None:
    """How strongly it fires where it does; nothing for a feature that never fires."""
    if feature.count:
        st.plotly_chart(
            charts.strength_histogram(feature.histogram, feature.largest, binary(feature)),
            config=charts.config(f"strengths of feature {feature.feature} of {feature.dictionary}"),
            key="strengths",
            alt="Histogram of how strongly the feature fires",
        )


def notes_on_contexts(feature: Feature) -> None:
    """What to know of the contexts before reading them."""
    if binary(feature):
        st.caption(
            "All tokens on which a bit fires tie in burstiness, so contexts are ranked by burstiness and then by distance from the "
            "threshold, as a share of the hidden state's length (very long states would lead every list otherwise); the depth of the "
            "colour is that distance."
        )
    if bursts_off(feature.rate, binary(feature)):
        st.caption("This bit usually fires, so it stands out by being silent: it is painted, in orange, where it is silent.")


def contexts(index: Index, feature: Feature) -> None:
    """Its contexts, one group at a time: the others are a click away."""
    grouped = index.examples(feature.dictionary, feature.feature)
    groups = {band: f"{GROUPS[band]} · {len(examples)}" for band, examples in grouped.items()}
    if feature.count:
        groups[BY_STRENGTH] = "By strength"
    if not groups:
        return
    first = next(iter(groups))
    st.subheader("Contexts")
    band = url.switch("Which contexts", "contexts", groups, first)
    st.caption(ABOUT_STRENGTH if band == BY_STRENGTH else ABOUT[band])
    if band == BY_STRENGTH:
        _by_strength(feature)
    else:
        draw(feature, grouped[band])


def _by_strength(feature: Feature) -> None:
    try:
        groups = codes.groups(feature.dictionary, feature.feature)
    except (OSError, ValueError) as error:
        st.info(f"Not known: {code(error)}", icon=":material/database_off:")
        return
    for group, examples in groups:
        st.markdown(f"**{group.high:.3g} to {group.low:.3g}**")
        draw(feature, examples)


def draw(feature: Feature, examples: Sequence[Example]) -> None:
    """Some contexts of a feature, painted."""
    usually_on = bursts_off(feature.rate, binary(feature))
    panels.contexts([(one.document, strength(one, binary(feature)), paint_example(one, feature.largest, usually_on)) for one in examples])
