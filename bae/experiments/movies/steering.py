"""Fig. 6 of the paper: does a direction read from examples make a model answer without examples?

    bae steer evaluate --workspace WORKSPACE --layer 15 --samples 512        # keeps WORKSPACE/steering/

Good texts are movie reviews behind 8 demonstrations, bad texts the same reviews behind none; the hidden state of the last token is
read at a layer. The direction, times a strength gamma, is added there to the last token of other reviews without demonstrations, and
what the model would answer is counted.

Results are kept a (method, gamma) at a time, so that a run that was stopped goes on. Another setting, or another checkpoint of a
dictionary, is another file; more strengths belong to the same.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from bae.experiments.movies.answers import answers, answers_to_long, begin
from bae.experiments.movies.prompts import Review, Sets, draw, label_tokens, prompts
from bae.experiments.movies.results import (
    MEANS,
    PROMPTED,
    STAGE,
    Point,
    Results,
    Settings,
    command,
    identity,
    lock_file,
    run_file,
    weights_digest,
)
from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.reading.lenses import load_lenses
from bae.steering.directions import Direction, Examples, directions, read_examples
from bae.steering.interventions import Add
from bae.system.files import locked, written_whole
from bae.system.progress import Progress
from bae.workspace import Workspace

SAID = 5
"""Answers that are kept of a point."""
BUSY = "the movie-review experiment is running in this workspace already; wait until it has ended, or stop it"


def run(workspace: Workspace, settings: Settings, model: LanguageModel | None = None) -> Results:
    """Run all that is not yet kept. The caller holds the model's lock.

    Raises ValueError where no dictionary of the workspace is at the layer, or there are not as many reviews; BlockingIOError while
    another process runs it in this workspace.
    """
    return run_all(workspace, [settings], model)[0]


def run_all(workspace: Workspace, several: Sequence[Settings], model: LanguageModel | None = None) -> list[Results]:
    """The same at several layers. What one of them cannot have is told before the first begins."""
    with locked(lock_file(workspace), BUSY):
        model = model or LanguageModel.load(workspace.recipe.model)
        usable = load_lenses(workspace.folder / "autoencoders", model).usable
        at_layer = [_at_layer(usable, settings.layer) for settings in several]
        sets = [draw(settings.samples, settings.seed) for settings in several]
        return [_run(workspace, *one, model) for one in zip(several, at_layer, sets, strict=True)]


def _at_layer(usable: Mapping[str, Lens], layer: int) -> dict[str, Lens]:
    lenses = {name: lens for name, lens in usable.items() if lens.layer == layer}
    if not lenses:
        layers = sorted({lens.layer for lens in usable.values()})
        raise ValueError(f"no dictionary of this workspace is at layer {layer}; there are some at {layers or 'no layer'}")
    return lenses


def _run(workspace: Workspace, settings: Settings, lenses: Mapping[str, Lens], sets: Sets, model: LanguageModel) -> Results:
    labels = label_tokens(model)
    results = _begun_results(workspace, settings, model, sets, lenses)
    if results.directions and not results.missing():
        return results
    vectors = _vectors(workspace, settings, model, lenses, sets, results)
    _prompted(workspace, settings, model, labels, sets, results)
    _sweep(workspace, settings, model, labels, vectors, sets.test, results)
    return results


def _begun_results(workspace: Workspace, settings: Settings, model: LanguageModel, sets: Sets, lenses: Mapping[str, Lens]) -> Results:
    told = identity(settings, model.title, model.fingerprint, {name: weights_digest(workspace, name) for name in lenses})
    file = run_file(workspace, told)
    positive = sum(review.positive for review in sets.test) / len(sets.test)
    results = Results.read(file) if file.is_file() else Results(file, told | {"gammas": []}, max(positive, 1 - positive))
    results.settings["gammas"] = sorted({*results.settings["gammas"], *settings.gammas})
    if results.missing() or not results.directions:
        results.command, results.machine = command(results.settings), _machine(model)
    return results


def _machine(model: LanguageModel) -> str:
    """What the run's time is told with."""
    device = torch.device(model.device)
    return f"{os.cpu_count()} CPU cores, {torch.cuda.get_device_name(device) if device.type == 'cuda' else 'no GPU'}"


@contextmanager
def _timed(results: Results) -> Iterator[None]:
    """Count the time of the block, then keep the results."""
    began = time.monotonic()
    yield
    results.seconds += time.monotonic() - began
    results.keep()


