"""How much is written, how freely; and settings under a name, for those who do not want to turn every knob."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import streamlit as st

from app import services
from app.components import url
from app.components.explain import hover
from app.playground.address import PENALTIES, USUAL_TOKENS, Settings
from app.playground.ways import fields_of
from app.services.playground import Known, dictionaries
from bae.steering.dose_settings import LARGEST_SEED, TEMPERATURES
from bae.steering.plan import FeatureStep, Step, written


class Preset(NamedTuple):
    """Settings under a name."""

    told: str
    settings: Mapping[str, object] | None = None
    """Parameters of the address; None leaves all as they are."""
    steps: Callable[[FeatureStep, Known | None], FeatureStep] | None = None
    """What becomes of each feature that is steered."""


def _pushed(norms: float) -> Callable[[FeatureStep, Known | None], FeatureStep]:
    return lambda step, known: replace(step, how="add", unit="norms", amount=norms, positions="all")


def _held(step: FeatureStep, known: Known | None) -> FeatureStep:
    return step if known is None or known.only_added else replace(step, **fields_of("clamp", step, known), positions="all")


def _ablated(step: FeatureStep, known: Known | None) -> FeatureStep:
    return step if known is None or known.only_added else replace(step, how="ablate", unit="norms", amount=1.0, positions="all")


PRESETS = {
    "Gentle": Preset("Adds 0.15 of a usual hidden state's length along each feature, at all tokens.", steps=_pushed(0.15)),
    "Strong": Preset("Adds 0.6 of a usual hidden state's length along each feature: the text may fall apart.", steps=_pushed(0.6)),
    "Hold on": Preset("Holds each feature at its high value at all tokens: 1 for a bit, else about the largest in the index.", steps=_held),
    "Ablate": Preset("Takes each feature out wherever it fires, at all tokens.", steps=_ablated),
    "Greedy": Preset(
        f"{USUAL_TOKENS} tokens, always the likeliest: the same text on every press.",
        {"tokens": USUAL_TOKENS, "temperature": None, "penalty": None, "seed": None},
    ),
    "Neuronpedia's": Preset(
        "What Neuronpedia's steering page begins with: 256 tokens, temperature 0.5, frequency penalty 1, seed 16.",
        {"tokens": 256, "temperature": "0.5", "penalty": "1", "seed": 16},
    ),
}


def show(settings: Settings, steps: Sequence[Step]) -> None:
    """Draw the presets and the settings, each behind a button."""
    with st.popover("Presets", icon=":material/auto_fix_high:", key="presets"):
        for name, preset in PRESETS.items():
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                idle = preset.steps is not None and not any(isinstance(step, FeatureStep) for step in steps)
                pressed = {"on_click": _take, "args": (name, tuple(steps)), "disabled": idle, "width": 130}
                st.button(name, key=f"preset:{name}", **pressed)
                st.caption(preset.told, width=330)
    with st.popover(str(settings), icon=":material/tune:", key="settings"):
        most = services.limits().max_new_tokens
        usual = min(USUAL_TOKENS, most)
        url.bound(st.slider, "Tokens to write", "tokens", settings.tokens, 1, most, default=usual, help=hover("steer_tokens"), width=330)
        for label, name, value, options, told in (
            ("Temperature", "temperature", settings.temperature, TEMPERATURES, "steer_temperature"),
            ("Frequency penalty", "penalty", settings.penalty, PENALTIES, "frequency_penalty"),
        ):
            url.bound(st.select_slider, label, name, f"{value:g}", options, default="0", help=hover(told), width=330)
        drawn = {"help": hover("generation_seed"), "width": 160, "disabled": settings.temperature == 0}
        url.bound(st.number_input, "Seed", "seed", settings.seed, 0, LARGEST_SEED, default=0, **drawn)


def _take(name: str, steps: Sequence[Step]) -> None:
    preset, params = PRESETS[name], {}
    if preset.settings is not None:
        params |= preset.settings
        params["tokens"] = min(params["tokens"], services.limits().max_new_tokens)
    if preset.steps is not None:
        known = dictionaries()
        params["push"] = written(
            preset.steps(step, known.get(step.dictionary)) if isinstance(step, FeatureStep) else step for step in steps
        )
    url.put(**params)
