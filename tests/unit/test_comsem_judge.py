"""What judges are asked and how they are understood, through the real SDK, by a server on this machine that says what it is told to."""

import asyncio
import json
import logging
import math
import traceback
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bae.comsem import openai_judge
from bae.comsem.judge import Answer, Busy, Fatal, Passing, Refused, Request, Slow, Usage, probability_of_yes, read_yes_no
from bae.comsem.openai_judge import Capabilities, OpenAIJudge
from tests.unit.loopback_judge import MODEL, Faults, Loopback

KEY = "sk-very-secret-0123456789"
VERDICT = Request("verdict", (("system", "Rules."), ("user", "Is it so? Yes or No")), 4, "v1", yes_no=True)
LABEL = Request("label", (("system", "Rules."), ("user", "What do they share?")), 32, "v1")
SCHEMA = '{"type": "object", "properties": {"1": {"type": "boolean"}}, "required": ["1"], "additionalProperties": false}'
VERDICTS = Request("verdicts", (("system", "Rules."), ("user", "Which of them?")), 32, "v1", schema=SCHEMA)


def judge_at(server: Loopback, **settings) -> OpenAIJudge:
    return OpenAIJudge(**{"name": "loop", "model": MODEL, "key": KEY, "base_url": server.base_url, "timeout_s": 5.0, **settings})


def asked(server: Loopback, *requests: Request, **settings) -> list[Answer]:
    """The answers to requests, one after the other."""
    return asyncio.run(_asked(judge_at(server, **settings), requests))


async def _asked(judge: OpenAIJudge, requests: tuple[Request, ...]) -> list[Answer]:
    try:
        return [await judge.ask(request) for request in requests]
    finally:
        await judge.close()


# --- Words ---------------------------------------------------------------------------------------------------------------


def test_a_key_is_decided_by_everything_that_decides_an_answer():
    others = [
        replace(VERDICT, kind="label"),
        replace(VERDICT, messages=(("user", "Rules."), ("user", "Is it so? Yes or No"))),
        replace(VERDICT, messages=(("system", "Rules.Is it so? Yes or No"),)),
        replace(VERDICT, max_tokens=5),
        replace(VERDICT, prompt_version="v2"),
        replace(VERDICT, yes_no=False),
        replace(VERDICT, schema="{}"),
    ]
    keys = {VERDICT.key("a"), VERDICT.key("b"), *(other.key("a") for other in others)}
    assert len(keys) == 2 + len(others)
    assert VERDICT.key("a") == replace(VERDICT).key("a") and len(VERDICT.key("a")) == 64
    assert replace(VERDICT, messages=(("user", "half \ud83d"),)).key("a"), "what a corpus may hold has a key"


def test_a_key_stays_the_same_or_stored_answers_are_lost():
    assert VERDICT.key("judge") == "b2d595b4ef58432d0a9f755521214a0be5426170417f4fb2fc096e37265932b4"


YES = "Yes ¦ yes ¦ Yes. ¦ yes, because it is ¦ **Yes** ¦ __Yes__ ¦ \"Yes\" ¦ 'yes'. ¦ Yes - it is ¦ Yes: the sea ¦ Yes because so ¦ - Yes"
YES_TOO = "(yes) ¦ Yes! ¦ Yes<|im_end|> ¦ Yes it does ¦ <think>No.</think>\nYes ¦ Yes. Yes. ¦ Yes\n\nThe token is ¦  YES\n"
NO = "No ¦ no. ¦ NO! ¦ **No**: it is not ¦ No, it is a ship ¦ “No” ¦ No\nbecause ¦ No — never ¦ No, no. ¦ `No`"
UNCLEAR = "Maybe ¦ The answer is yes ¦ Yesterday ¦ None ¦ Not really ¦ No idea ¦ No-one knows ¦ No one can say ¦ Nothing ¦ Nope ¦ да"
UNCLEAR_TOO = 'Yes/No ¦ yes or no ¦ Yes and no ¦ No. Yes, it is ¦ 1. Yes ¦ {"answer": "yes"} ¦ <think>Yes ¦ No. 5 ¦ I would say Yes. ¦   ¦ '
SPELLED = [(True, YES), (True, YES_TOO), (False, NO), (None, UNCLEAR), (None, UNCLEAR_TOO)]


