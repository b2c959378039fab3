"""A text is continued as transformers continues it, reproducibly, within the context, and stops when told to."""

from contextlib import contextmanager

import pytest
import torch

from bae.model import generation
from bae.model.generation import DEEP, LIKELIEST, READ_AT_ONCE, GenerationConfig, generate, next_logits, passes
from tests.conftest import prose

TEXT = "The ship left the harbor"


def output(model, text: str = TEXT, cancelled=lambda: False, **settings) -> str:
    return "".join(generate(model, text, GenerationConfig(**settings), cancelled))


def library_tokens(model, text: str, n: int) -> list[int]:
    """What transformers' own greedy search writes."""
    ids = torch.tensor([model.tokenize(text).ids])
    with torch.inference_mode():
        found = model.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=n, pad_token_id=0)
    return found[0, ids.shape[1] :].tolist()


def decoded(model, tokens: list[int]) -> str:
    ends = [place for place, token in enumerate(tokens) if token == model.tokenizer.eos_token_id]
    return model.tokenizer.decode(tokens[: ends[0]] if ends else tokens, clean_up_tokenization_spaces=False)


@pytest.mark.parametrize("text", [TEXT, "", "🙂 \u0645\u0631 <b>\x00", prose(0, 200)])
def test_greedy_is_the_library_s_own(tiny_model, text):
    expected = decoded(tiny_model, library_tokens(tiny_model, text, 40))
    assert output(tiny_model, text, max_tokens=40) == expected and expected
    assert len(tiny_model.tokenize(text).ids) > 2 * READ_AT_ONCE or len(text) < 100, "the long one takes several passes"
    assert output(tiny_model, text + " vote", max_tokens=40) != expected, "negative control: another text goes on differently"


def test_the_packaged_model_goes_on_as_the_library_does():
    from bae.model.language_model import LanguageModel

    model = LanguageModel.load(device="cpu")
    expected = decoded(model, library_tokens(model, "The capital of France is", 12))
    assert output(model, "The capital of France is", max_tokens=12) == expected
    assert "Paris" in expected


def test_draws_are_those_of_the_whole_text_read_anew(tiny_model):
    """Without a cache, one pass a token, with the same draws."""
    ids, draws = list(tiny_model.tokenize(TEXT).ids), torch.Generator().manual_seed(7)
    begin = len(ids)
    for _ in range(20):
        with torch.inference_mode():
            logits = tiny_model.model(torch.tensor([ids])).logits[0, -1].float()
        ids.append(torch.multinomial((logits / 0.8).softmax(-1), 1, generator=draws).item())
    assert output(tiny_model, max_tokens=20, temperature=0.8, seed=7) == decoded(tiny_model, ids[begin:])


def test_a_seed_writes_the_same_again_and_another_does_not(tiny_model):
    said = [output(tiny_model, max_tokens=30, temperature=1.0, seed=seed) for seed in (3, 3, 4)]
    assert said[0] == said[1] != said[2]
    torch.manual_seed(99)
    assert output(tiny_model, max_tokens=30, temperature=1.0, seed=3) == said[0], "whatever else draws"


def test_a_piece_a_token_and_no_half_characters(tiny_model, monkeypatch):
    """A random model at a high temperature writes many bytes; it is kept from ending by chance."""
    monkeypatch.setattr(generation, "ends", lambda model: set())
    pieces = list(generate(tiny_model, TEXT, GenerationConfig(max_tokens=60, temperature=5.0, seed=1)))
    assert len(pieces) == 61
    assert "" in pieces[:-1], "some token was only a part of a character"
    assert all(not piece.endswith("\N{REPLACEMENT CHARACTER}") for piece in pieces[:-1])


def test_it_stops_before_the_next_pass(tiny_model):
    asked = iter([False, False, False, True])
    pieces = list(generate(tiny_model, TEXT, GenerationConfig(max_tokens=50), lambda: next(asked)))
    assert len(pieces) == 4, "three tokens, and what is left"
    assert output(tiny_model, cancelled=lambda: True) == ""
    long = "sea " * (3 * READ_AT_ONCE)
    assert output(tiny_model, long, cancelled=lambda: True) == "", "while the text is still being read"


