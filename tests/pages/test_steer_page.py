"""The playground: what the address asks for is what is drawn and written; texts are those of the library; nothing leaks between runs."""

import json
import math
import threading
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import streamlit as st
import torch
from small_study import HOSTILE, LAYER, N_FEATURES
from small_study import texts as corpus
from test_pages import said

from app import navigation, services
from app.playground import address as playground
from app.playground import share as playground_share
from app.playground import ways as playground_ways
from app.playground import writing as playground_writing
from app.playground.address import PLAIN, PROMPTED, STEERED, Ask, Settings
from app.playground.prompt import EXAMPLES
from app.playground.writing import DESK, Desk, Writing
from app.services import keeping
from app.services import playground as asking
from app.services.playground import Known, Prompt
from bae.model import generation
from bae.model.generation import GenerationConfig, generate
from bae.model.language_model import LanguageModel
from bae.notebook.database import Notebook
from bae.notebook.kept import keys
from bae.reading.painting import visible
from bae.steering import generate_steered, plan, steered
from bae.steering.plan import MOST, ExampleStep, FeatureStep
from bae.system.turns import QueueFull

TEXT = "The naval ship left the harbor in winter."
PUSH = "bae:5:add:0.5,topk:8:clamp:2"
LONG = corpus(1)[0]
GOOD, BAD = "a sea harbor\na naval ship\nthe river", "a film actor\nthe plot\na scene"


def kept(study, text: str = TEXT) -> str:
    return Notebook(study.notebook_file).keep_text(text)


def desk(app) -> Desk:
    return app.session_state[DESK]


def texts(app) -> dict[str, str]:
    """What stands on the page of each side."""
    return {side: desk(app).outputs[ask].text for side, ask in desk(app).latest.items()}


def address(app, name: str) -> str | None:
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def by_hand(push: str = "", prompt: str = TEXT, **settings) -> str:
    """The text as the library writes it."""
    model = services.language_model()
    config = GenerationConfig(**{"max_tokens": 12, **settings})
    if not push:
        return "".join(generate(model, prompt, config))
    return "".join(generate_steered(model, prompt, asking.interventions(push), config))


@pytest.fixture
def make_list():
    """A kept list, until the test has ended: the study is that of other tests too."""
    made = []
    yield lambda *told: made.append(keeping.lists().make(*told)) or made[-1]
    for name in made:
        keeping.lists().delete(name)


def ask_of(push: str = "", text: str = TEXT, tokens: int = 12, temperature: float = 0.0, seed: int = 0) -> Ask:
    return Ask(Prompt(text), push, Settings(tokens, temperature, 0.0, seed), ())


# ------------------------------------------------------------------------------------------------------- what is asked


def test_the_address_is_what_is_drawn(open_page, study):
    name = kept(study)
    params = {
        "text": name,
        "push": f"{PUSH}:norms:generated",
        "mute": "1",
        "tokens": "12",
        "temperature": "0.7",
        "penalty": "-0.5",
        "seed": "9",
    }
    app = open_page(study, "steer", **params)
    assert not app.exception and not app.warning and not app.error
    assert app.text_area(key="kept:text").value == TEXT
    assert [app.selectbox(key=f"step:{place}:how").value for place in (0, 1)] == ["add", "clamp"]
    assert app.slider(key="step:0:add:slider").value == app.number_input(key="step:0:add:number").value == 0.5
    assert app.slider(key="step:1:clamp:slider").value == 2 and app.selectbox(key="step:1:positions").value == "generated"
    assert app.slider(key="url:tokens").value == 12 and app.number_input(key="url:seed").value == 9
    assert (app.select_slider(key="url:temperature").value, app.select_slider(key="url:penalty").value) == ("0.7", "-0.5")
    assert "line-through" in app.html[1].value and "line-through" not in app.html[0].value
    other = open_page(study, "steer", push="bae:6:flip:1")
    assert other.selectbox(key="step:0:how").value == "flip" and other.text_area(key="kept:text").value == EXAMPLES["text"]["Weekend"]


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"push": "bae:5:add:nan"}, "finite"),
        ({"push": "bae:5:add:inf"}, "finite"),
        ({"push": "bae:5:push:1"}, "add, clamp, ablate"),
        ({"push": HOSTILE.replace(",", "")}, "is a number"),
        ({"push": ",".join(["bae:5:add:0.1"] * (MOST + 1))}, f"at most {MOST}"),
        ({"tokens": "99999"}, "from 1 to 256"),
        ({"temperature": "7"}, "1.9"),
        ({"penalty": "x"}, "-2"),
        ({"seed": "-1"}, "999999"),
        ({"text": "unknown"}, "kept in this workspace"),
        ({"form": "poem"}, "chat"),
        ({"mute": "5"}, "nothing yet"),
        ({"ae": "<b>"}, "bae-deep"),
    ],
)
def test_a_wrong_address_is_named_with_what_is_allowed(open_page, study, params, told):
    app = open_page(study, "steer", **params)
    assert not app.exception and len(app.warning) == 1 and told in app.warning[0].value, said(app)


