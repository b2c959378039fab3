"""What a push does, measured at one strength: on a text that is held fixed, and on the text that the model then writes.

Held fixed is each prompt with what the plain model writes behind it, so that both models see the same tokens (teacher forcing):
KL divergence of the next-token distributions, the target feature, and how many other features the push switches. What the steered
model writes is read back by the plain model: does the text show the feature, how likely is it, does it repeat itself.

A feature fires where its code is not 0. Its strength is the distance of a bit from its threshold, else its value.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from bae.model.generation import GenerationConfig
from bae.model.language_model import LanguageModel, Place
from bae.reading.inspection import Lens
from bae.steering.dose_results import MOST_CHANGED, OFTEN, Changed, Point, Row, SideEffects
from bae.steering.dose_settings import MOST_PROMPT_TOKENS, Settings
from bae.steering.hooks import Steering
from bae.steering.interventions import Intervention
from bae.steering.plan import FeatureStep
from bae.steering.repetition import distinct, repeated
from bae.steering.writing_together import write_together
from bae.text.contexts import Context, batches

AT_ONCE = 256
"""Tokens whose distributions over the vocabulary are in memory at a time."""
Advance = Callable[[int], None]


class TooStrong(ValueError):
    """A push at which hidden states are no longer numbers."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What is looked at, whatever the strength."""

    model: LanguageModel
    lens: Lens
    """The dictionary that the plan steers with."""
    feature: int | None
    """The one that is followed; None where the plan names none."""
    pushed: Mapping[str, tuple[int, ...]]
    """By dictionary the features that are steered themselves: what happens to them is no side effect."""
    later: Lens | None
    prompts: tuple[tuple[int, ...], ...]
    """Tokens, BOS first."""
    first: tuple[int, ...]
    """Of each text the first token that a push reaches: figures of the fixed text are taken from there on."""
    config: GenerationConfig

    @property
    def places(self) -> list[int | Place]:
        """The states that are read in every pass."""
        later = [] if self.later is None else [self.later.place]
        return list(dict.fromkeys([self.lens.place, self.lens.layer, *later, self.model.n_layers]))


class Text(NamedTuple):
    """A prompt and what was written behind it, with its states; a pass each is in `places`."""

    ids: tuple[int, ...]
    states: Mapping[int | Place, Float[Tensor, "token d_model"]]


class Look(NamedTuple):
    """What a dictionary makes of the tokens of a text."""

    fires: Bool[Tensor, "token feature"]
    strength: Float[Tensor, "token unit"]
    read: Bool[Tensor, " token"]
    """False for the BOS and for tokens that the dictionary drops because of their norm."""


def subject(model: LanguageModel, lenses: Mapping[str, Lens], settings: Settings) -> Subject:
    """What `settings` ask to look at. Raises ValueError for dictionaries that are not there or cannot be swept, and prompts too long."""
    step = settings.target or settings.steps[0]
    missing = [name for name in (step.dictionary, settings.later) if name is not None and name not in lenses]
    if missing:
        raise ValueError(f"there is no dictionary {missing[0]!r} that fits this model; there are: {', '.join(lenses) or 'none'}")
    lens, later = lenses[step.dictionary], None if settings.later is None else lenses[settings.later]
    if lens.layer == 0:
        raise ValueError(f"{lens.name} reads the embeddings, which cannot be read steered; choose a dictionary of layer 1 or above")
    if later is not None and later.layer <= lens.layer:
        raise ValueError(f"side effects further up need a layer above {lens.layer}; {later.name} is at layer {later.layer}")
    pushed = {dictionary: _pushed(settings, dictionary) for dictionary in (lens.name, *([later.name] if later else []))}
    prompts = _prompts(model, settings)
    first = tuple(min(_first(one.positions, len(prompt)) for one in settings.steps) for prompt in prompts)
    config = GenerationConfig(settings.max_tokens, settings.temperature, settings.seed)
    feature = step.feature if isinstance(step, FeatureStep) else None
    return Subject(model, lens, feature, pushed, later, prompts, first, config)


def _prompts(model: LanguageModel, settings: Settings) -> tuple[tuple[int, ...], ...]:
    room = min(model.model.config.max_position_embeddings - settings.max_tokens, MOST_PROMPT_TOKENS)
    prompts = tuple(tokens.ids for tokens in model.tokenize_each(settings.prompts))
    for number, prompt in enumerate(prompts, start=1):
        if len(prompt) > room:
            raise ValueError(
                f"prompt {number} has {len(prompt):,} tokens; with {settings.max_tokens} tokens to follow, a sweep on {model.title} "
                f"takes prompts of at most {room:,}"
            )
    return prompts


def _pushed(settings: Settings, dictionary: str) -> tuple[int, ...]:
    return tuple(sorted({one.feature for one in settings.steps if isinstance(one, FeatureStep) and one.dictionary == dictionary}))