def test_it_ends_where_the_model_ends_its_text(tiny_model, monkeypatch):
    tokens = library_tokens(tiny_model, TEXT, 10)
    monkeypatch.setattr(tiny_model.model.generation_config, "eos_token_id", [tokens[4], 1])
    first = tokens.index(tokens[4])
    assert output(tiny_model, max_tokens=10) == tiny_model.tokenizer.decode(tokens[:first])


def test_too_long_a_text_is_refused_before_anything_is_read(tiny_model):
    room = tiny_model.model.config.max_position_embeddings
    text = "sea " * 3000
    n = len(tiny_model.tokenize(text).ids)
    assert n < room
    with pytest.raises(ValueError, match=f"{n:,} tokens.*{room:,}.*at most {room - n:,} tokens can follow"):
        generate(tiny_model, text, GenerationConfig(max_tokens=room - n + 1))
    with pytest.raises(ValueError, match="nothing can follow"):
        generate(tiny_model, "sea " * 5000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"seed": -1},
        {"frequency_penalty": 2.1},
        {"frequency_penalty": -2.1},
        {"frequency_penalty": float("nan")},
    ],
)
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        GenerationConfig(**wrong)


def test_the_model_is_left_as_it_was(tiny_model):
    ids = torch.tensor([tiny_model.tokenize(TEXT).ids])
    with torch.inference_mode():
        before = tiny_model.model(ids).logits
        output(tiny_model, max_tokens=5)
        assert torch.equal(before, tiny_model.model(ids).logits)


# ----------------------------------------------------------------------------------------------------------------- passes and cancelling


def passes_made(model, monkeypatch) -> list[int]:
    """Tokens of every pass from now on."""
    made, whole = [], generation._next_logits
    monkeypatch.setattr(generation, "_next_logits", lambda model, ids, cache: made.append(len(ids)) or whole(model, ids, cache))
    return made


