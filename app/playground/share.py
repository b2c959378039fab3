"""A run to hand on: a link that makes it anew, the texts with all settings as Markdown, and where to go from here."""

import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from app import navigation, services
from app.components.explain import hover
from app.playground.address import TITLES, Ask, Asked
from app.playground.texts import keep_text
from app.playground.writing import Desk, Output
from app.services.playground import Prompt
from bae.notebook.markdown import escaped
from bae.steering.plan import written


def show(on: Desk, asked: Asked, asks: Mapping[str, Ask]) -> None:
    """Draw the link, the download and the way on."""
    with st.popover("Link", icon=":material/link:"):
        st.caption(hover("steer_link"), width=420)
        st.code(link(asked), language=None, wrap_lines=True, width=420)
    outputs = {side: on.outputs[ask] for side, ask in asks.items() if ask in on.outputs}
    told = "The texts that belong to these settings, with the settings, as Markdown."
    made = {"data": lambda: markdown(asked, outputs, link(asked)), "file_name": "steered.md", "mime": "text/markdown", "on_click": "ignore"}
    st.download_button("Download", icon=":material/download:", disabled=not outputs, help=told, key="steered:download", **made)
    if "dose" in navigation.PAGES and asked.push:
        navigation.link("dose", "Dose and response", push=asked.push, prompts=_as_prompts(asked.prompt))


def link(asked: Asked) -> str:
    """The address that makes a run anew: nothing in it is left to what an address without it would show."""
    params = {
        "text": keep_text(asked.prompt.text),
        "form": "chat" if asked.prompt.chat else None,
        "system": keep_text(asked.prompt.system) if asked.prompt.chat else None,
        "instruction": keep_text(asked.instruction),
        "push": written(asked.steps),
        "mute": ",".join(map(str, sorted(asked.muted))),
        "tokens": asked.settings.tokens,
        "temperature": f"{asked.settings.temperature:g}",
        "penalty": f"{asked.settings.penalty:g}",
        "seed": asked.settings.seed,
        "go": 1,
    }
    here = urlsplit(st.context.url or "")
    # an empty prompt stays: without it the page would show an example
    query = urlencode({name: value for name, value in params.items() if value not in (None, "") or name == "text"}, safe=":,/")
    return urlunsplit((here.scheme, here.netloc, here.path, query, ""))


def _as_prompts(prompt: Prompt) -> str | None:
    """The id under which the page of doses finds the prompt, which takes one a line; None where it would not be the same there."""
    if prompt.chat or len(prompt.text.splitlines()) != 1:
        return None
    return keep_text(prompt.text) or None


def markdown(asked: Asked, outputs: Mapping[str, Output], address: str) -> str:
    """The texts and all that they depend on. Texts stand in fences that nothing in them ends."""
    steps = [f"- `{step}`{' (muted)' if place in asked.muted else ''}" for place, step in enumerate(asked.steps)]
    parts = [
        "# Steered text",
        f"Model: {escaped(services.workspace().recipe.model)}",
        f"Settings: {escaped(str(asked.settings))}, seed {asked.settings.seed}",
        "Steered:\n\n" + "\n".join(steps) if steps else "Nothing is steered.",
        *(["System line:", fenced(asked.prompt.system)] if asked.prompt.chat and asked.prompt.system.strip() else []),
        "Message:" if asked.prompt.chat else "Prompt:",
        fenced(asked.prompt.text),
        *(["Instruction:", fenced(asked.instruction)] if asked.instruction.strip() else []),
    ]
    for side, output in outputs.items():
        parts += [f"## {TITLES[side]}{' (stopped)' if output.stopped else ''}", fenced(output.text)]
    return "\n\n".join([*parts, f"Link: <{address}>"]) + "\n"


def fenced(text: str) -> str:
    """A foreign text as a block of Markdown."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}\n{text}\n{fence}"