def _first(positions: str, prompt: int) -> int:
    return {"all": 1, "prompt": 1, "last": prompt - 1, "generated": prompt}[positions]


# measuring


def write_plain(subject: Subject, advance: Advance = lambda tokens: None) -> list[tuple[int, ...]]:
    """What the model writes behind the prompts when nobody steers it."""
    return write_together(subject.model, subject.prompts, [], subject.config, advance)


def read_plain(subject: Subject, written: Sequence[tuple[int, ...]], advance: Advance = lambda tokens: None) -> list[Text]:
    """Each prompt with what was written behind it, read by the plain model."""
    return _read(subject, [prompt + own for prompt, own in zip(subject.prompts, written, strict=True)], [], advance)


@torch.inference_mode()
def plain_point(subject: Subject, plain: Sequence[Text]) -> Point:
    """Strength 0, which all kinds share: the plain texts against themselves."""
    began = time.monotonic()
    rows, own, later = _against(subject, plain, plain)
    return Point("plain", 0.0, 0.0, _with_written(subject, rows, plain), own, later, time.monotonic() - began)


@torch.inference_mode()
def measure(
    subject: Subject,
    plain: Sequence[Text],
    how: str,
    amount: float,
    interventions: Sequence[Intervention],
    advance: Advance = lambda tokens: None,
) -> Point:
    """One point: what these interventions do. The caller holds the model's lock.

    Raises TooStrong where the push is so strong that there are no numbers left.
    """
    began = time.monotonic()
    steered = _read(subject, [text.ids for text in plain], interventions, advance)
    _check_finite(subject, plain, steered, how, amount)
    rows, own, later = _against(subject, plain, steered)
    written = read_plain(subject, write_together(subject.model, subject.prompts, interventions, subject.config, advance), advance)
    return Point(how, amount, _moved(subject, plain, steered), _with_written(subject, rows, written), own, later, time.monotonic() - began)


def _read(subject: Subject, texts: Sequence[tuple[int, ...]], interventions: Sequence[Intervention], advance: Advance) -> list[Text]:
    found: list[Text | None] = [None] * len(texts)
    # what an MLP reads is read apart, each by itself: read along, it would leave the push of its block out (`bae.steering.hooks`)
    residual = [place for place in subject.places if not isinstance(place, Place)]
    apart = [[place] for place in subject.places if isinstance(place, Place)]
    for batch in batches([Context("", 0, ids, (), "") for ids in texts]):
        prompt_tokens = [len(subject.prompts[row]) for row in batch.rows]
        with Steering(subject.model, interventions, prompt_tokens).applied():
            states = {}
            for places in (residual, *apart):
                states |= subject.model.hidden_states(batch.ids, places, batch.mask)
        for line, row in enumerate(batch.rows):
            ids = texts[row]
            found[row] = Text(ids, {place: own[line, : len(ids)].clone() for place, own in states.items()})
        advance(sum(len(texts[row]) for row in batch.rows))
    return found


def _check_finite(subject: Subject, plain: Sequence[Text], steered: Sequence[Text], how: str, amount: float) -> None:
    places = [lens.place for lens in (subject.lens, subject.later) if lens]
    for before, after in zip(plain, steered, strict=True):
        # in fp16, as dictionaries are given them; a plain state may be beyond that by itself
        lost = (before.states[place].half().isfinite() & ~after.states[place].half().isfinite() for place in places)
        if any(map(torch.any, lost)):
            raise TooStrong(f"{how} at {amount:g} pushes hidden states further than numbers go")


# the fixed text


def _against(subject: Subject, plain: Sequence[Text], steered: Sequence[Text]) -> tuple[list[Row], SideEffects, SideEffects | None]:
    """Figures of the fixed texts by prompt, and the side effects over all of them."""
    own = _Switched(subject.lens, subject.pushed[subject.lens.name])
    later = None if subject.later is None else _Switched(subject.later, subject.pushed[subject.later.name])
    rows = []
    for first, before, after in zip(subject.first, plain, steered, strict=True):
        old, new = look(subject.lens, before.states), look(subject.lens, after.states)
        # the tokens that the plain pass reads, so that all strengths are told of the same ones
        read = _read_from(old, first)
        rows.append(
            Row(
                kl=_mean(divergence(subject.model, after, before, first)),
                fires=_of_feature(new.fires, read, subject.feature),
                strength=_of_feature(new.strength, read, subject.feature),
                others=own.take(old, new, first),
                later=later and later.take(look(later.lens, before.states), look(later.lens, after.states), first),
            )
        )
    return rows, own.told(), later and later.told()