def test_what_is_right_of_a_push_is_kept(open_page, study):
    app = open_page(study, "steer", push="bae:5:add:0.5,bae:5:add:much,topk:8:clamp:2")
    assert len(app.warning) == 1 and [app.selectbox(key=f"step:{place}:how").value for place in (0, 1)] == ["add", "clamp"]


def test_rows_are_changed_muted_and_taken_away(open_page, study):
    app = open_page(study, "steer", push=PUSH, mute="1")
    app.slider(key="step:0:add:slider").set_value(-1.25).run()
    assert address(app, "push") == "bae:5:add:-1.25,topk:8:clamp:2"
    app.number_input(key="step:0:add:number").set_value(7.0).run()
    assert address(app, "push").startswith("bae:5:add:7,") and app.slider(key="step:0:add:slider").max == 7
    app.selectbox(key="step:0:how").set_value("raw").run()
    assert address(app, "push").startswith("bae:5:add:10:raw:all,")
    app.selectbox(key="step:0:positions").set_value("last").run()
    assert address(app, "push").startswith("bae:5:add:10:raw:last,")
    app.button(key="mute:0").click().run()
    assert address(app, "mute") == "0,1"
    app.button(key="remove:0").click().run()
    assert (address(app, "push"), address(app, "mute")) == ("topk:8:clamp:2", "0"), "the mute goes with its step"
    app.button(key="mute:0").click().run()
    app.button(key="remove:0").click().run()
    assert address(app, "push") is None and address(app, "mute") is None and not app.exception


