"""A text is continued as transformers continues it, reproducibly, within the context, and stops when told to."""

import pytest
import torch

from bae import generation
from bae.generation import READ_AT_ONCE, GenerationConfig, generate
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
    assert len(tiny_model.tokenize(text).ids) > READ_AT_ONCE or len(text) < 100, "the long one takes several passes"
    assert output(tiny_model, text + " vote", max_tokens=40) != expected, "negative control: another text goes on differently"


def test_the_packaged_model_goes_on_as_the_library_does():
    from bae.language_model import LanguageModel

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
    monkeypatch.setattr(generation, "_ends", lambda model: set())
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


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"temperature": -1.0}, {"temperature": float("nan")}, {"seed": -1}])
def test_impossible_settings_are_named(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        GenerationConfig(**wrong)


def test_the_model_is_left_as_it_was(tiny_model):
    ids = torch.tensor([tiny_model.tokenize(TEXT).ids])
    with torch.inference_mode():
        before = tiny_model.model(ids).logits
        output(tiny_model, max_tokens=5)
        assert torch.equal(before, tiny_model.model(ids).logits)
