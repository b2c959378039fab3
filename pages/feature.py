"""What does one feature fire on, how often, and how strongly?"""

import random

import streamlit as st

from app import charts, feature_labels, live, navigation, services
from app.components import chooser, panels, url
from app.components.explain import MEANINGS, hover
from app.numbers import percent
from app.reading import bursts_off, paint_example
from bae.index.schema import GROUPS

ABOUT = {
    "strongest": "Where it fires, strongest first.",
    "threshold": "Where it only just fires: what is left of its meaning there?",
    "off": "Where it is silent although it usually fires.",
    "random": "Drawn at random from the corpus, whether it fires there or not: what the strongest should be compared with.",
}

index = panels.require_index()
known = index.dictionaries()
heading = st.container()
offered = {name: chooser.Offered(entry.title, entry.layer) for name, entry in known.items()}
ae = chooser.dictionary(offered, forget=("feature", "label", "call"))
entry = known[ae]
number = url.whole("feature", 0, entry.n_features - 1, live.first_active(index, ae))
feature = index.feature(ae, number)
binary = feature.on_magnitude is not None

with heading:
    st.title(f"Feature {number}")
    feature_labels.title(services.shown_labels(ae).get(number), feature.summary)
with st.container(horizontal=True, vertical_alignment="center"):
    for label, icon, to in (
        ("Previous", "chevron_left", lambda: index.neighbour(ae, number, -1)),
        ("Next", "chevron_right", lambda: index.neighbour(ae, number, 1)),
        ("Random", "casino", lambda: live.random_active(index, ae, random.random())),
    ):
        hint = f"The {label.lower()} active feature" if label != "Random" else "Any active feature"
        st.button(label, icon=f":material/{icon}:", on_click=lambda to=to: url.put(feature=to(), label=None, call=None), help=hint)
    navigation.link("text", "Paint it on a text", ae=ae, feature=number, text=st.query_params.get("text"))
    navigation.link("features", "All features", ae=ae, text=st.query_params.get("text"))

figures = [
    ("rate", percent(feature.rate)),
    ("density", percent(feature.density)),
    ("top_rate", percent(feature.top_rate)),
    ("count", f"{feature.count:,}"),
    ("entropy", f"{feature.entropy:.3f}"),
]
if binary:
    figures += [("on_magnitude", f"{feature.on_magnitude:.3f}"), ("off_magnitude", f"{feature.off_magnitude:.2f}")]
else:
    figures += [("mean", f"{feature.mean:.3f}"), ("largest", f"{feature.largest:.2f}")]
with st.container(horizontal=True, gap="medium"):
    for name, value in figures:
        st.metric(MEANINGS[name].header, value, help=hover(name), width=130)

if feature.count:
    st.plotly_chart(
        charts.strength_histogram(feature.histogram, feature.largest, binary),
        config=charts.CONFIG,
        key="strengths",
        alt="Histogram of how strongly the feature fires",
    )
else:
    st.info(
        "It never fires on the index's text, so there are only random contexts. “Random” leads to an active feature.",
        icon=":material/notifications_off:",
    )
if binary:
    st.caption(
        "All tokens on which a bit fires tie in burstiness, so contexts are ranked by burstiness and then by distance from the threshold, "
        "as a share of the hidden state's length (very long states would lead every list otherwise); the depth of the colour is that "
        "distance."
    )

usually_on = bursts_off(feature.rate, binary)
if usually_on:
    st.caption("This bit usually fires, so it stands out by being silent: it is painted, in orange, where it is silent.")
for band, examples in index.examples(ae, number).items():
    st.subheader(GROUPS[band], help=ABOUT[band])
    panels.contexts(
        [(example.document, panels.strength(example, binary), paint_example(example, feature.largest, usually_on)) for example in examples]
    )

feature_labels.section(ae, number)

st.subheader("Try it on your own text")
opened = "text" in st.query_params
if st.toggle("Open the box", key="try", help="Reads a text of yours with the language model and paints this feature on it.", value=opened):
    live.try_feature(ae, number, index)

with st.expander("Where it comes from"):
    panels.facts(live.provenance(entry, index))
    st.caption("The address of this page is a permalink: it names the dictionary and the feature.")
