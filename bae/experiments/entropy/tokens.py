"""Appendix B and Fig. 11 of the paper: sets of hidden states whose entropy is known, since the texts are drawn at random.

    bae entropy tokens --workspace WORKSPACE              # keeps WORKSPACE/entropy/

A text is r tokens, each one of two words with even odds, so texts have an entropy of r bits, and states of the last token, which
sees all r, at most that: what the model forgot on the way is missing. A model is causal, so the states of r tokens are those at
position r of longer texts, and one reading serves every r. The paper takes the tokens of index 0 and 1; in SmolLM2 these are
special, so two words stand for them.

With n texts, an estimate that counts patterns (`texts_bits` here, of the texts that were drawn) stops at log2 n; the marginal
entropy of a BAE's bits does not.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Bool
from torch import Tensor

from bae.experiments.entropy import forecast as entropy_forecast
from bae.experiments.entropy.forecast import Forecast, ToRead
from bae.experiments.entropy.results import Results, alone, begun
from bae.experiments.entropy.set_entropy import SetOf, measure, spelled
from bae.experiments.entropy.set_training import Training
from bae.experiments.entropy.state_sets import Places, StateSets, Text, folder_of, harvest
from bae.model.language_model import LanguageModel
from bae.system.progress import Progress
from bae.workspace import Workspace

EXPERIMENT = "tokens"
STAGE = f"entropy-{EXPERIMENT}"
DEPTH = 0.75
"""Where the paper reads, layer 12 of 16, as a share of the depth."""


@dataclass(frozen=True)
class Settings:
    """What is read and trained."""

    texts: int = 8192
    """Hidden states of a set."""
    ranks: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    """r: tokens of a text, bits of its entropy. 0 is the BOS alone, a constant."""
    expansions: tuple[int, ...] = (1, 2)
    layer: int | None = None
    """None: at three quarters of the depth."""
    words: tuple[str, str] = (" cat", " dog")
    """Each one token of the model, the space before it included; two whose states are of ordinary length. After " river" or " stone" at
    the begin of a text SmolLM2's are a hundred times longer, are dropped, and the rest has another entropy: see `dropped` of a row."""
    seed: int = 0
    training: Training = field(default_factory=Training)

    def __post_init__(self):
        if self.texts < 2:
            raise ValueError(f"an entropy is that of a set, so of at least 2 texts; got {self.texts}")
        if not self.ranks or min(self.ranks) < 0 or any(one >= other for one, other in pairwise(self.ranks)):
            raise ValueError(f"ranks are whole numbers from 0 up, rising, at least one; got {list(self.ranks)}")
        if not self.expansions or min(self.expansions) < 1:
            raise ValueError(f"expansions are whole numbers from 1 up, at least one; got {list(self.expansions)}")


def settled(settings: Settings, model: LanguageModel) -> Settings:
    """The settings with what was left open filled in."""
    return replace(settings, layer=round(DEPTH * model.n_layers) if settings.layer is None else settings.layer)


def choices(settings: Settings) -> Bool[Tensor, "text token"]:
    """Which of the two words every token is, drawn evenly."""
    generator = torch.Generator().manual_seed(settings.seed)
    return torch.rand(settings.texts, max(settings.ranks), generator=generator) < 0.5


def word_tokens(model: LanguageModel, words: tuple[str, str]) -> tuple[int, int]:
    """The tokens of the two words. Raises ValueError where one is several tokens, or special, or both are one."""
    found = [model.tokenize(word).ids[1:] for word in words]
    special = set(model.tokenizer.all_special_ids)
    if any(len(ids) != 1 or ids[0] in special for ids in found) or found[0] == found[1]:
        counts = ", ".join(f"{word!r} is {len(ids)}" for word, ids in zip(words, found, strict=True))
        raise ValueError(f"two different words of one ordinary token each are needed; for {model.title} {counts}")
    return found[0][0], found[1][0]


def run(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Results:
    """Read and train all that is not yet kept.

    Raises ValueError where the model has no such layer, position or words; BlockingIOError while another experiment
    runs in this workspace.
    """
    with alone(workspace, EXPERIMENT):
        return _run(workspace, settings, model or LanguageModel.load(workspace.recipe.model))


def _run(workspace: Workspace, settings: Settings, model: LanguageModel) -> Results:
    settings = settled(settings, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=len(settings.ranks) * len(settings.expansions))
    if results.finished:
        return results
    with results.timed():
        sets, drawn = read(workspace, settings, model), choices(settings)
    known = {rank: texts_bits(drawn[:, :rank]) for rank in settings.ranks}
    for expansion in settings.expansions:
        group = [
            SetOf({"expansion": expansion, "rank": rank, "texts_bits": known[rank]}, partial(sets.states, settings.layer, rank))
            for rank in settings.ranks
        ]
        training = replace(settings.training, expansion=expansion)
        measure(results, [group], sets.groups(), training, settings.seed, workspace.status_file(STAGE))
    return results


def read(workspace: Workspace, settings: Settings, model: LanguageModel) -> StateSets:
    """Read what is not yet there of the texts of settled settings."""
    words, (folder, told) = word_tokens(model, settings.words), _folder(workspace, settings, model)
    total = settings.texts * (max(settings.ranks) + 1)
    with Progress("reading drawn texts", total, "tokens", workspace.status_file(STAGE)) as progress:
        return harvest(model, _texts(model, settings, words), settings.texts, _places(settings), folder, told, progress)


def _places(settings: Settings) -> Places:
    return Places((settings.layer,), settings.ranks)


def _folder(workspace: Workspace, settings: Settings, model: LanguageModel) -> tuple[Path, dict]:
    # how many texts there are decides each: they are drawn together
    origin = {"words": settings.words, "texts": settings.texts, "seed": settings.seed}
    return folder_of(workspace.folder / "entropy" / "states", EXPERIMENT, model, _places(settings), origin)


def _texts(model: LanguageModel, settings: Settings, words: tuple[int, int]) -> Iterator[Text]:
    for number, row in enumerate(choices(settings).tolist()):
        yield Text((model.bos_id, *(words[second] for second in row)), number)


def texts_bits(drawn: Bool[Tensor, "text token"]) -> float:
    """Entropy of the texts that were drawn, by counting them: bits, at most their number of tokens and log2 of their number."""
    counts = torch.tensor(list(Counter(map(tuple, drawn.tolist())).values()), dtype=torch.float64)
    share = counts / counts.sum()
    return -(share * share.log2()).sum().item() + 0.0


def forecast(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Forecast:
    """What `run` will still take."""
    model = model or LanguageModel.load(workspace.recipe.model)
    settings = settled(settings, model)
    word_tokens(model, settings.words)
    _places(settings).check(model)
    results, length = begun(workspace, EXPERIMENT, settings, model, wanted=1), max(settings.ranks) + 1
    left = [expansion for expansion in settings.expansions if not results.has(expansion=expansion)]
    tokens = StateSets(_folder(workspace, settings, model)[0], settings.texts).missing() * length
    groups = [(len(settings.ranks), replace(settings.training, expansion=expansion)) for expansion in left]
    return entropy_forecast.measure(model, ToRead(tokens, length, (settings.layer,), settings.texts, len(settings.ranks)), groups)


def line(row: Mapping[str, object]) -> str:
    """A row in words."""
    return f"expansion {row['expansion']:>2}  r {row['rank']:>3}  {spelled(row)}"