def test_a_slider_goes_over_what_makes_sense(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    known = asking.dictionaries()
    assert set(known) == {"bae", "bae-deep", "topk", "stranger"} and known["bae"].has_bits and not known["topk"].has_bits
    of = lambda line: playground_ways.span(plan.parse_step(line), known.get(line.split(":")[0]))  # noqa: E731
    assert of("bae:5:add:1")[:2] == (-2, 2) and of("bae:5:add:1:raw")[:2] == (-100, 100)
    assert of("bae:5:clamp:1")[:2] == of("topk:5:ablate:1")[:2] == of("nobody:5:clamp:1")[:2] == (0, 1)
    feature = next(f for f in range(N_FEATURES) if asking.usual_value("topk", f))
    values = [value for example in services.index().examples("topk", feature)["strongest"] for value in example.strengths]
    high = of(f"topk:{feature}:clamp:1").high
    assert 0 < high <= max(values) * 1.01 and high != 1
    assert of("bae:a/b:means:1")[:2] == (-3, 3)
    assert playground_ways.fits("flip", known["bae"]) and not playground_ways.fits("flip", known["topk"])
    transcoder = Known("t", "Transcoder", 2, 64, False, True)
    assert [way for way in playground_ways.HOWS if playground_ways.fits(way, transcoder)] == ["add", "raw"]


@pytest.mark.parametrize(
    ("typed", "steps"),
    [
        ("bae:5", [FeatureStep("bae", 5, amount=playground.START)]),
        (" bae:5:add:0.5,topk:8:clamp:2 ", plan.parse(PUSH)),
        (f"http://localhost:8501/steer?push={PUSH}&seed=3", plan.parse(PUSH)),
        ("http://localhost:8501/feature?ae=topk&feature=7", [FeatureStep("topk", 7, amount=playground.START)]),
        ("war", []),
        ("12", []),
        ("the time is 12:30 now", []),
        (HOSTILE, []),
    ],
)
def test_links_are_told_from_words(typed, steps):
    assert playground.of_link(typed) == steps


# ---------------------------------------------------------------------------------------------------- choosing features


def test_a_word_finds_features_and_a_click_steers_one(open_page, study):
    app = open_page(study, "steer")
    found = {}
    for name in ("bae", "bae-deep", "topk"):
        for number, words in enumerate(services.column(str(services.index().file), name, "summary")):
            for word in words.split(" · "):
                found.setdefault(word, []).append((name, number))
    word = next(word for word in found if word.isalpha() and len(word) > 3)
    app.text_input(key="find:typed").set_value(word).run()
    assert address(app, "find") == word and not app.exception
    offered = [button.key for button in app.button if button.key.startswith("add:")]
    assert offered and {tuple(key.split(":")[1:]) for key in offered} <= {(name, str(number)) for name, number in found[word]}
    app.button(key=offered[0]).click().run()
    name, number = offered[0].split(":")[1:]
    assert address(app, "push") == f"{name}:{number}:add:{playground.START:g}" and address(app, "find") is None
    nothing = open_page(study, "steer", find="zzzzqq")
    assert "Nothing was found" in said(nothing)


def test_a_number_and_a_link_are_taken(open_page, study, bare_study):
    app = open_page(bare_study, "steer", find="5", ae="topk")
    assert [button.key for button in app.button if button.key.startswith("add:")] == ["add:topk:5"]
    app.text_input(key="find:typed").set_value("bae:3:flip:1").run()
    assert address(app, "push") == "bae:3:flip:1"
    app.text_input(key="find:typed").set_value("bae:3:add:nan").run()
    assert "finite" in app.error[0].value and address(app, "push") == "bae:3:flip:1"
    app.text_input(key="find:typed").set_value("ships").run()
    assert "without an index" in app.error[0].value
    assert not [b for b in open_page(study, "steer", find=str(N_FEATURES)).button if b.key.startswith("add:")]


def test_a_kept_list_is_steered_as_far_as_there_is_room(open_page, study, make_list):
    app = open_page(study, "steer", push=PUSH)
    members = [*keys(services.subject("topk"), range(20)), *keys(replace(services.subject("bae"), checkpoint="gone"), [1])]
    make_list("Ships", members, "by hand", "")
    app.run()
    assert "1 of the list belong" in said(app) and f"room for {MOST - 2}" in said(app)
    app.button(key="list:add").click().run()
    assert len(plan.parse(address(app, "push"))) == MOST and address(app, "push").endswith(f"topk:13:add:{playground.START:g}")
    assert "6 were left out" in app.error[0].value
    assert len(plan.parse(playground.push(("bae", number) for number in range(30)))) == MOST


def test_examples_are_kept_and_steered_along(open_page, study):
    app = open_page(study, "steer")
    app.text_area(key="examples:good").set_value(GOOD + "\n\n")
    app.text_area(key="examples:bad").set_value(BAD)
    app.selectbox(key="examples:method").set_value("means")
    next(button for button in app.button if button.label == "Steer this way").click().run()
    (step,) = plan.parse(address(app, "push"))
    assert isinstance(step, ExampleStep) and step.method == "means" and "sea" not in str(dict(app.query_params))
    assert Notebook(study.notebook_file).text(step.good) == GOOD and Notebook(study.notebook_file).text(step.bad) == BAD
    assert app.slider(key="step:0:examples:slider").value == 1 and "a sea harbor" in app.html[0].value


@pytest.mark.parametrize(
    ("good", "bad", "told"), [(GOOD, "one line", "at least 2 bad"), ("", BAD, "at least 2 good"), (GOOD, GOOD, "same texts")]
)
def test_examples_that_tell_nothing_are_refused(open_page, study, good, bad, told):
    app = open_page(study, "steer")
    app.text_area(key="examples:good").set_value(good)
    app.text_area(key="examples:bad").set_value(bad)
    next(button for button in app.button if button.label == "Steer this way").click().run()
    assert told in app.error[0].value and address(app, "push") is None and not app.exception


# -------------------------------------------------------------------------------------------------------------- writing


def test_the_texts_are_the_library_s_and_nothing_leaks(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="12")
    before = by_hand()
    app.button(key="write").click().run()
    assert not app.exception and not app.error
    assert texts(app) == {PLAIN: before, STEERED: by_hand(PUSH)} and before != texts(app)[STEERED]
    assert by_hand() == before, "plain after a steered run is plain before it"
    model = services.language_model().model
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    drawn = [json.loads(one.proto.json)["lines"][0]["tokens"] for one in app.get("bidi_component")]
    assert ["".join(token[0] for token in tokens) for tokens in drawn] == [visible(before), visible(texts(app)[STEERED])]
    assert all("log-probability" in token[4] for tokens in drawn for token in tokens)
    other = open_page(study, "steer", text=kept(study), push="bae:5:add:-0.5", tokens="12")
    other.button(key="write").click().run()
    assert texts(other)[PLAIN] == before and texts(other)[STEERED] != texts(app)[STEERED]


def test_all_settings_are_obeyed(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, mute="1", tokens="9", temperature="0.8", penalty="1.5", seed="4", go="1")
    how = {"max_tokens": 9, "temperature": 0.8, "seed": 4, "frequency_penalty": 1.5}
    assert texts(app) == {PLAIN: by_hand(**how), STEERED: by_hand("bae:5:add:0.5", **how)}
    assert texts(app)[PLAIN] != by_hand(**{**how, "seed": 5})


def test_a_link_that_says_go_writes_at_once_and_the_same_for_everybody(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="12", temperature="0.9", seed="3")
    assert not desk(app).outputs, "negative control: without it nothing is written"
    app.button(key="write").click().run()
    asked = parse_qs(urlsplit(app.code[0].value).query)
    assert asked["go"] == ["1"] and "naval" not in app.code[0].value
    st.cache_resource.clear()
    other = open_page(study, "steer", **{name: values[0] for name, values in asked.items()})
    assert texts(other) == texts(app) and address(other, "go") is None
    assert not other.warning and not other.error


@pytest.mark.parametrize(
    ("push", "mute", "why"), [("", "", "no feature"), (PUSH, "0,1", "muted"), ("bae:5:add:0,bae:6:flip:0", "", "strengths are 0")]
)
def test_nothing_steered_is_the_same_and_says_why(open_page, study, push, mute, why):
    app = open_page(study, "steer", text=kept(study), push=push, mute=mute, tokens="12")
    assert why in said(app)
    app.button(key="write").click().run()
    assert texts(app)[PLAIN] == texts(app)[STEERED] == by_hand() and len(desk(app).outputs) == 1, "written once"
    assert "Next token" not in [one.value for one in app.subheader]
    clamped = open_page(study, "steer", push="topk:8:clamp:0")
    assert "Nothing is steered" not in said(clamped), "negative control: a clamp to 0 is a push"


def test_texts_outlive_other_settings_and_come_back(open_page, study, monkeypatch):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="12", go="1")
    first, written = texts(app), []
    monkeypatch.setattr(asking, "writing", lambda *given, whole=asking.writing: written.append(given[1]) or whole(*given))
    app.slider(key="step:0:add:slider").set_value(-1.0).run()
    assert said(app).count("of other settings") == 1 and not written, "plain does not depend on the push"
    assert texts(app) == first
    app.button(key="write").click().run()
    assert written == ["bae:5:add:-1,topk:8:clamp:2"] and texts(app)[PLAIN] == first[PLAIN] and "of other settings" not in said(app)
    app.slider(key="step:0:add:slider").set_value(0.5).run()
    assert "of other settings" not in said(app) and len(written) == 1, "what was written for these settings is shown again"
    app.slider(key="url:tokens").set_value(5).run()
    assert said(app).count("of other settings") == 2