@pytest.mark.parametrize(("said", "text"), [(said, text) for said, texts in SPELLED for text in texts.split(" ¦ ")])
def test_a_verdict_is_what_an_answer_begins_with_and_is_never_guessed(said, text):
    assert read_yes_no(text) is said


@given(st.text(), st.sampled_from(["yes", "no"]))
def test_any_text_can_be_read(text, word):
    assert read_yes_no(text) in (True, False, None)
    assert read_yes_no(f"{word}. ") is (word == "yes")
    assert read_yes_no(f"a {word}{text}") is None, "a verdict stands first"


def test_the_probability_of_yes_sums_over_spellings_and_leaves_the_rest_out():
    """Yes 0.4 + 0.2, no 0.1 + 0.1, the rest is something else: 0.6 of 0.8."""
    told = {"Yes": 0.4, " yes": 0.2, "No": 0.1, "NO\n": 0.1, "Maybe": 0.2}
    assert probability_of_yes((token, math.log(share)) for token, share in told.items()) == pytest.approx(0.75)
    assert probability_of_yes([("Maybe", -0.1), ("Yesterday", -0.2)]) is None
    assert probability_of_yes([]) is None
    assert probability_of_yes([("yes", -9999.0), ("no", float("-inf"))]) is None


# --- Requests ------------------------------------------------------------------------------------------------------------


def test_what_is_sent():
    with Loopback() as server:
        asked(server, VERDICT, LABEL, VERDICTS)
        verdict, label, verdicts = server.received
    assert verdict == {
        "model": MODEL,
        "messages": [{"role": "system", "content": "Rules."}, {"role": "user", "content": "Is it so? Yes or No"}],
        "max_tokens": 4,
        "temperature": 0,
        "seed": 0,
        "logprobs": True,
        "top_logprobs": 20,
    }
    assert label["max_tokens"] == 32 and not {"logprobs", "top_logprobs", "response_format"} & set(label)
    assert verdicts["response_format"]["json_schema"] == {"name": "verdicts", "strict": True, "schema": json.loads(SCHEMA)}
    assert server.keys == {KEY}


def test_openai_is_asked_in_its_own_words():
    judge = OpenAIJudge("gpt", "gpt-4.1-mini", KEY)
    assert judge.capabilities.length == "max_completion_tokens" and not judge.draft and judge.paid


def test_half_a_character_neither_ends_a_run_nor_is_kept():
    with Loopback(reply=lambda messages: "half \ud83d") as server:
        (answer,) = asked(server, replace(LABEL, messages=(("user", "half \ud83d, whole \ud83d\ude00"),)))
        assert server.received[0]["messages"][0]["content"] == "half \ufffd, whole 😀"
    assert answer.text == "half \ufffd"


# --- Answers -------------------------------------------------------------------------------------------------------------


def test_an_answer_comes_with_probability_and_usage():
    with Loopback(reply=lambda messages: "No.") as server:
        (answer,) = asked(server, VERDICT)
    assert answer.text == "No." and answer.yes == pytest.approx(0.1, abs=0.001)
    assert answer.usage == Usage(prompt_tokens=7, completion_tokens=1)


@pytest.mark.parametrize(
    ("wording", "said", "probability"),
    [("{}.", True, 0.9), ("{}, because it fits", True, 0.9), ("**{}**", True, 0.9), ('"{}"', True, 0.9), ("I think {}", None, None)],
)
def test_wordings_of_one_verdict(wording, said, probability):
    with Loopback(wordings=[wording]) as server:
        (answer,) = asked(server, VERDICT)
    assert read_yes_no(answer.text) is said and answer.yes == (probability and pytest.approx(probability, abs=0.001))


