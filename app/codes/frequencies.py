"""How often features fire: the histograms of dictionaries over each other (Fig. 5), whose bars lead to their features."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from app import charts, services
from app.codes import frequency_charts
from app.components import url
from app.components.explain import hover
from bae.index.query import Dictionary, Feature, Index

DEFINITIONS = {"rate": "On which it fires", "top_rate": "That have it in their top 10"}
NEVER = "never"
PER_DECADE = 4


@dataclass(frozen=True)
class Bin:
    """A bar of the histogram that was clicked: a stretch of rates, or the features that never fire."""

    definition: str
    low: float
    high: float

    def holds(self, feature: Feature) -> bool:
        """Whether a feature's rate lies in it."""
        rate = getattr(feature, self.definition)
        return rate == 0 if self.high == 0 else rate > 0 and place(rate) == place(self.low)

    def told(self) -> str:
        """The stretch in words."""
        what = "fire on" if self.definition == "rate" else "are in the top 10 of"
        return f"that {what} no token" if self.high == 0 else f"that {what} {self.low:.2g} to {self.high:.2g} of tokens"


def place(rate: float) -> int:
    """The number of the bin that a rate above 0 lies in: quarters of a decade below a rate of 1, which is in the last of them."""
    if rate >= 1:
        return -1
    found = math.floor(math.log10(rate) * PER_DECADE)
    # the logarithm of an edge may be rounded to the bin below it
    return found + 1 if rate >= edge(found + 1) else found if rate >= edge(found) else found - 1


def edge(number: int) -> float:
    """Where a bin begins."""
    return 10 ** (number / PER_DECADE)


def draw(index: Index, entry: Dictionary, known: Mapping[str, Dictionary]) -> Bin | None:
    """Draw the histogram of a dictionary, others over it, and return the bin that the address names."""
    others = [name for name in known if name != entry.name]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.markdown("**Share of tokens**", width="content", help=hover("frequency"))
            definition = url.switch("Which share", "of", DEFINITIONS, "rate", also=("bin", "page"))
            over = url.several("over", others, ())
            url.bound(
                st.multiselect, "Over it", "over", over, others, default=[], written=",".join, placeholder="Lay others over it",
                label_visibility="collapsed", width=360, format_func=lambda name: f"{known[name].title} · {name}",
            )  # fmt: skip
        rates = {name: services.column(str(index.file), name, definition) for name in (entry.name, *over)}
        numbers = sorted({place(rate) for rate in rates[entry.name] if rate > 0})
        chosen = _chosen(numbers)
        first = min((place(rate) for own in rates.values() for rate in own if rate > 0), default=-20)
        bins = frequency_charts.Bins([None if number == NEVER else int(number) for number in (NEVER, *numbers)], first, edge)
        figure = frequency_charts.histogram(rates, bins, place, chosen, {name: known[name].kind for name in rates})
        key = f"rates:{entry.name}:{definition}"
        st.plotly_chart(
            figure,
            config=charts.config(f"rates of {entry.name}"),
            key=key,
            on_select=lambda: _clicked(key, bins.numbers),
            selection_mode="points",
            alt="Histogram of how often features fire, one dictionary over another",
        )
        st.caption(_told(rates, entry))
    if chosen is None:
        return None
    return Bin(definition, 0.0, 0.0) if chosen == NEVER else Bin(definition, edge(int(chosen)), edge(int(chosen) + 1))


def _chosen(numbers: Sequence[int]) -> str | None:
    if "bin" not in st.query_params:
        return None
    found = url.choice("bin", [NEVER, *map(str, numbers), "all"], "all")
    return None if found == "all" else found


def _clicked(key: str, numbers: Sequence[int | None]) -> None:
    points = [point for point in st.session_state[key]["selection"]["points"] if point.get("curve_number", 0) == 0]
    if points and 0 <= points[0]["point_index"] < len(numbers):
        number = numbers[points[0]["point_index"]]
        url.put(bin=NEVER if number is None else number, page=None)


def _told(rates: Mapping[str, Sequence[float]], entry: Dictionary) -> str:
    told = []
    for name, own in rates.items():
        dense = sum(rate > frequency_charts.DENSE for rate in own)
        told.append(f"{url.code(name)}: {sum(rate == 0 for rate in own):,} never, {dense:,} on more than 10 %")
    return f"Of {entry.tokens:,} tokens. {'; '.join(told)}. Click a bar to see its features in the table."