def test_an_instruction_makes_a_third_text_that_is_not_steered(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="12")
    app.text_area(key="kept:instruction").set_value("Write about money.").run()
    assert "money" not in str(dict(app.query_params))
    app.button(key="write").click().run()
    assert texts(app)[PROMPTED] == by_hand(prompt=f"Write about money.\n\n{TEXT}") and len(app.get("bidi_component")) == 3


def test_chat_is_what_the_template_makes_of_it(open_page, study):
    app = open_page(study, "steer", form="chat", text=kept(study), system=kept(study, "You are a sailor."), push=PUSH, tokens="6")
    app.button(key="write").click().run()
    assert "has no chat template" in app.error[0].value and not desk(app).outputs
    template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:"
    services.language_model().tokenizer.chat_template = template
    app.button(key="write").click().run()
    prompt = f"system: You are a sailor.\nuser: {TEXT}\nassistant:"
    assert not app.error and texts(app) == {side: by_hand(push, prompt, max_tokens=6) for side, push in ((PLAIN, ""), (STEERED, PUSH))}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"text": ""}, "there is no prompt"),
        ({"text": " \n"}, "there is no prompt"),
        ({"text": "sea " * 4200}, "reads 4,096"),
        ({"text": "sea " * 6000}, "at most 20,000"),
        ({"push": f"bae:{N_FEATURES}:add:1"}, f"features 0 to {N_FEATURES - 1}"),
        ({"push": "nobody:1:add:1"}, "there is no dictionary 'nobody'"),
        ({"push": "stranger:1:add:1"}, "the dictionary stranger cannot be used"),
        ({"push": "topk:1:flip:1"}, "values, not bits"),
        ({"push": "bae:5:clamp:1,bae:5:flip:1"}, "set twice"),
        ({"push": "bae:nowhere/nothing:means:1"}, "not kept in this workspace"),
        ({"push": "bae:GOOD/ONE:means:1"}, "at least 2 bad"),
        ({"push": "bae:GOOD/GOOD:means:1"}, "same texts"),
    ],
)
def test_what_cannot_be_written_is_a_sentence(open_page, study, params, told):
    push = params.get("push", PUSH).replace("GOOD", kept(study, GOOD)).replace("ONE", kept(study, "one line"))
    text = params.get("text", TEXT)
    app = open_page(study, "steer", text=kept(study, text) if text else "", push=push, tokens="12", go="1")
    assert not app.exception and len(app.error) == 1 and told in app.error[0].value, said(app)
    assert not desk(app).outputs and not desk(app).writing
    app.run()
    assert len(app.error) == 1, "as long as the same is asked"
    app.slider(key="url:tokens").set_value(3).run()
    assert not app.error, "it is said of what was asked, not of what is asked now"