def test_a_judge_that_answers_everything_wrong_is_not_read_as_right():
    """The negative control: what is asked has an answer, and the judge says the other one."""
    questions = [replace(VERDICT, messages=(("user", f"Is {n} even? Yes or No"),)) for n in range(6)]

    def even(messages: list[dict]) -> bool:
        return int(messages[-1]["content"].split()[1]) % 2 == 0

    truth = [True, False] * 3
    with Loopback(reply=lambda messages: "Yes" if even(messages) else "No") as server:
        assert [read_yes_no(answer.text) for answer in asked(server, *questions)] == truth
    with Loopback(reply=lambda messages: "No" if even(messages) else "Yes") as server:
        wrong = asked(server, *questions)
    assert [read_yes_no(answer.text) for answer in wrong] == [not each for each in truth]
    assert [answer.yes > 0.5 for answer in wrong] == [not each for each in truth]


def test_no_probability_is_told_where_none_is_known():
    with Loopback(tells_logprobs=False) as server:
        assert asked(server, VERDICT)[0].yes is None
    with Loopback() as server:
        assert asked(server, LABEL)[0].yes is None, "and none where no Yes or No was asked for"


def test_what_is_cut_off_or_empty_is_no_answer_but_a_verdict_is_its_beginning():
    with Loopback(plan=["cut", "empty", "cut"]) as server:
        with pytest.raises(Refused, match="cut off after 32 tokens") as refused:
            asked(server, LABEL)
        assert refused.value.usage.completion_tokens > 0, "it was paid for"
        with pytest.raises(Refused, match="empty"):
            asked(server, VERDICT)
        assert read_yes_no(asked(server, VERDICT)[0].text) is True


# --- Failures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        ("busy", Busy, "Rate limit"),
        ("busy_until", Busy, "Rate limit"),
        ("unavailable", Busy, "overloaded"),
        ("error", Passing, "500"),
        ("closed", Passing, "closed the connection"),
        ("hang", Slow, "did not answer within 1 s"),
        ("malformed", Passing, "no answer"),
        ("no_answer", Passing, "no answer"),
        ("too_long", Refused, "context length"),
        ("no_credit", Fatal, "no credit left; top it up"),
    ],
)
def test_every_failure_has_its_name(fault, kind, said):
    with Loopback(plan=[fault], faults=Faults(hang_s=30.0, retry_after_s=0.25)) as server:
        with pytest.raises(kind, match=said) as failure:
            asked(server, VERDICT, timeout_s=1.0 if fault == "hang" else 5.0)
        assert type(failure.value) is kind
        if kind is Busy:
            assert failure.value.retry_after == (0.25 if fault == "busy_until" else None)
        assert len(server.received) == 1, "the SDK does not try again by itself"


def test_a_server_that_is_not_there_is_a_passing_matter():
    with Loopback() as server:
        base_url = server.base_url
    with pytest.raises(Passing, match="cannot be reached"):
        asyncio.run(_asked(OpenAIJudge("loop", MODEL, KEY, base_url), (VERDICT,)))


@pytest.mark.parametrize(("path", "said"), [("/v2", "no model 'loopback' at"), ("/moved/v1", "sends callers elsewhere")])
def test_a_wrong_address_stops_the_run(path, said):
    with Loopback() as server:
        with pytest.raises(Fatal, match=said):
            asked(server, VERDICT, base_url=server.base_url.removesuffix("/v1") + path)
        assert len(server.received) == 1, "a redirect is not followed"


def test_the_key_is_in_no_message_no_repr_and_no_log(caplog):
    caplog.set_level(logging.DEBUG)
    with Loopback(key="another") as server:
        with pytest.raises(Fatal, match="does not accept the key") as refused:
            asked(server, VERDICT)
        assert server.keys == {KEY}, "it was sent, and the server repeated it in its answer"
        told = "".join(traceback.format_exception(refused.value)) + repr(judge_at(server)) + judge_at(server).identity + caplog.text
    assert caplog.records and KEY not in told and KEY[3:] not in told
    with Loopback(plan=["error"]) as server, pytest.raises(Passing, match=r"an error with \[key\]") as failed:
        asked(server, VERDICT)
    assert KEY not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("key", ["", "sk-with\nbreak", "sk with blank", "sk-ключ"])