@pytest.mark.parametrize("words", [0, 300, 1300])
def test_no_pass_is_longer_than_a_cancel_may_wait(tiny_model, monkeypatch, words):
    made, asked, text = passes_made(tiny_model, monkeypatch), [], "sea " * words
    left, expected = len(tiny_model.tokenize(text).ids), []
    while left:
        expected.append(min(READ_AT_ONCE if sum(expected) < DEEP else READ_AT_ONCE // 2, left))
        left -= expected[-1]
    output(tiny_model, text, lambda: bool(asked.append(len(made))), max_tokens=5)
    assert made == expected + [1] * 4 and (sum(expected) > DEEP) is (words > 1000)
    assert asked == list(range(len(made))), "asked before each pass"
    assert passes(tiny_model, text, GenerationConfig(max_tokens=5)) == len(made)


@pytest.mark.parametrize("after", [0, 1, 3])
def test_cancelled_while_the_text_is_read_no_pass_more_is_made(tiny_model, monkeypatch, after):
    made = passes_made(tiny_model, monkeypatch)
    assert output(tiny_model, "sea " * 300, lambda: len(made) == after) == "" and len(made) == after
    assert next_logits(tiny_model, "sea " * 300, lambda: len(made) == 2 * after) is None and len(made) == 2 * after


def test_what_is_around_a_pass_is_around_nothing_else(tiny_model, monkeypatch):
    inside, seen = [], []
    whole = generation._next_logits
    monkeypatch.setattr(generation, "_next_logits", lambda *given: seen.append(("pass", bool(inside))) or whole(*given))

    @contextmanager
    def around():
        inside.append(1)
        yield
        inside.pop()

    def cancelled() -> bool:
        seen.append(("cancelled", bool(inside)))
        return False

    told = lambda step: seen.append(("told", bool(inside)))  # noqa: E731
    for _ in generate(tiny_model, "sea " * 100, GenerationConfig(max_tokens=3), cancelled, told, around):
        seen.append(("piece", bool(inside)))
    assert {("pass", True), ("cancelled", False), ("told", False), ("piece", False)} == set(seen)


# ---------------------------------------------------------------------------------------------------------- log-probabilities, penalty


def plain_logits(model, ids: list[int]) -> torch.Tensor:
    """Of the token behind `ids`, read in one pass without a cache."""
    with torch.inference_mode():
        return model.model(torch.tensor([ids]), use_cache=False).logits[0, -1].float()


@pytest.mark.parametrize("temperature", [0.0, 1.5])
def test_every_written_token_is_told_as_the_model_rates_it(tiny_model, temperature):
    steps, ids = [], list(tiny_model.tokenize(TEXT).ids)
    pieces = list(generate(tiny_model, TEXT, GenerationConfig(12, temperature, 3, 0.5), told=steps.append))
    assert len(steps) == len(pieces) - 1 > 5
    for step in steps:
        expected = plain_logits(tiny_model, ids).log_softmax(-1)
        ranked = sorted(range(len(expected)), key=lambda token: -expected[token])[:LIKELIEST]
        assert step.written.logprob == pytest.approx(expected[step.written.token].item(), abs=1e-4) and step.written.logprob <= 0
        assert [rated.token for rated in step.likeliest] == ranked
        assert [rated.logprob for rated in step.likeliest] == pytest.approx(expected[ranked].tolist(), abs=1e-4)
        assert step.likeliest[0].text == tiny_model.tokenizer.decode([ranked[0]])
        ids.append(step.written.token)
    assert tiny_model.tokenizer.decode([step.written.token for step in steps], clean_up_tokenization_spaces=False) == "".join(pieces)
    drawn = [step.written.token != step.likeliest[0].token for step in steps]
    assert any(drawn), "negative control: here what is written is not always the likeliest"


def test_to_be_told_changes_nothing(tiny_model):
    config = GenerationConfig(30, 1.0, 4)
    assert "".join(generate(tiny_model, TEXT, config, told=lambda step: None)) == output(tiny_model, max_tokens=30, temperature=1.0, seed=4)


@pytest.mark.parametrize(("temperature", "penalty"), [(0.0, 2.0), (0.0, -2.0), (0.8, 1.3)])
def test_the_penalty_is_that_of_a_loop_over_the_written(tiny_model, temperature, penalty):
    ids, written, draws = list(tiny_model.tokenize(TEXT).ids), [], torch.Generator().manual_seed(5)
    for _ in range(25):
        logits = plain_logits(tiny_model, ids + written).clone()
        for token in set(written):
            logits[token] -= penalty * written.count(token)
        if temperature:
            written.append(torch.multinomial((logits / temperature).softmax(-1), 1, generator=draws).item())
        else:
            written.append(logits.argmax().item())
    found = output(tiny_model, max_tokens=25, temperature=temperature, seed=5, frequency_penalty=penalty)
    assert found == decoded(tiny_model, written)
    assert found != output(tiny_model, max_tokens=25, temperature=temperature, seed=5), "negative control: it has an effect"


def test_no_penalty_leaves_the_logits_bit_for_bit(tiny_model):
    logits = plain_logits(tiny_model, [0, 5])
    assert generation._penalized(logits, [3, 3], 0.0) is logits and generation._penalized(logits, [], 2.0) is logits
    changed = generation._penalized(logits, [3, 3, 7], 1.5) - logits
    assert changed.nonzero().flatten().tolist() == [3, 7] and changed[3].item() == pytest.approx(-3.0)


def test_what_comes_next_is_what_generation_starts_from(tiny_model):
    text = "sea vote " * 80
    steps = []
    list(generate(tiny_model, text, GenerationConfig(1), told=steps.append))
    logits = next_logits(tiny_model, text)
    assert logits.log_softmax(-1).max().item() == steps[0].likeliest[0].logprob
    assert torch.allclose(logits, plain_logits(tiny_model, list(tiny_model.tokenize(text).ids)), atol=1e-3)
    with pytest.raises(ValueError, match="nothing can follow"):
        next_logits(tiny_model, "sea " * 5000)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_never_becomes_a_text(tiny_model, monkeypatch, wrong):
    whole, said = generation._next_logits, output(tiny_model, max_tokens=5)
    monkeypatch.setattr(generation, "_next_logits", lambda *given: whole(*given).index_fill(0, torch.tensor([7]), wrong))
    for temperature in (0.0, 1.0):
        with pytest.raises(ValueError, match=r"no longer numbers.*smaller amount"):
            output(tiny_model, max_tokens=5, temperature=temperature)
    with pytest.raises(ValueError, match="no longer numbers"):
        next_logits(tiny_model, TEXT)
    monkeypatch.setattr(generation, "_next_logits", whole)
    assert output(tiny_model, max_tokens=5) == said, "negative control: numbers are written"