def test_a_full_queue_is_a_sentence(open_page, study, monkeypatch):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="4")
    monkeypatch.setenv("BAE_MAX_WAITING", "0")
    services.language_model()
    with services.model_turns.turn(1, key="somebody else"):
        # the turn is held by this thread, the page runs in one of its own
        app.button(key="write").click().run()
    assert "the queue is full" in app.error[0].value and not app.exception


def test_the_reason_is_told_once_whatever_is_asked_by_then_and_what_has_come_stays(here, monkeypatch):
    on, asks, others = Desk(), {PLAIN: ask_of(), STEERED: ask_of(PUSH)}, {PLAIN: ask_of(tokens=3)}
    on.begin(asks)
    with pytest.raises(Left):
        playground_writing.go_on(on, None, left_after(5))
    come = {side: on.of(ask).text for side, ask in asks.items()}
    monkeypatch.setenv("BAE_MAX_WAITING", "0")
    held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        with services.model_turns.turn(1, key="somebody else"):
            held.set()
            may_end.wait(20)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(20)
    playground_writing.go_on(on, None, nothing)
    may_end.set()
    other.join()
    assert not on.writing and {side: on.outputs[ask].text for side, ask in asks.items()} == come and any(come.values())
    assert all(on.outputs[ask].stopped for ask in asks.values())
    assert "queue is full" in on.refused(others) and on.refused(others) is None and "queue is full" in on.refused(asks)


def test_a_writing_that_broke_off_begins_anew_without_its_old_tokens(here, monkeypatch):
    on, expected = Desk(), by_hand()
    on.begin({PLAIN: ask_of()})
    (writing,) = on.writing

    def breaks(text: Writing, pace: float) -> None:
        if len(text.steps) == 4:
            monkeypatch.setattr(writing, "_coming", failing())

    def failing():
        raise MemoryError
        yield

    with pytest.raises(MemoryError):
        playground_writing.go_on(on, None, breaks)
    assert len(writing.steps) == 4, "negative control: it had begun"
    playground_writing.go_on(on, None, nothing)
    assert on.outputs[ask_of()].text == expected and len(on.outputs[ask_of()].steps) == len(on.outputs[ask_of()].pieces) <= 12


def test_examples_that_are_read_and_a_prompt_that_is_asked_about_can_be_left(here):
    push = f"bae:{kept(here, GOOD)}/{kept(here, BAD)}:features:1"
    on = Desk()
    on.begin({STEERED: ask_of(push)})
    with pytest.raises(Left):
        playground_writing.go_on(on, None, left_after(0))
    assert on.writing[0].read == 0 and not services.model_turns.locked(), "while its examples were read"

    def leave(done: int, total: int) -> None:
        told.append((done, total))
        if len(told) == most:
            raise Left

    prompt, before = Prompt("sea " * 600), by_hand()
    for most in (1, 3, 10):
        told = []
        with pytest.raises(Left):
            asking.next_tokens(prompt, push, leave)
        assert len(told) == most and not services.model_turns.locked() and by_hand() == before
    told, most = [], 1000
    assert asking.next_tokens(prompt, push, leave)
    assert told == [(done, told[0][1]) for done in range(told[0][1])], "negative control: nobody left, so all was read"


def test_another_page_ends_what_is_being_written(open_page, study):
    app = open_page(study, "steer", text=kept(study))
    on, ask = Desk(), ask_of()
    on.begin({PLAIN: ask})
    with pytest.raises(Left):
        playground_writing.go_on(on, None, left_after(4))
    app.session_state[DESK] = on
    app.switch_page(str(navigation.page_file("features"))).run()
    assert not app.exception and not on.writing and on.outputs[ask].stopped and on.outputs[ask].text


