"""Steering moves hidden states by exactly what was asked, only where it was asked, and leaves nothing behind."""

import math
import threading
from contextlib import closing

import pytest
import torch
from transformers import (
    DynamicCache,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from bae.autoencoder import KINDS, BinaryAutoencoder
from bae.features.directions import raw_rows
from bae.model import generation
from bae.model.generation import GenerationConfig, generate
from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.states.scaling import Scaling
from bae.steering import Ablate, Add, AddFeature, ChangeBits, Clamp, ProjectOut, Steering, generate_steered, norm_under, rms_norm, steered
from tests.conftest import prose

TEXT, LAYER, FEATURES = "The ship left the harbor", 2, 24
CONFIG = GenerationConfig(max_tokens=12)


def drawn(width: int = 32, seed: int = 0, length: float = 6.0) -> torch.Tensor:
    vector = torch.randn(width, generator=torch.Generator().manual_seed(seed))
    return length * vector / vector.norm()


@pytest.fixture
def push() -> torch.Tensor:
    return drawn()


@pytest.fixture(scope="module")
def scaling(tiny_model) -> Scaling:
    """Centred and scaled as training has it, so that a row of W_out is not what is added."""
    ids = torch.tensor([tiny_model.tokenize(prose(3), 64).ids])
    states = tiny_model.hidden_states(ids, [LAYER])[LAYER][0, 1:].clone()
    return Scaling.measure(states.norm(dim=-1), [states])


@pytest.fixture(scope="module")
def bae(tiny_model, scaling) -> Lens:
    return Lens("bae", LAYER, BinaryAutoencoder(tiny_model.d_model, FEATURES, scaling, seed=1), None, 64)


@pytest.fixture(scope="module")
def graded(tiny_model, scaling) -> Lens:
    return Lens("graded", LAYER, BinaryAutoencoder(tiny_model.d_model, FEATURES, scaling, bits_per_feature=3, seed=1), None, 64)


@pytest.fixture(scope="module", params=["relu", "topk", "gated", "batchtopk", "twopath", "jumprelu"])
def sae(request, tiny_model, scaling) -> Lens:
    return Lens(request.param, LAYER, KINDS[request.param](tiny_model.d_model, FEATURES, scaling, seed=1), None, 64)


def tokens(model, text: str = TEXT) -> torch.Tensor:
    return torch.tensor([model.tokenize(text).ids])


def at(model, ids: torch.Tensor, layer: int = LAYER, mask: torch.Tensor | None = None) -> torch.Tensor:
    return model.hidden_states(ids, [layer], mask)[layer]


def moved_behind_bos(states: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
    return states + torch.where(torch.arange(states.shape[1])[:, None] > 0, by, 0.0)


def output(model, interventions=None, text: str = TEXT, config: GenerationConfig = CONFIG) -> str:
    pieces = generate(model, text, config) if interventions is None else generate_steered(model, text, interventions, config)
    return "".join(pieces)


def hooks(model) -> int:
    """Those on any part of the model, whoever put them there."""
    return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in model.model.modules())


# ----------------------------------------------------------------------------------------- nothing is left behind


def test_plain_before_at_strength_0_and_after(tiny_model, bae, push):
    before, n_hooks = tiny_model.model(tokens(tiny_model)).logits, hooks(tiny_model)
    idle = [
        Add(LAYER, push, strength=0.0),
        AddFeature(bae, 3, strength=0.0, norm=50.0),
        Clamp(bae, 4, 9.0, strength=0.0),
        Ablate(bae, 5, strength=0),
        ChangeBits(bae, [6, 7], strength=0.0),
        ProjectOut(LAYER, push, strength=0.0),
    ]
    said = output(tiny_model)
    with steered(tiny_model, idle):
        assert hooks(tiny_model) == n_hooks, "nothing is computed, so that nothing can differ"
        assert torch.equal(tiny_model.model(tokens(tiny_model)).logits, before)
    assert output(tiny_model, idle) == said
    with steered(tiny_model, [Add(LAYER, push)]):
        assert hooks(tiny_model) == n_hooks + 1
        assert not torch.equal(tiny_model.model(tokens(tiny_model)).logits, before), "negative control: a push is seen"
    assert hooks(tiny_model) == n_hooks
    assert torch.equal(tiny_model.model(tokens(tiny_model)).logits, before)
    assert output(tiny_model) == said


def test_after_an_exception(tiny_model, push):
    before, n_hooks = tiny_model.model(tokens(tiny_model)).logits, hooks(tiny_model)
    with pytest.raises(ZeroDivisionError), steered(tiny_model, [Add(LAYER, push), Add(0, push), Add(4, push)]):
        assert hooks(tiny_model) == n_hooks + 3
        raise ZeroDivisionError
    assert hooks(tiny_model) == n_hooks and torch.equal(tiny_model.model(tokens(tiny_model)).logits, before)


def test_an_exception_in_the_pass_itself(tiny_model, push, monkeypatch):
    before, n_hooks = output(tiny_model), hooks(tiny_model)

    def broken(*_):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(generation, "choose", broken)
        with pytest.raises(MemoryError):
            output(tiny_model, [Add(LAYER, push)])
    assert hooks(tiny_model) == n_hooks and output(tiny_model) == before


def test_after_a_generator_that_is_closed_or_dropped_half_way(tiny_model, push):
    before, n_hooks = output(tiny_model), hooks(tiny_model)
    with closing(generate_steered(tiny_model, TEXT, [Add(LAYER, push)], CONFIG)) as pieces:
        next(pieces), next(pieces)
        assert hooks(tiny_model) == n_hooks, "not even between two pieces"
        assert output(tiny_model) == before
    assert hooks(tiny_model) == n_hooks and output(tiny_model) == before
    inside = (piece for _ in (0,) for piece in _held(tiny_model, push))
    next(inside)
    assert hooks(tiny_model) == n_hooks + 1, "this one holds the model"
    inside.close()
    assert hooks(tiny_model) == n_hooks and output(tiny_model) == before


def _held(model, push):
    with steered(model, [Add(LAYER, push)]):
        yield from generate(model, TEXT, CONFIG)


def test_cancelled_while_the_prompt_is_read(tiny_model, push):
    n_hooks = hooks(tiny_model)
    assert "".join(generate_steered(tiny_model, "sea " * 2000, [Add(LAYER, push)], CONFIG, cancelled=lambda: True)) == ""
    assert hooks(tiny_model) == n_hooks


def test_written_in_turns_plain_and_in_two_ways(tiny_model, push):
    ways = [None, [Add(LAYER, push)], [Add(3, drawn(seed=2, length=9.0), positions="generated")]]
    alone = [output(tiny_model, way) for way in ways]
    assert len(set(alone)) == 3, "negative control: all three differ"
    writing = [generate(tiny_model, TEXT, CONFIG) if way is None else generate_steered(tiny_model, TEXT, way, CONFIG) for way in ways]
    together = zip(*writing, strict=True)
    assert ["".join(pieces) for pieces in zip(*together, strict=True)] == alone


def test_two_threads_under_a_lock(tiny_model, push):
    ways = [None, [Add(LAYER, push)], [Add(3, drawn(seed=2, length=9.0))]]
    alone, lock, found = [output(tiny_model, way) for way in ways], threading.Lock(), {}

    def work(number: int, held_for_the_whole_text: bool) -> None:
        for turn in range(6):
            which = (number + turn) % 3
            if held_for_the_whole_text:
                with lock:
                    said = output(tiny_model, ways[which])
            else:
                pieces = (
                    generate(tiny_model, TEXT, CONFIG) if ways[which] is None else generate_steered(tiny_model, TEXT, ways[which], CONFIG)
                )
                said = ""
                while True:
                    with lock:
                        piece = next(pieces, None)
                    if piece is None:
                        break
                    said += piece
            found[number, turn] = said == alone[which]

    for held in (True, False):
        threads = [threading.Thread(target=work, args=(number, held)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 12 and all(found.values())
        found.clear()


def test_who_steers_without_the_lock_is_told(tiny_model, push):
    n_hooks = hooks(tiny_model)
    with steered(tiny_model, [Add(LAYER, push)]):
        with pytest.raises(RuntimeError, match="lock"), steered(tiny_model, [Add(3, push)]):
            pass
        assert hooks(tiny_model) == n_hooks + 1, "the first goes on"
    with steered(tiny_model, [Add(3, push)]):
        pass


# -------------------------------------------------------------------------------- exactly what was asked, only where


@pytest.mark.parametrize("layer", [1, 2, 4])
def test_a_push_moves_the_hidden_state_by_itself(tiny_model, push, layer):
    ids = tokens(tiny_model)
    plain = at(tiny_model, ids, layer)
    with steered(tiny_model, [Add(layer, push, strength=2.5)]):
        moved = at(tiny_model, ids, layer) - plain
        whole = tiny_model.model(ids, output_hidden_states=True).hidden_states
    assert torch.equal(moved[0, 0], torch.zeros(32)), "the BOS is left alone"
    assert torch.allclose(moved[0, 1:], (2.5 * push).expand(ids.shape[1] - 1, -1), atol=2e-5)
    assert moved[0, 1:].norm(dim=-1).min() > 14, "negative control: the push is seen at all"
    if layer < 4:  # the library's last hidden state is taken after the norm
        assert torch.equal(whole[layer], plain + moved), "the library's own hidden states are the steered ones"
        assert torch.equal(at(tiny_model, ids, layer - 1), whole[layer - 1]), "what lies below is as it was"


def test_layer_0_is_pushed_on_its_way_into_the_first_block(tiny_model, push):
    ids = tokens(tiny_model)
    plain = at(tiny_model, ids, 0)
    changed = moved_behind_bos(plain, push)
    with steered(tiny_model, [Add(0, push)]):
        logits = tiny_model.model(ids).logits
        assert torch.equal(at(tiny_model, ids, 0), plain), "which a read of layer 0 itself does not see"
    assert torch.equal(logits, tiny_model.continued(changed, 0))
    assert not torch.equal(logits, tiny_model.continued(plain, 0))


def test_strength_in_norms_of_the_layer(tiny_model, push):
    ids, norm = tokens(tiny_model), rms_norm(tiny_model, LAYER, [prose(4)])
    plain = at(tiny_model, ids)
    with steered(tiny_model, [Add(LAYER, push, strength=-0.5, norm=norm)]):
        moved = (at(tiny_model, ids) - plain)[0, 1:]
    assert torch.allclose(moved.norm(dim=-1), torch.tensor(0.5 * norm), rtol=1e-4)
    assert torch.allclose(torch.cosine_similarity(moved, push[None]), torch.tensor(-1.0), atol=1e-5)


def test_rms_norm_is_that_of_a_loop(tiny_model, monkeypatch):
    texts = [prose(1), prose(2)]
    norms = [at(tiny_model, tokens(tiny_model, text))[0, 1:].half().float().norm(dim=-1) for text in texts]
    assert rms_norm(tiny_model, LAYER, texts) == pytest.approx(torch.cat(norms).square().mean().sqrt().item(), rel=1e-3)
    monkeypatch.setattr("bae.steering.strength.NORM_LIMIT", 0.9)
    assert rms_norm(tiny_model, LAYER, texts) < torch.cat(norms).median(), "long ones are left out"
    for nothing in ([], [""]):
        with pytest.raises(ValueError, match="no token"):
            rms_norm(tiny_model, LAYER, nothing)


def test_a_scaling_knows_the_norm_that_it_was_measured_on(scaling, tiny_model):
    states = at(tiny_model, tokens(tiny_model, prose(3))[:, :64])[0, 1:]
    inside = states[states.norm(dim=-1) <= scaling.norm_limit]
    assert norm_under(scaling) == pytest.approx(inside.square().sum(-1).mean().sqrt().item(), rel=1e-4)
    with pytest.raises(ValueError, match="not measured"):
        norm_under(Scaling.raw(32))


@pytest.mark.parametrize("positions", ["all", "prompt", "generated", "last"])
@pytest.mark.parametrize("part", [512, 3])
def test_positions_in_prefill_and_in_later_steps(tiny_model, push, positions, part, monkeypatch):
    """Every state that generation makes at the layer, against the same text read plain below it, prompt read in one part or several."""
    monkeypatch.setattr(generation, "READ_AT_ONCE", part)
    monkeypatch.setattr(generation, "ends", lambda model: set())
    seen, below = [], []
    block = tiny_model.model.model.layers[LAYER - 1]
    said = []
    monkeypatch.setattr(generation, "choose", lambda logits, *_: said.append(logits.argmax().item()) or said[-1])
    listening = [
        block.register_forward_hook(lambda _block, _inputs, states: seen.append(states)),
        block.register_forward_pre_hook(lambda _block, inputs: below.append(inputs[0])),
    ]
    prompt = tiny_model.tokenize(TEXT).ids
    output(tiny_model, [Add(LAYER, push, positions=positions)], config=GenerationConfig(max_tokens=5))
    for listener in listening:
        listener.remove()
    assert len(seen) == math.ceil(len(prompt) / part) + 4
    # what is below layer 2 is not steered, so the plain states are those of the whole text read anew
    plain = at(tiny_model, torch.tensor([[*prompt, *said[:4]]]))
    moved = torch.cat(seen, dim=1) - plain
    place = torch.arange(moved.shape[1])
    expected = {
        "all": place > 0,
        "prompt": (place > 0) & (place < len(prompt)),
        "generated": place >= len(prompt),
        "last": place == len(prompt) - 1,
    }
    assert torch.allclose(moved[0], torch.where(expected[positions][:, None], push, 0.0), atol=1e-3)
    assert expected[positions].any() and (positions == "all" or not expected[positions][1:].all())


def test_rows_of_a_batch_have_prompts_of_their_own(tiny_model, push):
    texts = [prose(0), TEXT, "sea"]
    ids = [tiny_model.tokenize(text, 16).ids for text in texts]
    lengths = [len(own) for own in ids]
    padded = torch.tensor([own + (0,) * (max(lengths) - len(own)) for own in ids])
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    plain = at(tiny_model, padded, mask=mask)
    with steered(tiny_model, [Add(LAYER, push, positions="last")], lengths):
        moved = at(tiny_model, padded, mask=mask) - plain
    for row, length in enumerate(lengths):
        where = torch.arange(max(lengths)) == length - 1
        assert torch.allclose(moved[row], torch.where(where[:, None], push, 0.0), atol=2e-5)
        assert torch.equal(moved[row][~where], torch.zeros_like(moved[row][~where])), "bit for bit elsewhere"
    with steered(tiny_model, [Add(LAYER, push, positions="last")], [5, 6]), pytest.raises(ValueError, match="2 texts, and 3"):
        at(tiny_model, padded, mask=mask)


def test_a_cached_text_is_that_of_the_text_read_at_once(tiny_model, push):
    """Steered with a cache, a token at a time, against the hidden states changed by hand and the blocks above run on them."""
    ids = tokens(tiny_model, prose(5))[:, :20]
    changed = moved_behind_bos(at(tiny_model, ids), push)
    expected = tiny_model.continued(changed, LAYER)
    cache, found = DynamicCache(config=tiny_model.model.config), []
    with steered(tiny_model, [Add(LAYER, push)]), torch.inference_mode():
        for part in ids.split([7, 5, *[1] * 8], dim=1):
            found.append(tiny_model.model(part, past_key_values=cache, use_cache=True).logits)
    assert torch.allclose(torch.cat(found, dim=1), expected, atol=1e-4)
    assert not torch.allclose(tiny_model.model(ids).logits, expected, atol=1e-2), "negative control: unsteered"


def test_several_at_several_layers_add_up_in_any_order(tiny_model, push, bae):
    ids, other = tokens(tiny_model), drawn(seed=5)
    plain = at(tiny_model, ids)
    both = [Add(LAYER, push), Clamp(bae, 3, 4.0), Add(LAYER, other, positions="last")]
    length = ids.shape[1]
    states = []
    for order in (both, both[::-1]):
        with steered(tiny_model, order, length):
            states.append(at(tiny_model, ids))
    assert torch.allclose(states[0], states[1], atol=1e-5)
    lacking = 4.0 - bae.autoencoder.encode(plain[0].half().float())[:, 3]
    last = (torch.arange(length) == length - 1)[:, None]
    expected = push + lacking[:, None] * raw_rows(bae.autoencoder)[3] + torch.where(last, other, 0.0)
    assert torch.allclose((states[0] - plain)[0, 1:], expected[1:], atol=2e-5), "each is computed from the state as it arrives"
    with steered(tiny_model, [Add(1, push), Add(3, other)]):
        moved = at(tiny_model, ids, 3)
    by_hand = moved_behind_bos(at(tiny_model, ids, 1), push)
    by_hand = tiny_model._trunk(1, 3)(inputs_embeds=by_hand, use_cache=False).last_hidden_state
    by_hand = moved_behind_bos(by_hand, other)
    assert torch.allclose(moved, by_hand, atol=1e-5)


def test_project_out_leaves_nothing_and_comes_last(tiny_model, push):
    ids = tokens(tiny_model)
    plain = at(tiny_model, ids)[0]
    with steered(tiny_model, [ProjectOut(LAYER, 3 * push), Add(LAYER, push)]):
        found = at(tiny_model, ids)[0]
    unit = push / push.norm()
    assert torch.allclose(found[1:] @ unit, torch.zeros(len(found) - 1), atol=1e-4)
    assert (plain[1:] @ unit).abs().max() > 0.1, "negative control: there was something to take"
    assert torch.allclose(found[1:], plain[1:] - (plain[1:] @ unit)[:, None] * unit, atol=1e-4)
    assert torch.equal(found[0], plain[0])
    with steered(tiny_model, [ProjectOut(LAYER, push, strength=0.5)]):
        assert torch.allclose(at(tiny_model, ids)[0, 1:] @ unit, 0.5 * plain[1:] @ unit, atol=1e-4)


def test_a_block_that_returns_a_tuple(tiny_model, push, monkeypatch):
    block = tiny_model.model.model.layers[LAYER - 1]
    ids, heard = tokens(tiny_model), []
    plain = at(tiny_model, ids)
    forward = block.forward
    monkeypatch.setattr(block, "forward", lambda *inputs, **context: (forward(*inputs, **context), "weights"))
    listener = block.register_forward_hook(lambda _block, _inputs, found: heard.append(found) or found[0])
    try:
        with steered(tiny_model, [Add(LAYER, push)]):
            tiny_model.model(ids)
    finally:
        listener.remove()
    states, others = heard[0]
    assert others == "weights" and torch.allclose((states - plain)[0, 1:], push.expand(ids.shape[1] - 1, -1), atol=2e-5)


@pytest.mark.parametrize(
    ("config", "kind"), [(MistralConfig, MistralForCausalLM), (Qwen2Config, Qwen2ForCausalLM), (Qwen3Config, Qwen3ForCausalLM)]
)
def test_every_readable_architecture(tiny_model, push, config, kind):
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2}
    other = LanguageModel(kind(config(vocab_size=600, head_dim=8, **sizes)), tiny_model.tokenizer, "tiny", "tiny")
    ids = tokens(other)
    plain = at(other, ids)
    with steered(other, [Add(LAYER, push, positions="prompt")], 4):
        moved = at(other, ids) - plain
    place = torch.arange(ids.shape[1])[:, None]
    assert torch.allclose(moved[0], torch.where((place > 0) & (place < 4), push, 0.0), atol=2e-5)
    n_hooks = hooks(other)
    assert output(other, [Add(0, 9 * push)]) != output(other) and hooks(other) == n_hooks


def test_half_precision_is_changed_in_its_own_type(tiny_llama, push):
    model = LanguageModel(
        LlamaForCausalLM.from_pretrained(tiny_llama, dtype=torch.bfloat16), LanguageModel.load(str(tiny_llama), "cpu").tokenizer, "t", "t"
    )
    ids = tokens(model)
    plain = at(model, ids)
    with steered(model, [Add(LAYER, push)]):
        found = at(model, ids)
    assert found.dtype == torch.bfloat16 and torch.equal(found[0, 1:], (plain.float() + push).bfloat16()[0, 1:])


# --------------------------------------------------------------------------------------------------- dictionaries


def codes(lens: Lens, states: torch.Tensor) -> torch.Tensor:
    return lens.autoencoder.encode(states.half().float())


def test_a_flipped_bit_changes_the_residual_by_its_row_of_W_out_scaling_undone(tiny_model, bae):
    ids = tokens(tiny_model, prose(6))[:, :24]
    plain = at(tiny_model, ids)
    on = codes(bae, plain[0])[:, 7].bool()
    assert on[1:].any() and not on[1:].all() and bae.autoencoder.scaling.scale != 1
    with steered(tiny_model, [ChangeBits(bae, [7])]):
        moved = (at(tiny_model, ids) - plain)[0]
    row = bae.autoencoder.W_out[7].detach() / bae.autoencoder.scaling.scale
    for token in range(1, len(moved)):
        assert torch.allclose(moved[token], -row if on[token] else row, atol=2e-5)
    assert torch.equal(moved[0], torch.zeros(32))
    assert not torch.allclose(moved[1].abs(), bae.autoencoder.W_out[7].abs(), atol=1e-3), "negative control: not in scaled units"


@pytest.mark.parametrize("how", ["flip", "set", "clear"])
@pytest.mark.parametrize("name", ["bae", "graded"])
def test_bits_are_spliced(tiny_model, request, name, how):
    """h + decode(code') - decode(code), the codes taken apart and put together bit by bit."""
    lens = request.getfixturevalue(name)
    ids, bits = tokens(tiny_model, prose(6))[:, :24], [0, 4, 5, 11]
    plain = at(tiny_model, ids)
    autoencoder, per = lens.autoencoder, lens.autoencoder.bits_per_feature
    before = codes(lens, plain[0])
    own = autoencoder.bits(before).clone()
    for bit in bits:
        own[:, bit] = {"flip": 1 - own[:, bit], "set": torch.ones(len(own)), "clear": torch.zeros(len(own))}[how]
    places = 2.0 ** torch.arange(per) / (2**per - 1)
    after = (own.view(len(own), -1, per) * places).sum(-1)
    with steered(tiny_model, [ChangeBits(lens, bits, how)]):
        found = at(tiny_model, ids)
    expected = plain[0] + autoencoder.decode(after) - autoencoder.decode(before)
    assert torch.allclose(found[0, 1:], expected[1:], atol=1e-4) and not torch.allclose(found, plain, atol=1e-2)


def test_values_of_every_sae_are_spliced(tiny_model, sae):
    ids = tokens(tiny_model, prose(6))[:, :24]
    plain = at(tiny_model, ids)
    before = codes(sae, plain[0])
    feature = int((before[1:] != 0).sum(0).argmax())
    for intervention, value, share in (
        (Clamp(sae, feature, 2.5), 2.5, 1),
        (Clamp(sae, feature, -1.0), -1.0, 1),
        (Ablate(sae, feature), 0.0, 1),
        (Ablate(sae, feature, strength=0.5), 0.0, 0.5),
    ):
        after = before.clone()
        after[:, feature] = value
        expected = plain[0] + share * (sae.autoencoder.decode(after) - sae.autoencoder.decode(before))
        with steered(tiny_model, [intervention]):
            found = at(tiny_model, ids)[0]
        assert torch.allclose(found[1:], expected[1:], atol=1e-4) and torch.equal(found[0], plain[0, 0])
        assert not torch.allclose(found, plain[0], atol=1e-3), "negative control: something was there to change"


def test_ablating_what_is_silent_changes_nothing(tiny_model, bae):
    ids = tokens(tiny_model, prose(6))[:, :24]
    plain = at(tiny_model, ids)
    off = ~codes(bae, plain[0])[:, 7].bool()
    with steered(tiny_model, [Ablate(bae, 7)]):
        found = at(tiny_model, ids)
    assert torch.equal(found[0][off], plain[0][off]) and not torch.equal(found[0][1:][~off[1:]], plain[0][1:][~off[1:]])


def test_a_feature_is_added_in_its_own_unit_or_in_norms(tiny_model, bae, sae):
    ids = tokens(tiny_model)
    plain = at(tiny_model, ids)
    for lens in (bae, sae):
        row = lens.autoencoder.W_out[5].detach() / lens.autoencoder.written_scaling.scale
        for intervention, expected in ((AddFeature(lens, 5, strength=3), 3 * row), (AddFeature(lens, 5, norm=20.0), 20 * row / row.norm())):
            with steered(tiny_model, [intervention]):
                moved = (at(tiny_model, ids) - plain)[0, 1:]
            assert torch.allclose(moved, expected.expand_as(moved), atol=2e-5)


def test_tokens_that_the_dictionary_drops_are_left_alone(tiny_model, bae, push):
    ids = tokens(tiny_model, prose(6))[:, :24]
    plain = at(tiny_model, ids)
    limit = plain[0].norm(dim=-1).median().item()
    scaling = bae.autoencoder.scaling
    narrow = BinaryAutoencoder(32, FEATURES, Scaling(scaling.mean, scaling.scale, limit), seed=1)
    kept = plain[0].norm(dim=-1) <= limit
    kept[0] = False
    assert kept.any() and not kept[1:].all()
    for intervention in (AddFeature(Lens("n", LAYER, narrow, None, 64), 3), ChangeBits(Lens("n", LAYER, narrow, None, 64), [3])):
        with steered(tiny_model, [intervention]):
            moved = (at(tiny_model, ids) - plain)[0]
        assert (moved != 0).any(-1).tolist() == kept.tolist()
    with steered(tiny_model, [Add(LAYER, push)]):
        assert ((at(tiny_model, ids) - plain)[0, 1:] != 0).any(-1).all(), "a direction of nobody's dictionary goes everywhere"


def test_of_a_transcoder_features_are_added_where_it_writes_and_no_more(tiny_model, scaling):
    written = Scaling(scaling.mean + 1, scaling.scale * 2, math.inf)
    lens = Lens("tc", LAYER, KINDS["transcoder"](32, FEATURES, scaling, written_scaling=written, seed=1), None, 64)
    ids = tokens(tiny_model)
    plain = at(tiny_model, ids)
    with steered(tiny_model, [AddFeature(lens, 4)]):
        moved = (at(tiny_model, ids) - plain)[0, 1:]
    assert torch.allclose(moved, (lens.autoencoder.W_out[4] / (2 * scaling.scale)).expand_as(moved), atol=2e-5)
    for refused in (lambda: Clamp(lens, 4, 1.0), lambda: Ablate(lens, 4)):
        with pytest.raises(ValueError, match=r"tc reads the mlp input of block 2.*can be added, not clamped"):
            refused()


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan])
def test_no_number_no_steering(bae, push, wrong):
    broken = push.clone()
    broken[3] = wrong
    for refused in (
        lambda: Add(LAYER, push, strength=wrong),
        lambda: Add(LAYER, broken),
        lambda: Add(LAYER, push, norm=wrong),
        lambda: ProjectOut(LAYER, broken),
        lambda: AddFeature(bae, 1, strength=wrong),
        lambda: AddFeature(bae, 1, norm=wrong),
        lambda: Clamp(bae, 1, wrong),
        lambda: ChangeBits(bae, [1], strength=wrong),
    ):
        with pytest.raises(ValueError, match="finite"):
            refused()


