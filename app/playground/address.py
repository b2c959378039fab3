"""What the address of the playground asks for: a prompt, what is steered and how, how much is written; and how it is changed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import streamlit as st

from app import services
from app.components import url
from app.services import playground
from app.services.playground import Known, Prompt
from bae.steering.dose_settings import LARGEST_SEED, TEMPERATURES
from bae.steering.plan import MOST, FeatureStep, Step, parse_step, written

PENALTIES = tuple(f"{tenths / 10:g}" for tenths in range(-20, 21))
USUAL_TOKENS = 60
START = 0.3
"""Norms of its layer that a feature is pushed by where nobody says more."""
PLAIN, STEERED, PROMPTED = "plain", "steered", "prompted"
TITLES = {PLAIN: "Plain", STEERED: "Steered", PROMPTED: "Prompted"}
REFUSED = "playground:refused"
"""In the session: why something could not be added, until the page has said it."""


class Settings(NamedTuple):
    """How much is written, and how freely."""

    tokens: int
    temperature: float
    penalty: float
    seed: int

    def __str__(self) -> str:
        parts = [f"{self.tokens:,} tokens", f"temperature {self.temperature:g}"]
        parts += [f"penalty {self.penalty:g}"] if self.penalty else []
        parts += [f"seed {self.seed}"] if self.temperature else []
        return " · ".join(parts)


class Ask(NamedTuple):
    """All that a text depends on: what was written for one of these is what is written for it again."""

    prompt: Prompt
    push: str
    """Empty for a text that is not steered."""
    settings: Settings
    made_with: tuple[tuple[str, str], ...]
    """The checkpoints that the push goes through."""


@dataclass(frozen=True)
class Asked:
    """What is on the page."""

    prompt: Prompt
    """Without the instruction."""
    instruction: str
    steps: tuple[Step, ...]
    muted: frozenset[int]
    """Places of steps that are left out for now."""
    settings: Settings

    @property
    def active(self) -> list[Step]:
        """The steps that are not muted."""
        return [step for place, step in enumerate(self.steps) if place not in self.muted]

    @property
    def push(self) -> str:
        """Those that do something, as a line."""
        return written(step for step in self.active if not step.idle)

    def asks(self) -> dict[str, Ask]:
        """What is asked of each side. Where nothing is steered, both are the same."""
        names = playground.dictionaries()
        through = [step.dictionary for step in self.active if not step.idle and step.dictionary in names]
        asks = {
            PLAIN: Ask(self.prompt, "", self.settings, ()),
            STEERED: Ask(self.prompt, self.push, self.settings, playground.marks(through)),
        }
        if self.instruction.strip():
            asks[PROMPTED] = Ask(self.prompt._replace(instruction=self.instruction), "", self.settings, ())
        return asks


# settings


def settings() -> Settings:
    """Those that the address names."""
    most = services.limits().max_new_tokens
    return Settings(
        url.whole("tokens", 1, most, min(USUAL_TOKENS, most)),
        float(url.choice("temperature", TEMPERATURES, "0")),
        float(url.choice("penalty", PENALTIES, "0")),
        url.whole("seed", 0, LARGEST_SEED, 0),
    )


# steps


def steps() -> tuple[tuple[Step, ...], frozenset[int]]:
    """The steps that the address names, and the places of those that are muted. What cannot be is named on the page and left out."""
    found, wrong = _told()
    for part, error in wrong:
        st.warning(f"The address asks for push = {url.code(part)}: {url.code(error)} It is left out.", icon=":material/link_off:")
    places = [str(place) for place in range(len(found))]
    muted = url.several("mute", places, ())
    return tuple(found), frozenset(map(int, muted))


def _told() -> tuple[list[Step], list[tuple[str, ValueError]]]:
    found, wrong = [], []
    for part in filter(None, st.query_params.get("push", "").split(",")):
        try:
            if len(found) == MOST:
                raise ValueError(f"at most {MOST} things are steered at once.")
            found.append(parse_step(part))
        except ValueError as error:
            wrong.append((part, error))
    return found, wrong


def add(further: Iterable[Step]) -> None:
    """Steer with these too, from a callback: as many as there is room for."""
    found, further = _told()[0], list(further)
    room = MOST - len(found)
    if len(further) > room:
        left_out = len(further) - room
        st.session_state[REFUSED] = f"At most {MOST} things are steered at once, so {left_out:,} were left out."
    url.put(push=written(found + further[:room]), find=None)


def change(place: int, **fields: object) -> None:
    """Change a step, from a callback. What cannot be is said on the page, and the step stays as it was."""
    found = _told()[0]
    try:
        found[place] = replace(found[place], **fields)
    except ValueError as error:
        st.session_state[REFUSED] = str(error)
        return
    url.put(push=written(found))


def remove(place: int) -> None:
    """Steer without this step, from a callback."""
    found, muted = _told()[0], _muted()
    del found[place]
    _put_muted({number - (number > place) for number in muted if number != place}, push=written(found) or None, paint=None)


def mute(place: int) -> None:
    """Leave a step out for now, or take it in again, from a callback."""
    _put_muted(_muted() ^ {place})


def _muted() -> set[int]:
    return {int(part) for part in st.query_params.get("mute", "").split(",") if re.fullmatch(r"[0-9]{1,3}", part)}


def _put_muted(places: set[int], **params: object) -> None:
    url.put(mute=",".join(map(str, sorted(places))) or None, **params)


def push(features: Iterable[tuple[str, int]]) -> str:
    """What a link to the playground carries to begin with these features of dictionaries; no more than may be steered at once."""
    return written(FeatureStep(dictionary, feature, amount=START) for dictionary, feature in list(features)[:MOST])


def problem(step: Step, known: Known | None) -> str | None:
    """Why a step cannot be, as far as is known without the model, as Markdown."""
    name = url.code(step.dictionary)
    if known is None:
        return f"There is no dictionary {name} in this study."
    if not isinstance(step, FeatureStep):
        return None
    if step.feature >= known.n_features:
        return f"{name} has features 0 to {known.n_features - 1:,}."
    if known.only_added and step.how != "add":
        return f"{name} reads another state than the one that is steered: its features can be added, no more."
    if not known.has_bits and step.how in ("flip", "set", "clear"):
        return f"{name} has values, not bits: its features can be added, clamped or ablated."
    return None


def of_link(text: str) -> list[Step]:
    """The steps that a typed or pasted link spells: a line of them, a feature as in bae:12, an address of this page or of a feature's.

    Empty for what is no link. Raises ValueError for one that cannot be.
    """
    text = text.strip()
    if re.fullmatch(r"[\w.-]+:[0-9]{1,9}", text):
        dictionary, feature = text.split(":")
        return [FeatureStep(dictionary, int(feature), amount=START)]
    if re.match(r"[\w.-]+:[\w/-]+:[a-z-]+:", text):
        return [parse_step(part) for part in text.split(",") if part]
    told = parse_qs(urlsplit(text).query)
    if "push" in told:
        return [parse_step(part) for part in told["push"][0].split(",") if part]
    if {"ae", "feature"} <= told.keys():
        return of_link(f"{told['ae'][0]}:{told['feature'][0]}")
    return []