def test_what_is_no_number_is_a_sentence(open_page, study, monkeypatch):
    whole = generation._next_logits
    monkeypatch.setattr(generation, "_next_logits", lambda *given: whole(*given) * float("nan"))
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="4", go="1")
    assert "smaller amount" in app.error[0].value and not app.exception and not desk(app).outputs


def test_a_text_that_cannot_be_painted_is_shown_and_says_why(open_page, study, monkeypatch):
    def full(*given):
        raise QueueFull("the queue is full")

    monkeypatch.setattr(services, "read", full)
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="6", go="1")
    assert not app.exception and said(app).count("not painted: ` the queue is full `") == 2
    drawn = [json.loads(one.proto.json)["lines"][0]["tokens"] for one in app.get("bidi_component")]
    assert ["".join(token[0] for token in tokens) for tokens in drawn] == [visible(text) for text in texts(app).values()]


def test_the_administrator_s_limits_hold(open_page, study, monkeypatch):
    monkeypatch.setenv("BAE_MAX_NEW_TOKENS", "8")
    app = open_page(study, "steer", text=kept(study), push=PUSH)
    assert app.slider(key="url:tokens").value == app.slider(key="url:tokens").max == 8
    next(button for button in app.button if button.key == "preset:Neuronpedia's").click().run()
    assert (address(app, "tokens"), address(app, "temperature"), address(app, "penalty"), address(app, "seed")) == ("8", "0.5", "1", "16")
    monkeypatch.setenv("BAE_MAX_NEW_TOKENS", "many")
    assert "BAE_MAX_NEW_TOKENS" in open_page(study, "steer").error[0].value


def test_presets_change_what_they_say(open_page, study):
    app = open_page(study, "steer", push="bae:5:flip:1:norms:last,topk:8:add:0.3")
    for name, push in (
        ("Gentle", "bae:5:add:0.15,topk:8:add:0.15"),
        ("Ablate", "bae:5:ablate:1,topk:8:ablate:1"),
        ("Hold on", "bae:5:clamp:1,topk:8:clamp:"),
    ):
        app.button(key=f"preset:{name}").click().run()
        assert address(app, "push").startswith(push) and not app.exception
    assert open_page(study, "steer").button(key="preset:Strong").disabled, "there is nothing to push"


# ------------------------------------------------------------------------------------- going on after something happened


class Left(BaseException):
    """What Streamlit raises where a person does something else."""


@pytest.fixture
def here(study, monkeypatch):
    monkeypatch.setenv("BAE_WORKSPACE", str(study.folder))
    return study


def left_after(pieces: int):
    """Draw so often, then leave."""
    seen = []

    def draw(writing: Writing, pace: float) -> None:
        seen.append(len(writing.steps))
        if len(seen) > pieces:
            raise Left

    return draw


def nothing(writing: Writing, pace: float) -> None:
    pass


@pytest.mark.parametrize("pieces", [0, 1, 2, 3, 7])
def test_a_writing_that_was_left_goes_on_where_it_was(here, pieces):
    text = LONG  # read in two parts
    drawn = {"temperature": 0.9, "seed": 2}
    plain, pushed = by_hand(prompt=text, **drawn), by_hand(PUSH, text, **drawn)
    on, asks = Desk(), {PLAIN: ask_of(text=text, **drawn), STEERED: ask_of(PUSH, text, **drawn)}
    on.begin(asks)
    for _ in range(3):
        with pytest.raises(Left):
            playground_writing.go_on(on, None, left_after(pieces))
        with services.model_turns.turn(1, most_waiting=0):
            assert by_hand() != plain, "others can use the model meanwhile"
        if pieces == 0:
            break
    playground_writing.go_on(on, None, nothing)
    assert [on.outputs[ask].text for ask in asks.values()] == [plain, pushed] and plain != pushed and not on.writing


def test_one_text_is_stopped_and_the_other_goes_on(here):
    on, asks = Desk(), {PLAIN: ask_of(), STEERED: ask_of(PUSH)}
    on.begin(asks)
    with pytest.raises(Left):
        playground_writing.go_on(on, None, left_after(8))
    on.stop(asks[PLAIN])
    playground_writing.go_on(on, None, nothing)
    plain, pushed = (on.outputs[ask] for ask in asks.values())
    assert plain.stopped and 0 < len(plain.steps) < 12 and by_hand().startswith(plain.text) and plain.text
    assert not pushed.stopped and pushed.text == by_hand(PUSH)
    on.begin(asks)
    assert [writing.ask for writing in on.writing] == [asks[PLAIN]], "what is whole is not written again"
    on.stop()
    playground_writing.go_on(on, None, nothing)
    assert on.outputs[asks[PLAIN]].text == "" and not on.writing


