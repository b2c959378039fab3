"""The parts of live text that its modes share, and the box on a feature's page: what is shown of a text, and how it is painted."""

from collections.abc import Mapping, Sequence

import streamlit as st

from app import navigation, services
from app.components import labels, url
from app.components.chooser import Offered
from app.components.explain import MEANINGS, hover
from app.components.panels import cannot_read, require_lenses, words
from app.components.tokens import legend, legend_of_bits, painted_text
from app.live.box import text_box, typed_characters
from bae.index.query import Index
from bae.names import TITLES
from bae.reading.painting import FULL_COST, Stretch, View, bursts_off, paint

DENSITIES = ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50", "100")
ALL = 1_000_000
"""As a limit: more features than any dictionary has."""
PAINTS = {"loudest": "Loudest feature", "bits": "Description length"}


def bit(value: bool) -> str:
    """A switch in the address."""
    return str(int(value))


def offered(lenses) -> dict[str, Offered]:
    """The dictionaries that live text can look through."""
    return {name: Offered(TITLES[lens.autoencoder.kind], lens.layer) for name, lens in lenses.usable.items()}


def summaries(index: Index | None, ae: str) -> Mapping[int, str]:
    """The words of every feature, where the index has the dictionary."""
    if index is None or ae not in index.dictionaries():
        return {}
    return dict(enumerate(services.column(str(index.file), ae, "summary")))


def own_summaries(index: Index | None, ae: str) -> Mapping[int, str]:
    """The words of every feature of the checkpoint that texts are read through: none where the index was built from another."""
    return {} if services.replaced(ae) else summaries(index, ae)


def called(ae: str, names: Mapping[int, str]) -> Mapping[int, str]:
    """What the features of a dictionary are called in a line, of those that have a label or words. Labels belong to those of the index."""
    return labels.lines(services.shown_labels(ae), names) if names else {}


def say_replaced(dictionaries: Sequence[str]) -> None:
    """That texts are read through other weights than the index was built from, and what follows from that."""
    if found := [url.code(ae) for ae in dictionaries if services.replaced(ae)]:
        which = f"checkpoint {found[0]} was" if len(found) == 1 else f"checkpoints {', '.join(found)} were"
        st.warning(
            f"The {which} replaced since the index was built. The text is judged by the habits that were measured when the checkpoint "
            "was made; words and labels of the index are those of other features, and are left out. `bae index` builds the index again.",
            icon=":material/published_with_changes:",
        )


def controls(readings: Sequence[services.Reading], feature: int | None = None) -> View:
    """The switches above a painted text, or above several, and what they choose. `feature` is painted alone."""
    density = url.choice("density", DENSITIES, "100")
    start, on, off = (url.flag(name, default) for name, default in (("start", False), ("on", True), ("off", True)))
    has_off = any(map(_has_off, readings))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        density_slider("Hide features denser than (% of tokens)", density)
        bits = _paint_bits([reading.cost is not None for reading in readings])
        url.bound(st.toggle, "Start token", "start", start, default=False, written=bit, help=hover("start"))
        if has_off:
            url.bound(st.toggle, "On-bursts", "on", on, default=True, written=bit, help=hover("on_bursts"))
            url.bound(st.toggle, "Off-bursts", "off", off, default=True, written=bit, help=hover("off_bursts"))
    return View(feature, float(density) / 100, on or not has_off, off, start, bits and feature is None)


def _has_off(reading: services.Reading) -> bool:
    return any(bursts_off(rate, reading.inspection.lens.autoencoder.binary) for rate in reading.rate)


def _paint_bits(has_cost: Sequence[bool]) -> bool:
    """The switch between features and bits; it can be moved only where every dictionary that is shown has bits."""
    asked = url.choice("paint", list(PAINTS), "loudest")
    possible = all(has_cost)
    told = hover("paint") if possible else hover("no_description_length")
    options = {"format_func": PAINTS.get, "required": True, "disabled": not possible, "help": told, "also": ("feature",)}
    painted = asked if possible else "loudest"
    url.bound(st.segmented_control, "Paint", "paint", painted, list(PAINTS), default="loudest", **options)
    return painted == "bits"


def show_text(
    reading: services.Reading,
    view: View,
    names: Mapping[int, str],
    index: Index | None,
    ask_token: bool = True,
    typed: int | None = None,
    lock: str = "token",
) -> None:
    """The painted text with what has to be said about it. What lies behind the first `typed` characters is marked as output."""
    say_limits([reading])
    lens = reading.inspection.lens
    largest = None
    if view.feature is not None and names:
        largest = index.feature(lens.name, view.feature).largest
    stretches = paint(reading.inspection, reading.rate, view, largest, reading.cost, typed)
    locked = locked_token(stretches, lock) if ask_token else None
    if view.feature is None:
        deep = "what its code takes in bits: the deeper, the more" if view.bits else "its loudest feature: the deeper, the louder"
        st.caption(f"Each token is painted by {deep}. Hover a token for its features, click it to lock it.")
    with st.container(border=True):
        told = called(lens.name, names)
        painted_text(stretches, told, lens.magnitude.unit, locked, lambda token: pick_token(token, lock), key=f"painted:{lock}")
    show_legend([reading], view, output=any(stretch.output for stretch in stretches))