def test_what_no_header_can_carry_is_refused_unrepeated(key):
    with pytest.raises(ValueError, match="the key of the judge loop") as refused:
        OpenAIJudge("loop", MODEL, key)
    assert not key or key not in str(refused.value)


# --- Capabilities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unsupported", "instead", "found"),
    [
        ("max_tokens", "max_completion_tokens", Capabilities(length="max_completion_tokens")),
        ("temperature", None, Capabilities(temperature=False)),
        ("seed", None, Capabilities(seed=False)),
        ("logprobs", None, Capabilities(logprobs=0)),
        ("response_format", None, Capabilities(json_schema=False)),
    ],
)
def test_a_parameter_that_is_not_supported_is_left_out_and_that_is_remembered(unsupported, instead, found):
    request = replace(VERDICT, schema=SCHEMA)

    async def work(judge: OpenAIJudge) -> Capabilities:
        identity = judge.identity
        await _asked(judge, (request, replace(request, prompt_version="v2")))
        assert judge.identity == identity, "or what was asked before would be asked again"
        return judge.capabilities

    with Loopback(unsupported=[unsupported]) as server:
        assert asyncio.run(work(judge_at(server))) == found
    *refused, first, second = server.received
    assert len(refused) in (1, 2) and all(unsupported in body for body in refused)
    assert unsupported not in first and unsupported not in second and (instead is None or second[instead] == 4)


def test_of_log_probabilities_fewer_may_be_had():
    with Loopback(most_logprobs=5) as server:
        (answer,) = asked(server, VERDICT)
    assert answer.yes is not None and [body["top_logprobs"] for body in server.received] == [20, 5]


def test_a_judge_that_cannot_be_limited_is_not_asked():
    with Loopback(unsupported=["max_tokens", "max_completion_tokens"]) as server, pytest.raises(Fatal, match="no limit on the length"):
        asked(server, VERDICT)


def probed(server: Loopback) -> Capabilities:
    """What a probe finds, and that the judge is from then on who it would be if that had been known."""

    async def work(judge: OpenAIJudge) -> Capabilities:
        try:
            found = await judge.probe()
        finally:
            await judge.close()
        assert judge.identity == judge_at(server, capabilities=found).identity
        return found

    return asyncio.run(work(judge_at(server)))


@pytest.mark.parametrize(
    ("manner", "found"),
    [
        ({}, Capabilities()),
        ({"tells_logprobs": False}, Capabilities(logprobs=0)),
        ({"follows_schema": False}, Capabilities(json_schema=False)),
        ({"thinking_tokens": 300}, Capabilities(thinking_tokens=2048)),
        ({"unsupported": ["max_tokens", "temperature"]}, Capabilities(length="max_completion_tokens", temperature=False)),
        ({"plan": ["busy", "error"]}, Capabilities()),
    ],
)
def test_a_probe_finds_out_what_a_server_can_do(manner, found, monkeypatch):
    monkeypatch.setattr(openai_judge, "PROBE_WAIT_S", 0.001)
    with Loopback(**manner) as server:
        assert probed(server) == found
        assert len(server.received) <= 6


def test_what_was_probed_is_used_again_without_a_call():
    with Loopback(tells_logprobs=False) as server:
        found = probed(server)
        calls = len(server.received)
        asked(server, VERDICT, capabilities=found)
    assert len(server.received) == calls + 1 and "logprobs" not in server.received[-1]


@pytest.mark.parametrize(
    ("manner", "said"), [({"faults": Faults(error=1.0)}, "does not answer"), ({"faults": Faults(empty=1.0)}, "gives no answers")]
)
def test_a_judge_that_is_of_no_use_is_found_out_by_the_probe(manner, said, monkeypatch):
    monkeypatch.setattr(openai_judge, "PROBE_WAIT_S", 0.001)
    with Loopback(**manner) as server, pytest.raises(Fatal, match=said):
        probed(server)