def test_an_error_of_one_side_leaves_none_half_written(here):
    before, on = by_hand(), Desk()
    on.begin({PLAIN: ask_of(), STEERED: ask_of("nobody:1:add:1")})
    playground_writing.go_on(on, None, nothing)
    assert not on.outputs and not on.writing and "nobody" in on.refused(on.latest) and by_hand() == before
    assert on.refused({PLAIN: ask_of()}) is None, "negative control: of something else nothing was refused"


def test_a_session_keeps_only_so_many(here):
    on = Desk()
    for seed in range(playground_writing.KEPT + 3):
        on.begin({PLAIN: ask_of(tokens=1, seed=seed)})
        playground_writing.go_on(on, None, nothing)
    assert len(on.outputs) == playground_writing.KEPT and ask_of(tokens=1, seed=0) not in on.outputs


# --------------------------------------------------------------------------------------------- painted, rated, handed on


@pytest.mark.parametrize("line", ["topk:8:clamp:2", "bae:5:add:0.5"])
def test_tokens_are_painted_by_what_a_plain_read_finds(open_page, study, line):
    app = open_page(study, "steer", text=kept(study), push=line, tokens="30", go="1")
    name, feature = line.split(":")[0], int(line.split(":")[1])
    for which, side in enumerate((PLAIN, STEERED)):
        text = TEXT + texts(app)[side]
        model, lens = services.language_model(), services.lenses().usable[name]
        tokens = model.tokenize(text)
        states = model.hidden_states(torch.tensor([tokens.ids]), [LAYER])[LAYER][0].half().float()
        fires = (lens.autoencoder.encode(states)[:, feature] != 0).tolist()
        pieces = [piece for piece in tokens.pieces() if piece.end > len(TEXT)]
        drawn = json.loads(app.get("bidi_component")[which].proto.json)["lines"][0]["tokens"]
        assert [token[2] == "on" for token in drawn] == [any(fires[piece.first : piece.last + 1]) for piece in pieces]
        assert [token[0] for token in drawn] == [visible(text[piece.start : piece.end]) for piece in pieces]
        assert f"is on {sum(fires[pieces[0].first :]):,} of them" in said(app)
    assert len({token[2] for token in drawn}) > 1, "negative control: some are painted and some are not"
    assert "when it is read plain" in said(app)


def test_which_feature_paints_can_be_chosen(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="12", paint="topk:8", go="1")
    assert "feature 8 of ` topk `" in said(app)
    app.button_group(key="url:paint").set_value("bae:5").run()
    assert "feature 5 of ` bae `" in said(app) and not app.exception
    app.button(key="remove:1").click().run()
    assert not app.warning and address(app, "paint") is None


def test_next_tokens_are_those_of_a_pass_by_hand(open_page, study):
    app = open_page(study, "steer", text=kept(study), push=PUSH, tokens="3", next="table", go="1")
    frame = next(frame.value for frame in app.dataframe if "next_token" in frame.value)
    model = services.language_model()
    ids = torch.tensor([model.tokenize(TEXT).ids])
    with torch.inference_mode():
        plain = model.model(ids).logits[0, -1].log_softmax(-1)
        with steered(model, asking.interventions(PUSH), ids.shape[1]):
            pushed = model.model(ids).logits[0, -1].log_softmax(-1)
    union = set(plain.topk(10).indices.tolist()) | set(pushed.topk(10).indices.tolist())
    assert len(frame) == len(union) and frame["plain_logprob"].tolist() == sorted(frame["plain_logprob"], reverse=True)
    assert sorted(frame["plain_logprob"]) == pytest.approx(sorted(plain[list(union)].tolist()), abs=1e-4)
    assert sorted(frame["steered_logprob"]) == pytest.approx(sorted(pushed[list(union)].tolist()), abs=1e-4)
    assert frame["plain_share"].tolist() == pytest.approx([100 * math.exp(value) for value in frame["plain_logprob"]])
    assert frame["logprob_change"].abs().max() > 0.01, "negative control: the push is seen"
    drawn = open_page(study, "steer", text=kept(study), push=PUSH, tokens="3", go="1")
    assert drawn.get("plotly_chart") and not drawn.exception