def show_legend(readings: Sequence[services.Reading], view: View, output: bool) -> None:
    """What the colours mean."""
    if not view.bits:
        st.html(legend(any(map(_has_off, readings)), output))
        return
    st.html(legend_of_bits([reading.cost.usual for reading in readings], FULL_COST, output))


def say_limits(readings: Sequence[services.Reading]) -> None:
    """What of a text was not read, or is less to be trusted."""
    tokens = readings[0].inspection.tokens
    trained = min(reading.inspection.lens.context_length for reading in readings)
    if tokens.dropped_tokens:
        said = f"Only the first {len(tokens.ids) - 1:,} tokens were read; the last {tokens.dropped_tokens:,} are left out."
        st.warning(said, icon=":material/content_cut:")
    if len(tokens.ids) > trained:
        what = "this dictionary was" if len(readings) == 1 else "one of these dictionaries was"
        st.caption(f"Tokens past {trained:,}, the length that {what} trained on, are greyed.")


def locked_token(stretches: Sequence[Stretch], lock: str = "token") -> int | None:
    """The token that the address locks, as the stretch that holds it."""
    positions = [stretch.token for stretch in stretches]
    token = url.whole(lock, 0, max(positions, default=0), None)
    return None if token is None else max((p for p in positions if p <= token), default=None)


def pick_token(token: int, lock: str = "token") -> None:
    """Lock a token, or let go of the one that is locked."""
    url.put(**{lock: None if st.query_params.get(lock) == str(token) else token})


def show_painted(view: View, ae: str, names: Mapping[int, str]) -> None:
    """Which feature is painted, with the ways out."""
    if view.feature is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(f"Painting **feature {view.feature}**", width="content")
        if names:
            words(labels.in_a_line(services.shown_labels(ae).get(view.feature), names.get(view.feature, "")), "1rem")
        link_to_feature("Open its page", ae, view.feature)
        st.button("Paint the loudest instead", icon=":material/close:", on_click=url.put, kwargs={"feature": None})


def link_to_feature(label: str, ae: str, feature: int) -> None:
    """A link to a feature's page, which is one of the index: nothing where that has another feature of this number."""
    if not services.replaced(ae):
        navigation.link("feature", label, ae=ae, feature=feature, text=st.query_params.get("text"))


def show_cost(reading: services.Reading) -> None:
    """What a text takes in bits, beside what the corpus's tokens take."""
    read = reading.inspection.read.tolist()
    bits = [cost for cost, kept in zip(reading.cost.bits, read, strict=True) if kept]
    if not bits:
        return
    mean, usual = sum(bits) / len(bits), reading.cost.usual
    with st.container(horizontal=True, gap="medium"):
        for name, value in (("bits_sum", f"{sum(bits):,.0f}"), ("bits_mean", f"{mean:,.1f}"), ("bits_usual", f"{usual:,.1f}")):
            st.metric(MEANINGS[name].header, value, help=hover(name), width=170)


def density_slider(label: str, value: str, also: Sequence[str] = ()) -> str:
    """How dense a feature may be, in % of tokens."""
    return url.bound(st.select_slider, label, "density", value, DENSITIES, default="100", also=also, help=hover("max_density"), width=320)


def first_active(index: Index, ae: str) -> int:
    """The feature that is shown where the address names none."""
    return random_active(index, ae, 0.0)


def random_active(index: Index, ae: str, draw: float) -> int:
    """An active feature; feature 0 where none is active."""
    try:
        return index.random_feature(ae, draw)
    except KeyError:
        return 0


def try_feature(ae: str, feature: int, index: Index) -> None:
    """One feature painted on a text that a person types."""
    lenses = require_lenses()
    if ae not in lenses.usable:
        st.info(f"The dictionary {url.code(ae)} is in the index, but its checkpoint cannot be used; the Overview says why.")
        return
    if services.replaced(ae):
        st.info(
            f"The checkpoint {url.code(ae)} was replaced since the index was built, so its feature {feature} is another than the one on "
            "this page. `bae index` builds the index again."
        )
        return
    try:
        reading = services.read(ae, text_box())
    except ValueError as error:
        cannot_read(error)
        return
    show_text(reading, View(feature), summaries(index, ae), index, ask_token=False, typed=typed_characters())