def test_what_cannot_be_is_refused_with_what_is_allowed(tiny_model, bae, sae, push):
    for refused, match in (
        (lambda: Add(LAYER, push, positions="first"), "all, prompt, generated, last; got 'first'"),
        (lambda: Add(LAYER, torch.zeros(32)), "points nowhere"),
        (lambda: Add(LAYER, push[None]), "one vector"),
        (lambda: Add(LAYER, push, norm=0.0), "above 0"),
        (lambda: AddFeature(bae, FEATURES), f"features 0 to {FEATURES - 1}; got {FEATURES}"),
        (lambda: Clamp(bae, -1, 1.0), "got -1"),
        (lambda: Ablate(bae, 1, 3.0), "Clamp brings it to 3.0"),
        (lambda: ChangeBits(bae, [1], "toggle"), "flip, set, clear; got 'toggle'"),
        (lambda: ChangeBits(bae, []), "at least one of 0 to 23"),
        (lambda: ChangeBits(bae, [1, 1]), "each once"),
        (lambda: ChangeBits(bae, [24]), "0 to 23"),
        (lambda: ChangeBits(sae, [1]), "values, not bits"),
        (lambda: Steering(tiny_model, [Add(5, push)]), "layers 0 to 4; got 5"),
        (lambda: Steering(tiny_model, [Add(-1, push)]), "layers 0 to 4; got -1"),
        (lambda: Steering(tiny_model, [Add(LAYER, torch.ones(31))]), "width 32; this steers states of width 31"),
        (lambda: Steering(tiny_model, [Add(LAYER, push, positions="last")]), "number of tokens of the prompt"),
        (lambda: Steering(tiny_model, [Clamp(bae, 1, 1.0), Ablate(bae, 1)]), "feature 1 of bae is set twice"),
        (lambda: Steering(tiny_model, [Clamp(bae, 1, 1.0), ChangeBits(bae, [0, 1])]), "set twice"),
    ):
        with pytest.raises(ValueError, match=match):
            refused()
    Steering(tiny_model, [Clamp(bae, 1, 1.0, positions="prompt"), Ablate(bae, 1, positions="generated")], 3)
    Steering(tiny_model, [Clamp(bae, 1, 1.0), AddFeature(bae, 1), Ablate(bae, 2)])


def test_a_dictionary_of_a_deeper_or_wider_model_is_refused(tiny_model, bae, scaling):
    with pytest.raises(ValueError, match="layers 0 to 4; got 9"):
        Steering(tiny_model, [AddFeature(Lens("deep", 9, bae.autoencoder, None, 64), 1)])
    wide = Lens("wide", LAYER, BinaryAutoencoder(48, FEATURES, Scaling.raw(48)), None, 64)
    with pytest.raises(ValueError, match="width 48"):
        next(generate_steered(tiny_model, TEXT, [AddFeature(wide, 1)]))


def test_generation_refuses_before_anything_is_steered(tiny_model, push):
    with pytest.raises(ValueError, match="nothing can follow"):
        generate_steered(tiny_model, "sea " * 5000, [Add(LAYER, push)])
