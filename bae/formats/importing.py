"""`bae import`: another project's dictionary becomes a checkpoint of a workspace, after a preflight on held-out text."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from bae.autoencoder import Pair, checkpoint
from bae.autoencoder.checkpoint import Provenance
from bae.formats import detect, preflight, saelens_export
from bae.formats.foreign import Foreign
from bae.formats.preflight import Fit, Rounding
from bae.measures.evaluation import evaluate
from bae.model.language_model import LanguageModel, place
from bae.names import check_dictionary_name
from bae.states.harvest import HiddenStates
from bae.text import contexts, corpus
from bae.text.contexts import Context
from bae.workspace import Workspace

SAMPLE_TOKENS = 8192
"""Hidden states that a prior is measured on where the workspace has no held-out harvest of the layer."""


def import_dictionary(
    workspace: Workspace,
    source: str,
    name: str,
    *,
    layer: int | None = None,
    anyway: bool = False,
    replace: bool = False,
    say: Callable[[str], None] = print,
) -> Path:
    """Write the checkpoint of a foreign dictionary into the workspace, and say what was found on the way. Gives its folder.

    Raises ValueError for what cannot be read or does not fit the model, FileExistsError for a name that is taken.
    """
    _check_name(workspace, name, replace)
    foreign = detect.read(source)
    say(f"{foreign.layout}: {foreign.autoencoder.n_features:,} features{f', trained on {foreign.model}' if foreign.model else ''}")
    model = LanguageModel.load(workspace.recipe.model)
    _check_width(foreign, model)
    found = preflight.fits(foreign, model, list(_sample(workspace, model, preflight.TOKENS)))
    say(preflight.table(found, foreign.layer))
    fit = preflight.settled(found, foreign.layer, layer, anyway)
    autoencoder = preflight.placed(foreign, model, fit)
    states = _states(workspace, model, fit.layer, autoencoder)
    rounding = preflight.round_weights(autoencoder, next(iter(states)).rows(0, SAMPLE_TOKENS))
    evaluation, autoencoder.prior = evaluate(autoencoder, states)
    for note in (*foreign.notes, str(rounding), f"measured on {autoencoder.prior.tokens:,} held-out tokens: FVU {evaluation.fvu:.3f}"):
        say(note)
    folder = workspace.autoencoder_folder(name)
    checkpoint.save(autoencoder, _provenance(workspace, model, foreign, name, source, fit, rounding, asdict(evaluation)), folder)
    return folder


def _check_name(workspace: Workspace, name: str, replace: bool) -> None:
    check_dictionary_name(name)
    if not replace and workspace.autoencoder_folder(name).exists():
        raise FileExistsError(f"{workspace.folder} has a dictionary {name!r}; give another --name, or --replace")
    if name in (table["name"] for table in workspace.recipe.autoencoders) and not replace:
        raise ValueError(f"the recipe trains an autoencoder {name!r}, which this would stand in for; give another --name, or --replace")


def _check_width(foreign: Foreign, model: LanguageModel) -> None:
    width = len(foreign.autoencoder.scaling.mean)
    if width != model.d_model:
        raise ValueError(f"it reads hidden states of width {width}; {model.title} has width {model.d_model}")


def _sample(workspace: Workspace, model: LanguageModel, tokens: int) -> Iterator[Context]:
    """Held-out text of the recipe, `tokens` tokens of it besides BOS tokens."""
    recipe = workspace.recipe
    stream = contexts.contexts(model, corpus.documents(recipe.sources, "held-out", recipe.seed), "window", recipe.context_length)
    for context in stream:
        if tokens <= 0:
            return
        yield context._replace(ids=context.ids[: tokens + 1], spans=context.spans[: tokens + 1])
        tokens -= len(context.ids) - 1


def _states(workspace: Workspace, model: LanguageModel, layer: int, autoencoder: nn.Module) -> Iterable[Pair]:
    """Held-out states of the layer, dropped tokens left out: the harvest's where it has them, else read now."""
    wanted = {str(place(layer, autoencoder.site)), str(layer)}
    folder = workspace.harvest_folder("held-out")
    if (folder / "scaling.safetensors").is_file():
        harvest = HiddenStates(folder)
        if harvest.record["fingerprint"] == model.fingerprint and wanted <= set(map(str, harvest.layers)):
            return harvest.all_pairs(layer, autoencoder)
    sample = list(_sample(workspace, model, SAMPLE_TOKENS))
    states = contexts.read(model, sample, list(dict.fromkeys([place(layer, autoencoder.site), layer])))
    read, written = states[place(layer, autoencoder.site)], states[layer]
    keep = autoencoder.scaling.keeps(read) & autoencoder.written_scaling.keeps(written)
    return [Pair.same(read[keep]) if read is written else Pair(read[keep], written[keep])]


def _provenance(
    workspace: Workspace, model: LanguageModel, foreign: Foreign, name: str, source: str, fit: Fit, rounding: Rounding, figures: dict
) -> Provenance:
    return Provenance(
        name=name,
        layer=fit.layer,
        model=workspace.recipe.model,
        model_fingerprint=model.fingerprint,
        corpus=foreign.corpus,
        context_length=foreign.context_length or workspace.recipe.context_length,
        seed=foreign.seed,
        tokens_seen=foreign.tokens_seen,
        options={
            "imported from": Path(source).name,
            "layout": foreign.layout,
            "trained on model": foreign.model or "not said",
            "layer it claims": "not said" if foreign.layer is None else foreign.layer,
            "fp16": str(rounding),
            "notes": "; ".join(foreign.notes),
        },
        figures=figures,
    )


def export_dictionary(workspace: Workspace, name: str, folder: Path) -> list[str]:
    """Write a workspace's dictionary as a SAELens folder. Gives what a reader of it must know.

    Raises ValueError for an unknown name, a damaged checkpoint or what sae-lens cannot say, FileExistsError where something lies.
    """
    there = workspace.autoencoder_names()
    if name not in there:
        raise ValueError(f"{workspace.folder} has no autoencoder {name!r}; it has {', '.join(there) or 'none'}")
    with torch.inference_mode():
        return saelens_export.write(*checkpoint.load(workspace.autoencoder_folder(name)), folder)