def _vectors(
    workspace: Workspace, settings: Settings, model: LanguageModel, lenses: Mapping[str, Lens], sets: Sets, results: Results
) -> dict[str, Float[Tensor, " d_model"]]:
    """The directions by method, read from the examples or as an earlier run kept them."""
    file = results.file.with_suffix(".safetensors")
    if file.is_file() and results.directions:
        return {method: vector.to(model.device) for method, vector in load_file(file).items()}
    texts = [prompts(sets.estimation, sets.demonstrations, shots, settings.seed) for shots in (settings.shots, 0)]
    places = list(dict.fromkeys([settings.layer, *(lens.place for lens in lenses.values())]))
    total = sum(len(tokens.ids) for side in texts for tokens in model.tokenize_each(side))
    with _timed(results):
        with Progress("reading examples", total, "tokens", workspace.status_file(STAGE)) as progress:
            good, bad = (read_examples(model, side, places, advance=progress.advance) for side in texts)
        norm = bad.states[settings.layer].norm(dim=-1).square().mean().sqrt().item()
        made = {method: (told, found) for method, told, found in _methods(settings, lenses, good, bad)}
        vectors = {method: found.vector for method, (_, found) in made.items()}
        with written_whole(file) as draft:
            save_file({method: vector.cpu().contiguous() for method, vector in vectors.items()}, draft)
        for method, (told, found) in made.items():
            length, cosine = found.vector.norm().item(), torch.cosine_similarity(found.vector, vectors[MEANS], 0).item()
            results.directions[method] = {"kind": found.method, **told, "length": length, "norms": length / norm, "cosine": cosine}
    return vectors


def _methods(
    settings: Settings, lenses: Mapping[str, Lens], good: Examples, bad: Examples
) -> Iterator[tuple[str, dict[str, object], Direction]]:
    """Every method: each dictionary, the difference of means, and, of the BAEs, signs alone and what is drawn at random."""
    for name, lens in lenses.items():
        found = directions(lens, good, bad, settings.kept, settings.seed)
        told = {"dictionary": name, "draw": None}
        yield name, told, found["features"]
        if lens.autoencoder.discrete:
            yield f"{name}, signs", told, found["sign"]
            for number in range(1, settings.controls + 1):
                drawn = directions(lens, good, bad, settings.kept, settings.seed + number)
                for kind in ("random features", "random direction"):
                    yield f"{name}, {kind} {number}", {"dictionary": name, "draw": number}, drawn[kind]
    yield MEANS, {"dictionary": None, "draw": None}, found[MEANS]


def _prompted(
    workspace: Workspace, settings: Settings, model: LanguageModel, labels: tuple[int, int], sets: Sets, results: Results
) -> None:
    """What prompting does: the tested reviews behind demonstrations, none of which is tested or estimated with."""
    if (PROMPTED, 0.0) in results.known():
        return
    tokens = model.tokenize_each(prompts(sets.test, sets.demonstrations, settings.shots, settings.seed))
    total = sum(len(own.ids) for own in tokens)
    with _timed(results), Progress("demonstrations", total, "tokens", workspace.status_file(STAGE)) as progress:
        logits = answers_to_long(model, tokens, progress.advance)
        results.points.append(_point(model, PROMPTED, 0.0, logits, sets.test, labels))


def _sweep(
    workspace: Workspace,
    settings: Settings,
    model: LanguageModel,
    labels: tuple[int, int],
    vectors: Mapping[str, Tensor],
    tested: Sequence[Review],
    results: Results,
) -> None:
    """Every method at every strength that is not yet known."""
    wanted, known = results.wanted(), results.known()
    left = [one for one in wanted if one not in known]
    if not left:
        return
    begun = begin(model, prompts(tested))
    with Progress("steering", len(wanted), "runs", workspace.status_file(STAGE)) as progress:
        progress.skip(len(wanted) - len(left))
        for method, gamma in left:
            push = [Add(settings.layer, vectors[method], strength=gamma, positions="last")] if gamma else []
            with _timed(results):
                results.points.append(_point(model, method, gamma, answers(model, begun, push), tested, labels))
            progress.advance(1)


def _point(
    model: LanguageModel,
    method: str,
    gamma: float,
    logits: Float[Tensor, "prompt vocabulary"],
    tested: Sequence[Review],
    labels: tuple[int, int],
) -> Point:
    right = torch.tensor([review.positive for review in tested])
    said, positive = logits.argmax(-1), logits[:, labels[1]] > logits[:, labels[0]]
    return Point(
        method,
        gamma,
        tested=len(tested),
        vocabulary=int((said == torch.tensor(labels)[right.long()]).sum()),
        labels=int((positive == right).sum()),
        answered=int(torch.isin(said, torch.tensor(labels)).sum()),
        positive=int(positive.sum()),
        said=_most_said(model, said.tolist()),
    )


def _most_said(model: LanguageModel, tokens: Sequence[int]) -> dict[str, int]:
    """The most frequent texts of tokens. Several tokens may read alike: bytes that are no character by themselves."""
    texts: Counter[str] = Counter()
    for token, count in Counter(tokens).items():
        texts[model.token_text(token)] += count
    return dict(texts.most_common(SAID))
