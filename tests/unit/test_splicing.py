"""Losses with hidden states replaced, against hooks on the whole model."""

import math

import pytest
import torch

from bae.model.language_model import place
from bae.model.splicing import splice
from bae.reading.inspection import Lens
from bae.states.scaling import Scaling
from bae.text.contexts import Context
from tests.conftest import prose


class Stub(torch.nn.Module):
    """A dictionary that writes what `change` makes of what it reads."""

    def __init__(self, d_model, change, site="residual"):
        super().__init__()
        self.change, self.site = change, site
        self.scaling = self.written_scaling = Scaling.raw(d_model)

    def encode(self, states):
        return states

    def decode(self, code):
        return self.change(code)


@pytest.fixture
def group(tiny_model):
    found = []
    for seed, length in ((0, 12), (1, 12), (2, 9)):
        tokens = tiny_model.tokenize(prose(seed), length)
        found.append(Context("d", 0, tokens.ids, tokens.spans, tokens.text))
    return found


def lens(model, change, layer=2, site="residual"):
    return Lens("stub", layer, Stub(model.d_model, change, site), None, 32)


def by_hooks(model, group, layer, change) -> float:
    """Mean loss of predicting every token from the second behind the BOS, states after block `layer` changed behind position 0."""
    total = tokens = 0
    for context in group:
        ids = torch.tensor([context.ids])

        def replace(_module, _inputs, output):
            states = output[0] if isinstance(output, tuple) else output
            states = torch.cat([states[:, :1], change(states[:, 1:])], dim=1)
            return (states, *output[1:]) if isinstance(output, tuple) else states

        hook = model.model.model.layers[layer - 1].register_forward_hook(replace)
        with torch.inference_mode():
            log_p = model.model(ids).logits.log_softmax(-1)
        hook.remove()
        for position in range(1, len(context.ids) - 1):
            total -= log_p[0, position, context.ids[position + 1]].item()
            tokens += 1
    return total / tokens


@pytest.mark.parametrize("layer", [1, 2, 4])
def test_losses_are_those_of_a_model_with_hooks(tiny_model, group, layer):
    half = lambda states: states * 0.5  # noqa: E731
    found = splice(tiny_model, {"half": lens(tiny_model, half, layer)}, group)["half"]
    assert found.ce == pytest.approx(by_hooks(tiny_model, group, layer, lambda states: states), rel=1e-5)
    assert found.ce_spliced == pytest.approx(by_hooks(tiny_model, group, layer, half), rel=1e-5)
    assert found.ce_zero == pytest.approx(by_hooks(tiny_model, group, layer, torch.zeros_like), rel=1e-5)
    assert found.tokens == sum(len(context.ids) - 2 for context in group)
    assert found.delta_ce == pytest.approx(found.ce_spliced - found.ce) and found.delta_ce != 0


def test_what_changes_nothing_costs_nothing(tiny_model, group):
    lenses = {"identity": lens(tiny_model, lambda x: x), "zero": lens(tiny_model, torch.zeros_like)}
    found = splice(tiny_model, lenses, group)
    assert found["identity"].delta_ce == pytest.approx(0, abs=1e-6) and found["identity"].ce_score == pytest.approx(1, abs=1e-4)
    assert found["zero"].ce_score == pytest.approx(0, abs=1e-6)


def test_dropped_tokens_keep_their_own_state(tiny_model, group):
    """Negative control: with a norm limit that drops every token, even a dictionary of noise costs nothing."""
    noise = lens(tiny_model, lambda x: torch.full_like(x, 9.0))
    assert splice(tiny_model, {"noise": noise}, group)["noise"].delta_ce != 0
    noise.autoencoder.scaling = noise.autoencoder.written_scaling = Scaling(torch.zeros(tiny_model.d_model), 1.0, 0.0)
    assert splice(tiny_model, {"noise": noise}, group)["noise"].delta_ce == pytest.approx(0, abs=1e-6)


def test_a_transcoder_replaces_the_state_after_its_block(tiny_model, group):
    constant = lambda x: torch.full_like(x, 0.3)  # noqa: E731
    found = splice(tiny_model, {"t": lens(tiny_model, constant, 2, "mlp_input")}, group)["t"]
    assert found.ce_spliced == pytest.approx(by_hooks(tiny_model, group, 2, constant), rel=1e-5)
    assert place(2, "mlp_input") != 2 and math.isfinite(found.ce_score)


def test_nothing_to_predict_is_said(tiny_model, group):
    with pytest.raises(ValueError, match="two tokens"):
        splice(tiny_model, {"s": lens(tiny_model, lambda x: x)}, [group[0]._replace(ids=group[0].ids[:2])])
