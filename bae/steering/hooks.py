"""Interventions at work: hooks on the blocks of a language model that change the residual stream, and are gone afterwards.

Whoever steers holds the lock of the model: hooks act on every pass that is made meanwhile. That includes reads. The trunks of
`LanguageModel.hidden_states` share the blocks, so what is read while steering is the steered state, with two exceptions: layer 0,
which is steered on its way into the first block, is read as it was; and so is the hidden state after block l where the input of the
MLP of that block is read along.

A token is told by the position that the model itself gives it, not by counting passes: caches, prompts that are read in parts, batches
that are padded, and several texts one after the other need nothing. The prompt ends where `prompt_tokens` says, BOS included; of
batches of unequal prompts it says it for every row.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import combinations
from weakref import WeakSet

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from bae.model.language_model import LanguageModel
from bae.steering.interventions import Intervention, ProjectOut

_APART = ({"prompt", "generated"}, {"last", "generated"})
"""Positions that have no token in common."""
_steered: WeakSet[nn.Module] = WeakSet()
"""Models with hooks on, now."""


class Steering:
    """Interventions on one model, checked once, to be applied to any number of passes.

    At a layer all are computed from the state as it arrives, and their changes add up, in whatever order; only
    `ProjectOut` comes after, each on what the one before left. Interventions of strength 0 are left out: nothing is computed.
    Raises ValueError for what cannot be: a layer or width that the model lacks, positions that need `prompt_tokens` without it,
    two interventions that set one feature at the same tokens.
    """

    def __init__(self, model: LanguageModel, interventions: Sequence[Intervention], prompt_tokens: int | Sequence[int] | None = None):
        self.model = model
        self._layers: dict[int, list[Intervention]] = defaultdict(list)
        for intervention in interventions:
            intervention.check(model)
            if intervention.positions != "all" and prompt_tokens is None:
                raise ValueError(f"positions {intervention.positions!r} need the number of tokens of the prompt; only 'all' does without")
            if intervention.strength != 0:
                self._layers[intervention.layer].append(intervention)
        for one, other in combinations(interventions, 2):
            _check_together(one, other)
        self._prompt = None if prompt_tokens is None else torch.tensor(prompt_tokens, device=model.device).view(-1, 1)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Steer the passes inside the block. Hooks are removed however it ends.

        Raises RuntimeError where the model is being steered already: somebody does not hold its lock.
        """
        if not self._layers:
            yield
            return
        module = self.model.model
        if module in _steered:
            raise RuntimeError("the model is being steered already; whoever steers holds its lock until the end")
        with ExitStack() as stack:
            _steered.add(module)
            stack.callback(_steered.discard, module)
            for layer, interventions in self._layers.items():
                stack.callback(self._hook(layer, interventions).remove)
            yield

    def _hook(self, layer: int, interventions: list[Intervention]) -> torch.utils.hooks.RemovableHandle:
        blocks = self.model.model.model.layers

        def after_block(_block, _inputs, context: dict, output: Tensor | tuple) -> Tensor | tuple:
            states = output[0] if isinstance(output, tuple) else output
            states = self._changed(states, context["position_ids"], interventions)
            return (states, *output[1:]) if isinstance(output, tuple) else states

        def before_blocks(_block, inputs: tuple, context: dict) -> tuple[tuple, dict]:
            states, *others = inputs
            return (self._changed(states, context["position_ids"], interventions), *others), context

        # before all other hooks, so that whoever listens hears the steered state
        if layer == 0:
            return blocks[0].register_forward_pre_hook(before_blocks, with_kwargs=True, prepend=True)
        return blocks[layer - 1].register_forward_hook(after_block, with_kwargs=True, prepend=True)

    def _changed(
        self,
        states: Float[Tensor, "context token d_model"],
        positions: Int[Tensor, "context|1 token"],
        interventions: list[Intervention],
    ) -> Float[Tensor, "context token d_model"]:
        """The states with all changes, bit for bit as they were at tokens that none reaches."""
        before = states.float()
        after, reached = before.clone(), torch.zeros_like(states[..., 0], dtype=torch.bool)
        for intervention in sorted(interventions, key=lambda one: isinstance(one, ProjectOut)):
            where = self._reached(before, positions, intervention)
            source = after if isinstance(intervention, ProjectOut) else before
            if where.any():
                after[where] += intervention.change(source[where])
                reached |= where
        return torch.where(reached[..., None], after.to(states.dtype), states)

    def _reached(self, states: Tensor, positions: Tensor, intervention: Intervention) -> Bool[Tensor, "context token"]:
        """The tokens that an intervention changes."""
        reached = positions > 0
        if intervention.positions != "all":
            end = self._prompt
            if len(end) not in (1, len(states)):
                raise ValueError(f"prompt_tokens tells of {len(end)} texts, and {len(states)} are being read")
            masks = {"prompt": positions < end, "generated": positions >= end, "last": positions == end - 1}
            reached = reached & masks[intervention.positions]
        if intervention.lens is None:
            return reached.expand(states.shape[:2])
        return reached & intervention.lens.autoencoder.written_scaling.keeps(states)


def steered(
    model: LanguageModel, interventions: Sequence[Intervention], prompt_tokens: int | Sequence[int] | None = None
) -> AbstractContextManager[None]:
    """Change the residual stream of `model` inside a `with` block: `Steering(...).applied()`. The caller holds the model's lock."""
    return Steering(model, interventions, prompt_tokens).applied()


def _check_together(one: Intervention, other: Intervention) -> None:
    """Raise ValueError where both bring the same feature to a value at the same tokens: only one can have its way."""
    if one.lens is None or other.lens is None or one.lens.name != other.lens.name or {one.positions, other.positions} in _APART:
        return
    both = sorted(one.sets & other.sets)
    if both:
        raise ValueError(f"feature {both[0]} of {one.lens.name} is set twice at the same tokens; set each feature once")
