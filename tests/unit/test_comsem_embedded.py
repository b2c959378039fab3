"""Judges that run here. The reader as the library; what they say of real samples, with swapped labels as the control."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from bae.comsem import embedded_judge, prompts
from bae.comsem.embedded_judge import EmbeddedJudge, _around, _Reader
from bae.comsem.embedding_judge import EmbeddingJudge
from bae.comsem.judge import read_yes_no
from bae.comsem.samples import Sample
from bae.model.language_model import LanguageModel

RANKS = "military ranks"
BEASTS = "animals"


def sample(token: str, sentence: str) -> Sample:
    return Sample(token, token, len(sentence[: sentence.index(token)].split()) + 1, sentence)


SAMPLES = {
    RANKS: [
        sample("colonel", "The colonel refused to sign the order."),
        sample("lieutenant", "A young lieutenant carried the letter."),
        sample("sergeant", "His sergeant counted the rifles twice."),
    ],
    BEASTS: [
        sample("horse", "The horse would not cross the bridge."),
        sample("wolves", "At night the wolves came down to the village."),
        sample("spider", "A spider lived behind the clock."),
    ],
}
POLYSEMOUS = [
    ("directions", sample("left", "The door on the left was locked."), sample("left", "They left without a word.")),
    ("animals", sample("bear", "The hunters tracked the bear through snow."), sample("bear", "I cannot bear this noise any longer.")),
    ("months of the year", sample("May", "The treaty was signed in May."), sample("May", "May I come in for a moment?")),
]


@pytest.fixture(scope="module")
def packaged() -> EmbeddedJudge:
    return EmbeddedJudge(LanguageModel.load())


@pytest.fixture
def tiny(tiny_model) -> EmbeddedJudge:
    return EmbeddedJudge(tiny_model)


def ask(judge: EmbeddedJudge, *requests):
    async def all_of_them():
        return [await judge.ask(request) for request in requests]

    return asyncio.run(all_of_them())


def library_logprobs(model: LanguageModel, ids: tuple[int, ...]) -> torch.Tensor:
    with torch.inference_mode():
        return model.model(torch.tensor([ids]), use_cache=False).logits[0].log_softmax(-1)


# --- the reader


def test_what_is_remembered_changes_nothing(tiny_model):
    """Against one pass over the whole text, for texts that share much, little, everything and nothing with the last one."""
    reader = _Reader(tiny_model)
    reader.usage = embedded_judge.Usage()
    texts = ["The ship left the harbor", "The ship left the senate", "The ship", "The ship", "A law", "A law was passed in winter"]
    with torch.inference_mode():
        for text in texts:
            ids = tiny_model.tokenize(text).ids
            torch.testing.assert_close(reader.following(text), library_logprobs(tiny_model, ids)[-1], atol=1e-4, rtol=0)
    assert 0 < reader.usage.cached_tokens < reader.usage.prompt_tokens


def test_a_continuation_s_probability_is_the_product_of_its_tokens(tiny_model):
    reader, whole = _Reader(tiny_model), tiny_model.tokenize("The ship left the harbor in light").ids
    begin = len(tiny_model.tokenize("The ship left").ids)
    logprobs = library_logprobs(tiny_model, whole)
    by_hand = sum(float(logprobs[place - 1, whole[place]]) for place in range(begin, len(whole)))
    with torch.inference_mode():
        found = [reader.log_probability("The ship left", " the harbor in light") for _ in range(2)]
        assert found == pytest.approx([by_hand] * 2, abs=1e-3)
        assert reader.log_probability("The ship left", " the harbor") > found[0]


def test_a_word_is_shown_with_two_neighbours_and_the_signs_that_stick_to_them():
    assert _around(Sample("harb", "harbor", 6, 'He said: "the harbor, as always, froze."')) == 'said: "the harbor, as always,'
    assert _around(sample("Rain", "Rain fell.")) == "Rain fell."


# --- what it answers


@pytest.mark.parametrize("kind", ["label", "verdict", "verdicts", "intruder"])
def test_any_model_of_ours_answers_every_kind_in_the_form_that_is_asked_for(tiny, kind):
    """Random weights, no chat template: what it says means nothing, but can be read."""
    samples = SAMPLES[RANKS] + SAMPLES[BEASTS]
    request = {
        "label": prompts.label_request(samples),
        "verdict": prompts.verdict_request(samples[0], BEASTS),
        "verdicts": prompts.verdicts_request(samples, BEASTS),
        "intruder": prompts.intruder_request(samples),
    }[kind]
    one, again = ask(tiny, request, request)
    assert one.text == again.text and min(one.usage.prompt_tokens, one.usage.completion_tokens, again.usage.cached_tokens) > 0
    if kind == "label":
        assert one.text and "\n" not in one.text and not set('"“”') & set(one.text)
        assert prompts.read_label(one.text)
    if kind == "verdict":
        assert 0 <= one.yes <= 1 and read_yes_no(one.text) == (one.yes > 0.5)
    if kind == "verdicts":
        singles = ask(tiny, *(prompts.verdict_request(each, BEASTS) for each in samples))
        assert prompts.read_verdicts(one.text, 6) == [answer.yes > 0.5 for answer in singles]
    if kind == "intruder":
        assert prompts.read_intruder(one.text, 6)
    assert (one.yes is None) == (kind != "verdict")


def test_a_sample_that_is_one_of_the_references_alone_is_even(tiny, monkeypatch):
    """Calibration: against itself alone, a sample leaves the description exactly as probable as it was."""
    monkeypatch.setattr(embedded_judge, "REFERENCES", SAMPLES[RANKS][:1])
    same, other = ask(tiny, *(prompts.verdict_request(each, BEASTS) for each in SAMPLES[RANKS][:2]))
    assert same.yes == pytest.approx(0.5, abs=1e-5) and other.yes != pytest.approx(0.5, abs=1e-4)


def test_what_a_verdict_needs_of_a_description_is_read_once(tiny):
    first, second, other = ask(
        tiny, *(prompts.verdict_request(*asked) for asked in zip(SAMPLES[RANKS], [RANKS, RANKS, BEASTS], strict=True))
    )
    passes = len(embedded_judge.REFERENCES) + 1
    assert [answer.usage.completion_tokens for answer in (first, second, other)] == [passes, 1, passes]


def test_questions_asked_at_once_get_their_own_answers(tiny):
    """One model, one memory of the last question, many threads."""
    requests = [prompts.verdict_request(each, label) for each in SAMPLES[RANKS] + SAMPLES[BEASTS] for label in (RANKS, BEASTS)]
    in_turn = [answer.yes for answer in ask(tiny, *requests)]

    async def at_once():
        return [answer.yes for answer in await asyncio.gather(*map(tiny.ask, requests))]

    assert asyncio.run(at_once()) == pytest.approx(in_turn, abs=1e-4)


def test_the_event_loop_goes_on_while_it_thinks(tiny, monkeypatch):
    started, go_on = threading.Event(), threading.Event()

    def slow(*_):
        started.set()
        assert go_on.wait(5)
        return "3", None

    monkeypatch.setattr(tiny, "_said", slow)

    async def both():
        asking = asyncio.create_task(tiny.ask(prompts.intruder_request(SAMPLES[RANKS])))
        while not started.is_set():
            await asyncio.sleep(0.01)
        go_on.set()
        return await asking

    assert asyncio.run(both()).text == "3"


def test_it_says_what_it_is(tiny, tiny_model, monkeypatch):
    assert tiny.draft and not tiny.paid and tiny.name == tiny_model.title
    assert tiny_model.fingerprint in tiny.identity and embedded_judge.VERSION in tiny.identity
    before = ask(tiny, prompts.verdict_request(SAMPLES[RANKS][0], RANKS))[0]
    asyncio.run(tiny.close())
    after = ask(tiny, prompts.verdict_request(SAMPLES[RANKS][0], RANKS))[0]
    assert after.yes == pytest.approx(before.yes, abs=1e-4)


# --- what it is worth


def test_the_packaged_model_tells_labels_from_swapped_ones(packaged):
    label_of = {RANKS: BEASTS, BEASTS: RANKS}
    for label, samples in SAMPLES.items():
        own = [answer.yes for answer in ask(packaged, *(prompts.verdict_request(each, label) for each in samples))]
        swapped = [answer.yes for answer in ask(packaged, *(prompts.verdict_request(each, label_of[label]) for each in samples))]
        assert min(own) > 0.5 and all(mine > other for mine, other in zip(own, swapped, strict=True)), (label, own, swapped)


def test_the_packaged_model_tells_two_uses_of_a_word_apart(packaged):
    for label, meant, otherwise in POLYSEMOUS:
        yes = [answer.yes for answer in ask(packaged, prompts.verdict_request(meant, label), prompts.verdict_request(otherwise, label))]
        assert yes[0] > yes[1], (label, yes)


def test_the_packaged_model_names_what_words_share(packaged):
    (answer,) = ask(packaged, prompts.label_request(SAMPLES[RANKS]))
    assert "military" in answer.text and not prompts.echoes(answer.text) and len(answer.text.split()) <= embedded_judge.LABEL_TOKENS


def test_no_label_that_was_shown_comes_back(packaged, monkeypatch):
    """On the words of an example itself. Negative control: where nothing is forbidden, its label does come back."""
    (example,) = [example for example in prompts.EXAMPLES["label"] if example["answer"] == "words that introduce a contrast"]
    assert example["brief"]
    request = prompts.label_request([prompts.example_sample(entry) for entry in example["samples"]])
    (said,) = ask(packaged, request)
    assert said.text and not said.text.startswith(embedded_judge.SHOWN_LABELS)
    monkeypatch.setattr(embedded_judge, "SHOWN_LABELS", ())
    (freely,) = ask(packaged, request)
    assert freely.text.startswith(example["answer"])


def test_the_packaged_model_finds_an_intruder(packaged):
    ranks = [*SAMPLES[RANKS], sample("captain", "The captain slept.")]
    for place in (1, 3, 5):
        asked = [*ranks[: place - 1], SAMPLES[BEASTS][1], *ranks[place - 1 :]]
        (answer,) = ask(packaged, prompts.intruder_request(asked))
        assert prompts.read_intruder(answer.text, 5) == place


# --- by embeddings alone


def test_a_label_is_nearer_to_its_samples_than_a_swapped_one():
    judge = EmbeddingJudge()
    for label, other in ((RANKS, BEASTS), (BEASTS, RANKS)):
        own, swapped = judge.similarities(label, SAMPLES[label]), judge.similarities(other, SAMPLES[label])
        assert all(mine > theirs for mine, theirs in zip(own, swapped, strict=True))
        assert all(isinstance(value, float) and -1 <= value <= 1 for value in own + swapped)
    assert judge.similarities(RANKS, []) == []
    assert judge.embedder.fingerprint in judge.identity and not hasattr(judge, "ask")


def test_a_similarity_is_that_of_the_word_and_not_of_its_sentence():
    judge, sentence = EmbeddingJudge(), "The horse carried the colonel over the bridge."
    horse, colonel = sample("horse", sentence), sample("colonel", sentence)
    assert np.subtract(*judge.similarities(BEASTS, [horse, colonel])) > 0.05
    assert np.subtract(*judge.similarities(RANKS, [colonel, horse])) > 0.05
    far = replace(horse, sentence="word " * 3000 + sentence, position=3002)
    assert judge.similarities(BEASTS, [far])[0] > judge.similarities(BEASTS, [colonel])[0]
