"""The panel of a job: drawn as the job stands, begun anew when that changes or more is kept, and named where it cannot be followed."""

from itertools import chain, repeat
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT: dict = {}


def page():
    import test_job_panel

    from app.components import job_panel

    job_panel.follow("The run", **test_job_panel.SCRIPT)


@pytest.fixture
def followed():
    """Follow a job that stands as told, one state each time it is asked for; gives the page and how it was drawn."""

    def follow(states, **options):
        drawn, told = [], chain(states, repeat(states[-1]))

        def job():
            state = next(told)
            if isinstance(state, ValueError):
                raise state
            return state and SimpleNamespace(state=state)

        def draw(found, standing):
            drawn.append((found and found.state, standing.state, standing.by_hand, standing.running))

        SCRIPT.clear()
        SCRIPT.update({"job": job, "draw": draw, **options})
        return AppTest.from_function(page, default_timeout=60).run(), drawn

    return follow


@pytest.mark.parametrize(("state", "running"), [(None, False), ("running", True), ("stopped", False)])
def test_a_job_is_drawn_as_it_stands(followed, state, running):
    app, drawn = followed([state])
    assert not app.exception and drawn == [(state, state, False, running)]
    app, drawn = followed([state], by_hand=lambda: "tokens")
    assert not app.exception and drawn == [(state, state, True, True)]


def test_the_page_starts_over_when_a_job_has_ended(followed):
    app, drawn = followed(["running", "done"])
    assert not app.exception and drawn == [("done", "done", False, False)], "never drawn as running when it was not"


@pytest.mark.parametrize(("patience_s", "looked"), [(0.0, 4), (1000.0, 2)])
def test_what_is_kept_meanwhile_is_shown_when_it_was_looked_at_long_enough(followed, patience_s, looked):
    stamps = []

    def stamp():
        stamps.append(len(stamps))
        # something more is kept after the first look
        return min(len(stamps), 2)

    app, drawn = followed(["running"], stamp=stamp, patience_s=patience_s)
    assert not app.exception and len(drawn) == 1 and len(stamps) == looked


def test_a_job_whose_record_is_damaged_is_named(followed):
    app, drawn = followed([ValueError("the record `x` is damaged")])
    assert not app.exception and not drawn
    assert app.error[0].value.startswith("The run cannot be followed") and "the record `x` is damaged" in app.error[0].value
