"""What a steered model writes is told as it is rated, what comes next is what is written, and others meet no hooks meanwhile."""

import threading

import pytest
import torch

from bae.model.generation import GenerationConfig, generate, next_logits
from bae.steering import Add, Steering, generate_steered, steered
from bae.steering.writing import next_tokens
from bae.system.turns import Turns

TEXT, LAYER = "The ship left the harbor", 2
CONFIG = GenerationConfig(max_tokens=8, frequency_penalty=0.7)


@pytest.fixture
def push() -> Add:
    vector = torch.randn(32, generator=torch.Generator().manual_seed(0))
    return Add(LAYER, 9 * vector / vector.norm())


def hooks(model) -> int:
    """Those on any part of the model, whoever put them there."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.model.modules())


def library_logprobs(model, text: str, interventions=()) -> torch.Tensor:
    ids = torch.tensor([model.tokenize(text).ids])
    with torch.inference_mode(), steered(model, interventions, ids.shape[1]):
        return model.model(ids, use_cache=False).logits[0, -1].float().log_softmax(-1)


@pytest.mark.parametrize("is_steered", [False, True])
def test_the_likeliest_next_tokens_are_those_of_the_whole_text_read_at_once(tiny_model, push, is_steered):
    interventions = [push] if is_steered else []
    text = "sea vote " * 60
    expected = library_logprobs(tiny_model, text, interventions)
    found = next_tokens(tiny_model, text, interventions, 7)
    ranked = sorted(range(len(expected)), key=lambda token: -expected[token])[:7]
    assert [rated.token for rated in found.likeliest] == ranked
    assert [rated.logprob for rated in found.likeliest] == pytest.approx(expected[ranked].tolist(), abs=1e-4)
    asked = [3, 300, ranked[2]]
    assert [rated.logprob for rated in found.of(asked)] == pytest.approx(expected[asked].tolist(), abs=1e-4)
    assert found.of(asked)[2] == found.likeliest[2] and found.of([]) == ()
    assert found.logprobs.exp().sum().item() == pytest.approx(1, abs=1e-4)


def test_a_push_changes_what_comes_next_and_none_at_strength_0(tiny_model, push):
    plain, pushed = next_tokens(tiny_model, TEXT), next_tokens(tiny_model, TEXT, [push])
    idle = next_tokens(tiny_model, TEXT, [Add(LAYER, push.direction, strength=0.0)])
    assert torch.equal(idle.logprobs, plain.logprobs) and idle.likeliest == plain.likeliest
    assert not torch.allclose(pushed.logprobs, plain.logprobs, atol=0.1), "negative control"
    assert torch.equal(plain.logprobs, next_logits(tiny_model, TEXT).log_softmax(-1))


@pytest.mark.parametrize("count", [0, -1, 10**6])
def test_how_many_can_be_asked_for(tiny_model, count):
    with pytest.raises(ValueError, match=f"between 1 and .* got {count}"):
        next_tokens(tiny_model, TEXT, [], count)


def test_cancelled_while_the_text_is_read(tiny_model, push):
    before = hooks(tiny_model)
    assert next_tokens(tiny_model, "sea " * 300, [push], cancelled=lambda: True) is None
    assert hooks(tiny_model) == before


def test_what_is_written_is_told_as_the_steered_model_rates_it(tiny_model, push):
    steps, texts, so_far = [], [], TEXT
    for piece in generate_steered(tiny_model, TEXT, [push], CONFIG, told=steps.append):
        texts.append(so_far)
        so_far += piece
    first = next_tokens(tiny_model, TEXT, [push], 5)
    assert steps[0].likeliest == first.likeliest
    assert steps[0].written == first.likeliest[0]
    plain = next_tokens(tiny_model, TEXT).of([steps[0].written.token])[0]
    assert abs(plain.logprob - steps[0].written.logprob) > 0.1, "negative control: the plain model rates it otherwise"
    assert all(step.written.logprob <= step.likeliest[0].logprob for step in steps)


def test_no_hook_is_on_where_others_are_asked_or_told(tiny_model, push):
    seen, before = [], hooks(tiny_model)
    text = "sea " * 200

    def cancelled() -> bool:
        seen.append(hooks(tiny_model))
        return False

    list(generate_steered(tiny_model, text, [push], CONFIG, cancelled, told=lambda step: seen.append(hooks(tiny_model))))
    assert len(seen) > 15 and set(seen) == {before}
    with Steering(tiny_model, [push]).applied():
        assert hooks(tiny_model) == before + 1, "negative control: they would be seen"


def test_whoever_is_let_by_while_a_steered_text_is_written_reads_the_plain_model(tiny_model, push):
    ids = torch.tensor([tiny_model.tokenize(TEXT).ids])
    plain, before = tiny_model.hidden_states(ids, [LAYER])[LAYER], hooks(tiny_model)
    with steered(tiny_model, [push]):
        assert not torch.equal(tiny_model.hidden_states(ids, [LAYER])[LAYER], plain), "negative control: hooks reach a reading"
    alone = "".join(generate_steered(tiny_model, TEXT, [push], CONFIG))
    turns, over, same = Turns(), threading.Event(), []

    def read() -> None:
        while not over.is_set():
            with turns.turn(1.0, short=True):
                same.append(torch.equal(tiny_model.hidden_states(ids, [LAYER])[LAYER], plain))

    def write(interventions, found: list[str]) -> None:
        with turns.turn(1.0) as turn:
            cancelled = lambda: turn.let_by() or False  # noqa: E731
            if interventions:
                found.append("".join(generate_steered(tiny_model, TEXT, interventions, CONFIG, cancelled)))
            else:
                found.append("".join(generate(tiny_model, TEXT, CONFIG, cancelled)))

    written, unsteered = [], []
    writers = [threading.Thread(target=write, args=given) for given in (([push], written), ((), unsteered)) for _ in range(3)]
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in [*readers, *writers]:
        thread.start()
    for writer in writers:
        writer.join()
    over.set()
    for reader in readers:
        reader.join()
    assert written == [alone] * 3 and unsteered == ["".join(generate(tiny_model, TEXT, CONFIG))] * 3 and alone not in unsteered
    assert same and all(same) and hooks(tiny_model) == before
