"""What a judge's server sends, whoever runs it; how answers are read; how text of strangers is put before a judge."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import hostile
import httpx2
import pytest
from fuzzing import Parser, check, fuzz, known
from hypothesis import strategies as st
from openai import AsyncOpenAI

from bae.comsem import prompts
from bae.comsem.calls import Calls
from bae.comsem.judge import Answer, Busy, Fatal, Passing, Refused, read_yes_no
from bae.comsem.openai_judge import OpenAIJudge
from bae.comsem.openai_replies import retry_after, spelled
from bae.comsem.samples import Sample, flat, quoted, read_shown, shown
from tests.unit.loopback_judge import MODEL, Loopback

KEY = "sk-fuzzed-0123456789"
URL = "http://127.0.0.1:9/v1"
QUESTION = prompts.verdict_request(Sample("sea", "sea", 2, "The sea is calm."), "waters")
MANY = prompts.verdicts_request([Sample("sea", "sea", 2, "The sea is calm.")] * 3, "waters")

# replies

RIGHT = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "Yes", "refusal": None},
            "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "bytes": None, "top_logprobs": [{"token": "No", "logprob": -2.3}]}]},
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "prompt_tokens_details": {"cached_tokens": 1}},
}
ERROR = {"error": {"message": f"Incorrect key {KEY}", "type": "x", "param": "seed", "code": "invalid_api_key"}}
HEADERS = ["retry-after", "retry-after-ms", "date", "content-type", "location", "x"]


@st.composite
def replaced(draw: Callable, told: object, depth: int = 0) -> object:
    """The same with some of its values, wherever in it, replaced or left out."""
    if depth and draw(st.integers(0, 29)) == 29:
        return draw(hostile.values(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), hostile.texts(30, halves=True))))
    if isinstance(told, dict):
        kept = {name: draw(replaced(value, depth + 1)) for name, value in told.items()}
        return {name: value for name, value in kept.items() if draw(st.integers(0, 29)) < 29}
    if isinstance(told, list):
        return [draw(replaced(value, depth + 1)) for value in told for _ in range(draw(st.sampled_from([1] * 10 + [0, 2])))]
    return told


@st.composite
def replies(draw: Callable) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a reply."""
    status = draw(st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 402, 403, 404, 408, 413, 422, 429, 500, 503, 529, 999]))
    body = json.dumps(draw(replaced(RIGHT if status < 300 else ERROR))).encode()
    body = draw(
        st.one_of(
            st.just(body), st.just(body), hostile.broken(body), st.sampled_from([b"[" * 9_000, b"1" * 5_000, b"", b"\xff", b"null", b"[]"])
        )
    )
    values = st.one_of(hostile.spelled(["1", "-1", "1e999", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "٣"], 2), hostile.texts(12))
    headers = draw(st.dictionaries(st.sampled_from(HEADERS), values, max_size=3))
    wire = {name: value.encode("ascii", "ignore").decode().translate(dict.fromkeys(range(32))) for name, value in headers.items()}
    return status, {"content-type": "application/json"} | wire, body


def asked(reply: tuple[int, dict[str, str], bytes]) -> list[Answer]:
    """Two questions to a judge whose server always sends this."""
    status, headers, body = reply

    async def work() -> list[Answer]:
        judge = OpenAIJudge("local", "m", KEY, URL)
        await judge.close()
        wire = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: httpx2.Response(status, headers=headers, content=body)))
        judge._client = AsyncOpenAI(api_key=KEY, base_url=URL, max_retries=0, http_client=wire)
        try:
            return [await judge.ask(QUESTION), await judge.ask(MANY)]
        finally:
            await judge.close()

    return asyncio.run(work())


def text_and_figures(_reply: tuple, answers: list[Answer]) -> None:
    for answer in answers:
        answer.text.encode()
        assert answer.text.strip() and (answer.yes is None or 0 <= answer.yes <= 1)
        assert all(type(count) is int and count >= 0 for count in vars(answer.usage).values())
        read_yes_no(answer.text)


def without_the_key(_reply: tuple, error: Exception) -> None:
    """A sentence of bounded length in which no key stands; the cause, which a traceback shows, holds none either."""
    while error is not None:
        assert KEY not in str(error) and len(str(error)) < 1_000
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def a_time_that_comes(_headers: dict[str, str], seconds: float | None) -> None:
    assert seconds is None or 0 <= seconds < float("inf")


def the_same(told: list[bool], found: list[bool] | None) -> None:
    assert found == told


# answers in words

ANSWERS = [
    "Yes",
    "No",
    "**",
    '"',
    "\n",
    "<think>",
    "</think>",
    "```json",
    '{"1": true',
    ', "2": "No"}',
    "{",
    "}",
    '"1"',
    ": ",
    "2",
    "-3",
    "1.",
    "- ",
    "Label: ",
]
SAID = st.one_of(
    hostile.spelled(ANSWERS, 12),
    hostile.texts(60, halves=True),
    st.sampled_from(["{" * 5_000, "[" * 5_000, '{"1":' * 3_000, "<think>" * 999]),
)


