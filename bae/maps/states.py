"""Maps of hidden states around features, as in Fig. 42 and 43 of the paper: of all tokens of the sentences that activate a feature,
those on which it is activated beside those on which it is not.

`python -m bae.maps.states WORKSPACE DICTIONARY 12,40 SEED` draws one; pages start it as a job, and read what it leaves beside the index.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from bae.index.arrays import opened
from bae.index.columns import Columns
from bae.index.layout import Layout
from bae.index.query import Dictionary, Index
from bae.maps.atlas import REMEDY, made_from, projection_of, write_projection
from bae.maps.projection import Projection, project
from bae.system.jobs import Job
from bae.system.progress import Progress
from bae.training import runs
from bae.workspace import Workspace

JOB = "state-map"
"""One at a time: each loads the language model."""
MOST_FEATURES = 6
SENTENCES = 200
"""Of each feature; where it is activated in more, so many are drawn at random."""
READING, DRAWING = "reading sentences", "drawing the map"
"""The stages of its progress."""
VERSION = 1
"""Of how maps are drawn: older files are not read."""


@dataclass(frozen=True)
class Request:
    """Which map: the same one has the same file."""

    dictionary: str
    features: tuple[int, ...]
    seed: int = 0

    def __post_init__(self):
        if not 1 <= len(set(self.features)) == len(self.features) <= MOST_FEATURES:
            raise ValueError(f"a map is of 1 to {MOST_FEATURES} features, each named once; got {list(self.features)}")

    @property
    def key(self) -> str:
        """What its file is called."""
        return hashlib.sha256(json.dumps([VERSION, asdict(self)]).encode()).hexdigest()[:16]

    def command(self, workspace: Workspace) -> list[str]:
        """What draws it."""
        features = ",".join(map(str, self.features))
        return [sys.executable, "-m", "bae.maps.states", str(workspace.folder), self.dictionary, features, str(self.seed)]


@dataclass(frozen=True)
class StateMap:
    """Hidden states in the plane. Tokens are numbered through the index, BOS left out (`bae.index.layout.Layout`)."""

    projection: Projection
    token: Int[np.ndarray, " point"]
    activated: Bool[np.ndarray, "point feature"]
    """On which of the features asked for, in their order."""


def file_of(index: Index, request: Request) -> Path:
    """Where a map lies, beside the index."""
    return Path(index.file).parent / "state-maps" / f"{request.key}.safetensors"


def read_state_map(index: Index, request: Request) -> StateMap | None:
    """A map that was drawn; None before. Raises ValueError where its file is damaged."""
    file = file_of(index, request)
    if not file.is_file():
        return None
    with opened(file, REMEDY) as arrays:
        return StateMap(projection_of(arrays), arrays.get_tensor("token"), arrays.get_tensor("activated").astype(bool))


def start(workspace: Workspace, request: Request) -> Job:
    """Draw a map in a process of its own. Raises what `Jobs.start` raises."""
    return runs.jobs(workspace).start(JOB, request.command(workspace))


def being_drawn(workspace: Workspace, request: Request) -> bool:
    """Whether the job that runs, or ran last, is that of this map."""
    job = runs.jobs(workspace).job(JOB)
    return job is not None and list(job.command) == request.command(workspace)


def activating_tokens(index: Index, dictionary: str, feature: int) -> Int[np.ndarray, " token"]:
    """The tokens on which a feature leaves its habit, ascending: it fires, or is silent where it is a bit that usually fires.

    A feature of several bits leaves it where its level is not the one nearest to its mean. Raises ValueError where the index does
    not tell how many bits it has.
    """
    entry, told = index.dictionaries()[dictionary], index.feature(dictionary, feature)
    columns = Columns(index, dictionary)
    fires = columns.tokens(feature)
    if entry.magnitude != "burstiness":
        return fires
    if told.on_magnitude is not None:
        habit, levels = int(told.rate > 0.5), 1
    else:
        steps = 2 ** _bits(entry) - 1
        habit, levels = np.rint(told.mean * steps), np.rint(columns.strengths(feature) * steps)
    if habit == 0:
        return fires
    level = np.zeros(columns.n_tokens)
    level[fires] = levels
    left = level != habit
    left[Layout.of(index).unread] = False
    return np.flatnonzero(left)


def _bits(entry: Dictionary) -> int:
    bits = entry.provenance.get("options", {}).get("bits_per_feature")
    if bits is None:
        raise ValueError(f"the checkpoint of {entry.name} does not tell how many bits its features have, so its habits are not known")
    return int(bits)


def chosen_contexts(layout: Layout, tokens: Sequence[np.ndarray], seed: int) -> Int[np.ndarray, " context"]:
    """The contexts in which features are activated, ascending: at most `SENTENCES` of each feature, drawn at random."""
    chosen = []
    for number, of_feature in enumerate(tokens):
        contexts = np.unique(layout.context(of_feature))
        draw = np.random.default_rng([seed, number])
        chosen.append(contexts if len(contexts) <= SENTENCES else draw.choice(contexts, SENTENCES, replace=False))
    return np.unique(np.concatenate(chosen))


def draw_map(workspace: Workspace, request: Request, status: Path | None = None) -> Path:
    """Draw a map and leave it beside the index; nothing happens where it is there. `status` is kept up to date meanwhile.

    Raises ValueError, as a sentence, where a feature is not there or none is activated, or the checkpoint does not fit the index.
    """
    file = workspace.index_file()
    if file is None:
        raise FileNotFoundError(f"{workspace.folder} has no index; run `bae index`")
    with closing(Index(file)) as index:
        target = file_of(index, request)
        if target.is_file():
            return target
        _check(index, request)
        tokens = [activating_tokens(index, request.dictionary, feature) for feature in request.features]
        if not any(map(len, tokens)):
            raise ValueError("none of these features is activated in the index, so no sentence has a place on this map; choose others")
        layout = Layout.of(index)
        token, states = _states(workspace, index, request, layout, chosen_contexts(layout, tokens, request.seed), status)
    with Progress(DRAWING, len(token), "tokens", status) as progress:
        found = project(states, "umap", request.seed, progress.advance)
    activated = np.stack([np.isin(token, of_feature) for of_feature in tokens], axis=1)
    write_projection(target, found, request.seed, token=token, activated=activated.astype(np.uint8))
    return target


def _check(index: Index, request: Request) -> None:
    known = index.dictionaries()
    if request.dictionary not in known:
        raise ValueError(f"the index has no dictionary {request.dictionary!r}; it has {', '.join(known)}")
    last = known[request.dictionary].n_features - 1
    if wrong := [feature for feature in request.features if not 0 <= feature <= last]:
        raise ValueError(f"{request.dictionary} has features 0 to {last}; got {wrong[0]}")


def _states(workspace: Workspace, index: Index, request: Request, layout: Layout, contexts: np.ndarray, status: Path | None):
    """The tokens of these contexts that the dictionary reads, and their states as it is given them: centred, scaled.

    Centred, because a handful of dimensions hold most of a raw state's length, and all cosines would be near 1.
    """
    from bae.autoencoder import checkpoint
    from bae.model.language_model import LanguageModel, place
    from bae.text.contexts import Context, read

    model = LanguageModel.load(workspace.recipe.model)
    autoencoder, provenance = checkpoint.load(workspace.autoencoder_folder(request.dictionary), model)
    if not made_from(index.dictionaries()[request.dictionary], provenance):
        raise ValueError(f"the checkpoint {request.dictionary} was replaced after the index was built; run `bae index` to build it again")
    ids, starts, ends, texts = index.contexts()
    group = [Context("", int(c), tuple(ids[c]), tuple(zip(starts[c], ends[c], strict=True)), texts[c]) for c in contexts]
    where = place(provenance.layer, autoencoder.site)
    with Progress(READING, sum(len(context.ids) - 1 for context in group), "tokens", status) as progress:
        states = read(model, group, [where], progress.advance)[where].float()
    token = np.concatenate([np.arange(layout.begins[c], layout.begins[c + 1]) for c in contexts])
    kept = autoencoder.scaling.keeps(states)
    return token[kept.numpy()], autoencoder.scaling.apply(states[kept]).numpy()


def main(folder: str, dictionary: str, features: str, seed: str) -> int:
    """Draw one map. What is wrong is told in a sentence."""
    try:
        workspace = Workspace.open(Path(folder))
        draw_map(workspace, Request(dictionary, tuple(map(int, features.split(","))), int(seed)), workspace.status_file(JOB))
    except (ValueError, OSError) as error:
        print(f"bae.maps.states: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
