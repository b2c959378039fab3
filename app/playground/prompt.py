"""What the model is given to go on with: a text, or a message in a conversation."""

import streamlit as st

from app.components import url
from app.components.explain import hover
from app.playground.texts import box, keep, kept
from app.services.playground import Prompt

FORMS = {"text": "Text", "chat": "Chat"}
EXAMPLES = {
    "text": {
        "Weekend": "Last weekend I decided to",
        "Film": "The film begins with a scene in which",
        "Address": "My fellow citizens, this year our nation",
        "Recipe": "To make a good soup, you first",
    },
    "chat": {
        "Day": "Tell me about your day.",
        "Advice": "Give me one piece of advice for a long journey.",
        "Story": "Write a short story about a lighthouse.",
        "Who": "Who are you?",
    },
}
HINTS = {"text": "A text that the model goes on with.", "chat": "A message that the model answers."}


def show() -> Prompt:
    """Draw the boxes and return what they hold."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        form = url.switch("Text or chat", "form", FORMS, "text")
        for name, example in EXAMPLES[form].items():
            st.button(name, key=f"example:{form}:{name}", on_click=keep, args=("text", example), type="tertiary")
    text = kept("text", next(iter(EXAMPLES[form].values())))
    box(st.text_area, "Prompt", "text", text, height=90, placeholder=HINTS[form], label_visibility="collapsed")
    if form == "text":
        return Prompt(text)
    system = kept("system")
    box(st.text_input, "System line (optional)", "system", system, placeholder="Who the model is to be", help=hover("system_line"))
    return Prompt(text, True, system)