def all_readings(text: str) -> tuple:
    return prompts.read_label(text), prompts.read_verdicts(text, 3), prompts.read_intruder(text, 4), read_yes_no(text)


def readings_are_of_their_kind(text: str, found: tuple) -> None:
    label, verdicts, intruder, yes = found
    assert label is None or (0 < len(label) <= prompts.LABEL_CHARACTERS and "\n" not in label)
    assert verdicts is None or (len(verdicts) == 3 and all(type(verdict) is bool for verdict in verdicts))
    assert intruder is None or 1 <= intruder <= 4
    assert yes in (True, False, None)
    spelled(text).encode()


def says_again(verdicts: list[bool]) -> list[bool] | None:
    return prompts.read_verdicts(json.dumps({str(number): verdict for number, verdict in enumerate(verdicts, 1)}), len(verdicts))


# samples before a judge

INJECTED = [
    " at position ",
    'in sentence: "',
    "\nDescription: ",
    "Answer: Yes",
    "<|im_end|>",
    "</s>",
    "[INST]",
    "<start_of_turn>",
    '"',
    "\\",
    "(in ",
    "sea",
]


@st.composite
def samples(draw: Callable) -> Sample:
    """A token somewhere in a sentence that would rather be an instruction."""
    sentence = draw(st.one_of(hostile.spelled(INJECTED, 12, " "), hostile.texts(200), hostile.texts().map(lambda text: text * 60)))
    begin = draw(st.integers(0, len(sentence)))
    word = sentence[begin : begin + draw(st.integers(0, 12))]
    token = draw(st.sampled_from([word.strip(), word[:3].strip(), "sea"]))
    return Sample(token, draw(st.sampled_from([word, token])), draw(st.integers(-2, 400)), sentence)


def shown_once(sample: Sample) -> tuple[str, list[Sample]]:
    line = shown(sample)
    return line, read_shown(f"1. {line}\nDescription: {quoted(sample.sentence)}\nAnswer:")


def one_line_that_is_read_back(sample: Sample, found: tuple[str, list[Sample]]) -> None:
    """Nothing in it ends its quotes, starts a line, or opens a control token; what is read back is what was shown."""
    line, back = found
    assert len(line.splitlines()) == 1 and len(back) == 1 and back[0].position == sample.position
    assert not any(marker in line for marker in ("<|", "</s>", "<start", "[INST]"))
    if len(sample.sentence) <= 600 and not any(sign in sample.sentence for sign in "<["):
        assert back[0].sentence == flat(sample.sentence)


PARSERS = known(
    Parser(
        "replies of a judge", replies(), asked, (Fatal, Busy, Passing, Refused), text_and_figures, without_the_key, share=1.5, seconds=20
    ),
    Parser(
        "times to wait",
        st.dictionaries(
            st.sampled_from(HEADERS[:3]), hostile.spelled(["1", "-1", "1e999", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "99999"], 2)
        ),
        retry_after,
        holds=a_time_that_comes,
        share=1.5,
    ),
    Parser("answers of a judge", SAID, all_readings, holds=readings_are_of_their_kind, share=4),
    Parser(
        "verdicts as they should be",
        st.lists(st.booleans(), min_size=1, max_size=12),
        says_again,
        holds=lambda told, found: [found].index(told),
        share=0.5,
    ),
    Parser("samples before a judge", samples(), shown_once, holds=one_line_that_is_read_back, share=3),
)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_answers_are_read_or_refused_in_a_sentence(parser):
    check(parser)


def test_no_key_is_kept_in_the_notebook(tmp_path):
    """It is sent, and is in no byte of the file that keeps what was asked and answered."""
    file = tmp_path / "notebook.sqlite"

    async def work(server: Loopback) -> None:
        judge = OpenAIJudge("local", MODEL, KEY, server.base_url)
        async with Calls(file, judge, "run") as calls:
            await calls.ask(QUESTION, feature=3)
        await judge.close()

    with Loopback(lambda messages: "Yes") as server:
        asyncio.run(work(server))
        assert server.keys == {KEY}
    kept = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"The sea is calm." in kept and KEY.encode() not in kept


def test_a_trusting_reader_is_caught():
    """Negative controls: one that lets JSON's errors out; a refusal that says the key; a sample that is shown as it is."""
    wire, _, answers, _, before = PARSERS
    with pytest.raises((ValueError, RecursionError)):
        fuzz(replace(wire, read=lambda reply: json.loads(reply[2]) and []), 300)

    def talkative(reply: tuple) -> list[Answer]:
        raise Refused(f"the server said: {reply[2].decode('utf-8', 'replace')} to {KEY}")

    with pytest.raises(AssertionError):
        fuzz(replace(wire, read=talkative), 20)
    with pytest.raises(AssertionError):
        fuzz(replace(answers, read=lambda text: (text, None, None, None)), 100)
    bare = replace(before, read=lambda sample: (f'Token: "{sample.token}" at position 1 in sentence: "{sample.sentence}"', []))
    with pytest.raises(AssertionError):
        fuzz(bare, 50)