def divergence(model: LanguageModel, steered: Text, plain: Text, first: int = 1) -> Float[Tensor, " token"]:
    """KL(steered || plain) of the next token behind every token from `first` on, in nats, >= 0.

    `sum_w p(w) (log p(w) - log q(w))` with p of the steered model and q of the plain one, over the whole vocabulary.
    """
    layer, found = model.n_layers, []
    for begin in range(first, len(plain.ids), AT_ONCE):
        p, q = (
            model.continued(text.states[layer][None, begin : begin + AT_ONCE], layer)[0].float().log_softmax(-1)
            for text in (steered, plain)
        )
        found.append((p.exp() * (p - q)).sum(-1))
    return torch.cat(found).clamp(min=0).cpu() if found else torch.empty(0)


def look(lens: Lens, states: Mapping[int | Place, Float[Tensor, "token d_model"]]) -> Look:
    """What a dictionary makes of states at its place, BOS first."""
    # as the harvest stores them, so that this and the pages agree
    own, autoencoder = states[lens.place].half().float(), lens.autoencoder
    read = autoencoder.scaling.keeps(own)
    read[0] = False
    margin = autoencoder.margin(own)
    code = autoencoder.activation(margin)
    return Look(code != 0, margin if autoencoder.binary else code, read)


def _read_from(looked: Look, first: int) -> Int[Tensor, " read"]:
    """The tokens from `first` on that a dictionary reads."""
    return looked.read[first:].nonzero().flatten() + first


class _Switched:
    """Counts on how many tokens each feature of a dictionary fires in one pass and not in the other."""

    def __init__(self, lens: Lens, without: Sequence[int] = ()):
        self.lens, self.without, self.tokens = lens, list(without), 0
        none = torch.zeros(lens.autoencoder.n_features, dtype=torch.long, device=lens.autoencoder.W_out.device)
        self.switched, self.before, self.after = none, none, none

    def take(self, old: Look, new: Look, first: int) -> float | None:
        """Count one text; the mean number of features that are switched on one of its tokens, None where it has none to read."""
        read = _read_from(old, first)
        before, after = old.fires[read], new.fires[read]
        differ = before != after
        differ[:, self.without] = False
        self.tokens += len(read)
        self.switched, self.before, self.after = self.switched + differ.sum(0), self.before + before.sum(0), self.after + after.sum(0)
        return differ.sum().item() / len(read) if len(read) else None

    def told(self) -> SideEffects:
        """What was counted."""
        tokens = max(self.tokens, 1)
        share = self.switched / tokens
        most = [feature for feature in share.argsort(descending=True, stable=True)[:MOST_CHANGED].tolist() if share[feature] > 0]
        changed = [Changed(f, share[f].item(), self.before[f].item() / tokens, self.after[f].item() / tokens) for f in most]
        return SideEffects(self.lens.name, self.tokens, int((share >= OFTEN).sum()), int((share > 0).sum()), tuple(changed))


def _moved(subject: Subject, plain: Sequence[Text], steered: Sequence[Text]) -> float:
    """How far hidden states at the dictionary's layer move, where they do: mean length of the difference, in raw units."""
    layer = subject.lens.layer
    lengths = torch.cat([(new.states[layer] - old.states[layer]).norm(dim=-1) for old, new in zip(plain, steered, strict=True)])
    return _mean(lengths[lengths > 0]) or 0.0


# the written text


def _with_written(subject: Subject, rows: Sequence[Row], texts: Sequence[Text]) -> tuple[Row, ...]:
    """The rows with the figures of what was written behind each prompt, as the plain model reads it."""
    return tuple(_add_written(subject, row, len(prompt), text) for row, prompt, text in zip(rows, subject.prompts, texts, strict=True))


def _add_written(subject: Subject, row: Row, prompt: int, text: Text) -> Row:
    looked, written = look(subject.lens, text.states), text.ids[prompt:]
    read = _read_from(looked, prompt)
    return row._replace(
        written_fires=_of_feature(looked.fires, read, subject.feature),
        written_strength=_of_feature(looked.strength, read, subject.feature),
        surprise=_mean(surprise(subject.model, text, prompt)),
        repeated=repeated(written),
        distinct=distinct(written),
        written=written,
        text=subject.model.tokenizer.decode(written, clean_up_tokenization_spaces=False),
    )


def surprise(model: LanguageModel, text: Text, prompt: int) -> Float[Tensor, " token"]:
    """`-log q` of every token behind the prompt under the model whose states these are, in nats; perplexity is `exp` of its mean."""
    layer, found = model.n_layers, []
    for begin in range(prompt - 1, len(text.ids) - 1, AT_ONCE):
        wanted = torch.tensor(text.ids[begin + 1 : begin + 1 + AT_ONCE], device=model.device)
        logits = model.continued(text.states[layer][None, begin : begin + len(wanted)], layer)[0].float()
        found.append(-logits.log_softmax(-1).gather(-1, wanted[:, None])[:, 0])
    return torch.cat(found).cpu() if found else torch.empty(0)


def _of_feature(values: Tensor, tokens: Tensor, feature: int | None) -> float | None:
    return None if feature is None else _mean(values[tokens, feature].float())


def _mean(values: Tensor) -> float | None:
    return values.float().mean().item() if values.numel() else None