def test_the_markdown_holds_texts_and_settings(open_page, study):
    text = "A ``` fence\n# and `more`"
    app = open_page(study, "steer", text=kept(study, text), push=PUSH, mute="1", tokens="5", go="1")
    on = desk(app)
    asked = playground.Asked(Prompt(text), "", tuple(plan.parse(PUSH)), frozenset({1}), Settings(5, 0.0, 0.0, 0))
    told = playground_share.markdown(asked, {side: on.outputs[ask] for side, ask in on.latest.items()}, "http://x/steer?go=1")
    assert "- `bae:5:add:0.5`\n- `topk:8:clamp:2` (muted)" in told and "5 tokens" in told and f"````\n{text}\n````" in told
    assert all(output.text in told for output in on.outputs.values()) and "## Steered\n" in told
    assert playground_share.fenced("plain") == "```\nplain\n```"


@pytest.mark.parametrize("text", [HOSTILE, "\U0001f642 שלום \u202e a\x00b\u200b", "line\n\n  another\ttab"])
def test_hostile_text_stays_text(open_page, study, text):
    push = f"bae:{kept(study, f'{text} x{chr(10)}{text} y')}/{kept(study, BAD)}:features:1,topk:8:add:0.5"
    app = open_page(study, "steer", text=kept(study, text), push=push, instruction=kept(study, text), tokens="4", go="1", find=text)
    assert not app.exception and len(desk(app).outputs) == 3, said(app)
    html = "".join(element.value for element in app.html)
    assert "<img" not in html and "<script" not in html
    assert not any("<img" in element.value for element in (*app.markdown, *app.caption))


def test_a_name_from_the_address_is_no_markdown(open_page, study):
    name = "__b__"
    app = open_page(study, "steer", push=f"{name}:1:add:1,topk:8:add:0.1")
    assert f"There is no dictionary ` {name} ` in" in said(app)
    assert [one.proto.label for one in app.get("page_link") if one.proto.label.startswith("Feature ")] == ["Feature 1", "Feature 8"]


def test_without_a_dictionary_there_is_a_sentence_in_place_of_the_form(open_page, bare_study, monkeypatch):
    assert any(button.label == "Steer this way" for button in open_page(bare_study, "steer").button)
    monkeypatch.setattr(asking, "dictionaries", dict)
    monkeypatch.setattr(type(services.workspace()), "autoencoder_names", lambda study: [])
    app = open_page(bare_study, "steer")
    assert not app.exception and "no dictionary to read examples with" in said(app)
    assert not any(button.label == "Steer this way" for button in app.button)


def test_an_empty_prompt_stays_empty_in_the_link(open_page, study):
    app = open_page(study, "steer", text="", push=PUSH)
    asked = parse_qs(urlsplit(app.code[0].value).query, keep_blank_values=True)
    assert asked["text"] == [""] and "instruction" not in asked


@pytest.mark.parametrize(("text", "form", "goes"), [(TEXT, "text", True), (f"{TEXT}\nMore", "text", False), (TEXT, "chat", False)])
def test_the_page_of_doses_is_given_the_prompt_where_it_takes_it(open_page, study, text, form, goes):
    name = kept(study, text)
    app = open_page(study, "steer", text=name, form=form, push=PUSH)
    (link,) = [one.proto for one in app.main.get("page_link") if one.proto.label == "Dose and response"]
    params = parse_qs(link.query_string)
    assert params["push"] == [PUSH] and params.get("prompts") == ([name] if goes else None) and "text" not in params


def test_a_feature_and_a_list_lead_here(open_page, study, make_list):
    app = open_page(study, "feature", ae="topk", feature="7")
    (link,) = [one.proto for one in app.get("page_link") if one.proto.label == "Steer it"]
    assert parse_qs(link.query_string)["push"] == [f"topk:7:add:{playground.START:g}"]
    name = make_list("Few", keys(services.subject("bae"), [3, 4]), "by hand", "")
    listed = open_page(study, "kept", show="lists", list=name)
    (link,) = [one.proto for one in listed.get("page_link") if one.proto.label == "Steer with these"]
    assert parse_qs(link.query_string)["push"] == ["bae:3:add:0.3,bae:4:add:0.3"]


def test_a_model_that_is_not_there_is_a_sentence(open_page, study, monkeypatch):
    def gone(*_, **__):
        raise OSError("could not get the model")

    monkeypatch.setattr(LanguageModel, "load", gone)
    app = open_page(study, "steer", text=kept(study), push=PUSH, go="1")
    assert "could not get the model" in app.error[0].value and not app.exception
