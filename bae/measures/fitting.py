"""Measure whether dictionaries fit: reconstruct the hidden states of some fresh sentences, all from one pass of the language model."""

from collections.abc import Iterable, Mapping, Sequence

from bae.autoencoder import Pair
from bae.autoencoder.checkpoint import Provenance
from bae.index.build import IndexConfig, chosen_contexts
from bae.measures.evaluation import unexplained
from bae.measures.fit import Fit, keep, kept, mark
from bae.model.language_model import LanguageModel
from bae.reading.inspection import Lens
from bae.reading.lenses import Lenses, load_lenses
from bae.text import contexts
from bae.text.contexts import Context
from bae.workspace import Recipe, Workspace

SENTENCES = 48
"""Fresh sentences that are read, about a thousand tokens."""
CHUNK = 1024


def fits(
    model: LanguageModel,
    lenses: Mapping[str, Lens],
    provenance: Mapping[str, Provenance],
    sample: Sequence[Context],
    marks: Mapping[str, str],
) -> dict[str, Fit]:
    """The fit of several dictionaries from one pass of the model over `sample`; `marks` names the weights of each."""
    places = list(dict.fromkeys(place for lens in lenses.values() for place in (lens.place, lens.layer)))
    states = contexts.read(model, list(sample), places)
    found = {}
    for name, lens in lenses.items():
        device = lens.autoencoder.W_in.device
        read, written = (states[place].float().to(device) for place in (lens.place, lens.layer))
        inside = lens.autoencoder.scaling.keeps(read)
        fvu = unexplained(lens.autoencoder, [Pair(read[inside], written[inside])], CHUNK)
        found[name] = Fit(fvu, provenance[name].figures.get("fvu"), int(inside.sum()), marks[name])
    return found


def check(workspace: Workspace, model: LanguageModel, lenses: Lenses, names: Iterable[str] | None = None) -> dict[str, Fit]:
    """The fits of dictionaries of a study, all of them where `names` says none; those whose weights were looked at are not read again."""
    marks = {name: mark(workspace.autoencoder_folder(name)) for name in (lenses.usable if names is None else names)}
    known = {name: fit for name, fit in kept(workspace.fits_file).items() if fit.checkpoint == marks.get(name)}
    new = {name: lenses.usable[name] for name in marks if name not in known}
    if new:
        found = fits(model, new, lenses.provenance, _sample(workspace.recipe, model), marks)
        keep(workspace.fits_file, found)
        known |= found
    return known


def check_all(workspace: Workspace) -> dict[str, Fit]:
    """The fits of all dictionaries of a study, with the language model loaded for it."""
    model = LanguageModel.load(workspace.recipe.model)
    return check(workspace, model, load_lenses(workspace.folder / "autoencoders", model))


def _sample(recipe: Recipe, model: LanguageModel) -> list[Context]:
    """Sentences that trained nothing: the first of the index's text."""
    config = IndexConfig(
        tuple(recipe.sources), SENTENCES, shortest=recipe.shortest_sentence, longest=recipe.longest_sentence, seed=recipe.seed
    )
    return chosen_contexts(model, config)
