"""Sets of hidden states: those of many texts at the same few places, kept part by part.

    <folder>/told.json  what was read    <folder>/0000000-0000256.safetensors  the states of 256 texts, fp16, raw, by layer and position

A part is written whole, and what is in it hangs on its texts alone: a harvest that was killed goes on, and one of more texts takes over the
parts of one of fewer. Memory holds one part. Does not know what is measured on a set.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from bae.experiments.entropy.results import digest
from bae.model.language_model import LanguageModel
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.text.contexts import Batch, Context, batches

PART_TEXTS = 256
LAST = -1
"""As a position: the last token of a text."""
GROUP = "group"
Also = Callable[[Mapping[int, Float[Tensor, "text place d_model"]]], dict[str, Tensor]]
"""More to keep of each text, from its states at the places, by layer."""


class Text(NamedTuple):
    """What is read at once."""

    ids: tuple[int, ...]
    """BOS first."""
    group: int
    """Texts of one group are no independent draws: windows of one document."""


@dataclass(frozen=True)
class Places:
    """Where states are taken."""

    layers: tuple[int, ...]
    positions: tuple[int, ...]
    """0 the BOS, p the p-th token behind it, `LAST` the last."""

    def __post_init__(self):
        for name in ("layers", "positions"):
            values = getattr(self, name)
            least = LAST if name == "positions" else 0
            if not values or min(values) < least or len(set(values)) < len(values):
                raise ValueError(f"{name} are different whole numbers from {least} up, at least one; got {list(values)}")

    def check(self, model: LanguageModel) -> None:
        """Raise ValueError where a model has no such layers, or reads no texts of such a length."""
        if max(self.layers) > model.n_layers:
            raise ValueError(f"{model.title} has layers 0 to {model.n_layers}; got {list(self.layers)}")
        longest = model.model.config.max_position_embeddings
        if max(self.positions) >= longest:
            raise ValueError(
                f"{model.title} reads {longest:,} tokens with its BOS, so positions 0 to {longest - 1:,}; got {max(self.positions):,}"
            )


@dataclass(frozen=True)
class StateSets:
    """The states of `texts` texts, on disk."""

    folder: Path
    texts: int

    def states(self, layer: int, position: int) -> Float[Tensor, "text d_model"]:
        """The set at one place, raw, fp16, in the order of the texts."""
        return self.kept(_key(layer, position))

    def groups(self) -> Int[Tensor, " text"]:
        """Which texts belong together."""
        return self.kept(GROUP)

    def kept(self, name: str) -> Tensor:
        """What was kept of every text under a name."""
        parts = []
        for file in self._files():
            with safe_open(file, framework="pt") as part:
                parts.append(part.get_tensor(name))
        return torch.cat(parts)

    def missing(self) -> int:
        """Texts that are not yet read."""
        return sum(stop - start for start, stop in _parts(self.texts) if not _file(self.folder, start, stop).is_file())

    def _files(self) -> Iterator[Path]:
        return (_file(self.folder, start, stop) for start, stop in _parts(self.texts))


def folder_of(base: Path, name: str, model: LanguageModel, places: Places, origin: Mapping[str, object]) -> tuple[Path, dict]:
    """Where states of this origin lie, and what is told of them: another model, place or origin is another folder."""
    told = {**origin, **asdict(places), "model": model.name, "fingerprint": model.fingerprint, "bos_id": model.bos_id}
    told = json.loads(json.dumps(told))
    return base / f"{name}-{digest(told)}", told


def harvest(
    model: LanguageModel,
    texts: Iterable[Text],
    wanted: int,
    places: Places,
    folder: Path,
    told: Mapping[str, object],
    progress: Progress,
    also: Also | None = None,
    also_layers: Sequence[int] = (),
) -> StateSets:
    """Read the first `wanted` texts and keep their states at `places`, and what `also` makes of them with those of `also_layers`.

    `progress` counts tokens. Raises ValueError where there are fewer texts, where a place is beyond the model or a text.
    """
    if wanted < 2:
        raise ValueError(f"an entropy is that of a set, so of at least 2 texts; got {wanted}")
    places.check(model)
    if not (folder / "told.json").is_file():
        write_json(folder / "told.json", dict(told))
    stream = iter(texts)
    for start, stop in _parts(wanted):
        part = list(islice(stream, stop - start))
        if len(part) < stop - start:
            raise ValueError(f"there are {start + len(part):,} texts of this kind; got {wanted:,}")
        tokens = sum(len(text.ids) for text in part)
        file = _file(folder, start, stop)
        if file.is_file():
            progress.skip(tokens)
            continue
        tensors = _read(model, part, places, progress.advance, also, also_layers)
        with written_whole(file) as draft:
            save_file(tensors, draft)
    return StateSets(folder, wanted)


def _read(
    model: LanguageModel, part: list[Text], places: Places, advance: Callable[[int], None], also: Also | None, also_layers: Sequence[int]
) -> dict[str, Tensor]:
    _check_lengths(part, places)
    found: dict[str, Tensor] = {GROUP: torch.tensor([text.group for text in part])}
    for batch in batches([Context("", 0, text.ids, (), "") for text in part]):
        taken = _taken(batch, places.positions).to(model.device)
        states = model.hidden_states(batch.ids, sorted({*places.layers, *also_layers}), batch.mask)
        there = {layer: hidden[torch.arange(len(hidden), device=model.device)[:, None], taken] for layer, hidden in states.items()}
        kept = {
            _key(layer, position): there[layer][:, column].half().cpu()
            for layer in places.layers
            for column, position in enumerate(places.positions)
        }
        for name, values in {**kept, **(also(there) if also else {})}.items():
            if name not in found:
                found[name] = torch.empty(len(part), *values.shape[1:], dtype=values.dtype)
            found[name][batch.rows] = values
        advance(sum(len(part[row].ids) for row in batch.rows))
    return found


def _check_lengths(part: list[Text], places: Places) -> None:
    shortest = min(len(text.ids) for text in part)
    if max(places.positions) >= shortest:
        raise ValueError(f"a text of {shortest} tokens, its BOS among them, has no position {max(places.positions)}")


def _taken(batch: Batch, positions: Sequence[int]) -> Int[Tensor, "text place"]:
    """Where in the padded batch the positions of every text are."""
    lengths = torch.full((len(batch.ids),), batch.ids.shape[1]) if batch.mask is None else batch.mask.sum(-1)
    return torch.stack([lengths - 1 if position == LAST else torch.full_like(lengths, position) for position in positions], dim=-1)


def _parts(texts: int) -> Iterator[tuple[int, int]]:
    return ((start, min(start + PART_TEXTS, texts)) for start in range(0, texts, PART_TEXTS))


def _file(folder: Path, start: int, stop: int) -> Path:
    return folder / f"{start:07}-{stop:07}.safetensors"


def _key(layer: int, position: int) -> str:
    return f"layer.{layer}.{'last' if position == LAST else f'position.{position}'}"


def spread(n_layers: int, count: int, last: bool = False) -> tuple[int, ...]:
    """`count` layers evenly spaced from the embeddings up, the `last` block's among them or not; all where there are fewer."""
    end = n_layers if last else n_layers * (count - 1) / count
    return tuple(dict.fromkeys(round(number * end / max(count - 1, 1)) for number in range(count)))
