"""What changes in what the model writes when features are pushed?"""

import streamlit as st

from app.components import panels, url
from app.components.explain import hover
from app.playground import add as playground_add
from app.playground import address as playground
from app.playground import controls as playground_controls
from app.playground import next_token as playground_next
from app.playground import outputs as playground_outputs
from app.playground import prompt as playground_prompt
from app.playground import steps as playground_steps
from app.playground import writing as playground_writing
from app.playground.address import PLAIN, STEERED, Asked
from app.playground.texts import kept
from app.services.playground import dictionaries
from bae.steering.plan import MOST

st.title("Playground", help=hover("playground"))
index = panels.index_or_none()
if index is None:
    panels.index_progress()
try:
    settings = playground.settings()
except ValueError as error:
    st.error(f"The limits of this server cannot be read: {url.code(error)}")
    st.stop()

known = dictionaries()
prompt = playground_prompt.show()
steps, muted = playground.steps()
asked = Asked(prompt, kept("instruction"), steps, muted, settings)
playground_steps.show(asked, index, known)
playground_controls.fits(asked, known)
playground_add.show(index, known, MOST - len(steps))

asks, desk = asked.asks(), playground_writing.desk()
if playground_writing.asked():
    desk.begin(asks)
playground_controls.show(desk, asked, asks)
queue = st.empty()
places = playground_outputs.show(desk, asked, asks, index)
if desk.writing:
    playground_writing.go_on(desk, queue, lambda writing, pace: playground_outputs.draw(places.get(writing.ask, ()), writing, pace))
    st.rerun()
if asks[STEERED] != asks[PLAIN] and asks[STEERED] in desk.outputs:
    playground_next.show(asks)
