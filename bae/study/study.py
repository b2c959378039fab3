"""The object that `bae.open` returns: everything that the pages show of a study, as calls. Each only passes on what it is given."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import pandas as pd

from bae.comsem.estimate import Estimate
from bae.comsem.plan import Settings
from bae.comsem.records import Label
from bae.index.logic import Unit
from bae.steering.plan import ExampleStep
from bae.study import feature as features
from bae.study import labels, search
from bae.study.feature import Feature
from bae.study.sources import Names, Sources
from bae.workspace import Recipe, Workspace

if TYPE_CHECKING:
    import numpy as np
    import torch

    from bae.study.compression import Compressed
    from bae.study.reading import Inspected
    from bae.study.sets import SetEntropy, States
    from bae.study.steering import Steered, Steps


class Study:
    """A study: its dictionaries, its index, its labels, its language model. `bae.open` makes it.

    Nothing is loaded before it is asked for: tables of the index come at once, what reads text loads the language model first (the first
    time on a machine its weights are unpacked: about 20 s). An index that is built later is seen by a study that is opened later. For one
    thread at a time. Every call raises ValueError that names what there is, for a dictionary, a feature or a choice that there is not;
    FileNotFoundError with the command that helps where there is no index; ValueError that names both models where a dictionary was trained
    on another one.
    """

    def __init__(self, workspace: Workspace, device: str = "auto"):
        self.workspace = workspace
        self._sources = Sources(workspace, device)

    @classmethod
    def open(cls, folder: str | PathLike[str], device: str = "auto") -> "Study":
        """As `bae.open`."""
        return cls(Workspace.open(Path(folder)), device)

    def close(self) -> None:
        """Let go of the index file, the model and the dictionaries. Whatever was returned stays valid but for tables of a `Feature`."""
        self._sources.close()

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(self.workspace.autoencoder_names()) or "none yet"
        return f"study {self.workspace.folder}: model {self.recipe.model}, dictionaries {names}"

    @property
    def recipe(self) -> Recipe:
        """What the study is made of: model, layers, sources, sizes."""
        return self.workspace.recipe

    # features

    @property
    def dictionaries(self) -> pd.DataFrame:
        """The dictionaries by name: indexed, kind, layer, n_features, magnitude, unit, fvu, bits, l0.

        `indexed` says whether the index has it. Layer is the Hugging Face `hidden_states` index. `magnitude` is what "activated" means, in
        `unit`. Measured on held-out text: `fvu`, the share of variance that is left unexplained, 0 best; `bits` of a code (a BAE), `l0`,
        features that fire on a token; NaN where a figure was not measured or does not apply. Raises ValueError for a damaged checkpoint.
        """
        return features.dictionaries(self._sources)

    def features(self, dictionary: str) -> pd.DataFrame:
        """All features of a dictionary of the index, by number.

        Columns: label, summary; shares of the index's tokens, in [0, 1]: rate (the code is not 0), density (it leaves its habit:
        min(rate, 1 - rate) of bits), top_rate (among the token's loudest 10); counts of tokens: count (it fires), top_count; entropy of
        "fires", in bits, in [0, 1]; mean and deviation of the code; on_magnitude and off_magnitude: burstiness when on and when off, in
        bits, <= 0, NaN for values; largest: greatest margin (bits) or value, in the units of scaled hidden states.
        """
        return features.features(self._sources, dictionary)

    def feature(self, dictionary: str, number: int) -> Feature:
        """One feature: figures, contexts, labels, logit lens, neighbours, co-activation."""
        return Feature(self._sources, dictionary, number)

    def neighbours(self, dictionary: str, feature: int) -> pd.DataFrame:
        """The features of the same dictionary whose rows are nearest: feature, label, summary, cosine in [-1, 1]. At most 16.

        Raises FileNotFoundError, with what to do, where the index lacks directions.
        """
        return features.neighbours(self._sources, dictionary, feature)

    def coactivation(self, dictionary: str, feature: int, other: str | None = None) -> pd.DataFrame:
        """A feature (A) beside every other (B) of its dictionary, or every one of `other`; exact counts over the index.

        Columns: feature, label, summary; tokens: together (both fire), expected (by chance); shares in [0, 1]: jaccard, implies P(B | A),
        implied P(A | B); correlation (phi) in [-1, 1]; pmi and mutual_information, in bits; surplus: deviations above chance. The most
        correlated first, those that never fire (NaN) last. Raises FileNotFoundError where the index was copied without its codes.
        """
        return features.coactivation(self._sources, dictionary, feature, other)

    def partners(self, dictionary: str, feature: int) -> pd.DataFrame:
        """The feature of every other dictionary that fires most on the same tokens, the best first; none where no token is shared.

        Columns: dictionary, feature, label, summary, jaccard, together (tokens), implies, implied: as in `coactivation`.
        """
        return features.best_partners(self._sources, dictionary, feature)

    # search

    def search(
        self,
        *,
        words: str | None = None,
        meaning: str | None = None,
        sentences: str | None = None,
        expression: str | None = None,
        token: str | None = None,
        dictionaries: Names = None,
        most: int = 50,
        case: bool = False,
    ) -> pd.DataFrame:
        """Features that have to do with something, the best first: dictionary, feature, label, summary, and why. Name one way:

        - `words`: label or distinctive words contain it; whole words come first. `why` is "label" or the words.
        - `meaning`: label or words are near in meaning, by the packaged sentence embeddings, which are made at the first search: up to a
          minute a dictionary, and kept. `cosine` in [-1, 1].
        - `sentences`: fires more often on this text in the index's sentences than elsewhere; `expression`: on what a regular expression
          (RE2) finds. `log_odds` (natural), `at_least` (its lower 95 % bound, by which they are ranked), `here` (tokens of it that it
          fires on), `share_here`, `share_own` (of all tokens it fires on). `case` tells upper from lower case.
        - `token`: promotes this token of the vocabulary most. `z`, in deviations over the vocabulary.

        Of all dictionaries of the index where none is named. Raises ValueError for more than one way, for nothing, for a wrong expression.
        """
        wanted = {"words": words, "meaning": meaning, "sentences": sentences, "expression": expression, "token": token}
        return search.search(self._sources, wanted, dictionaries, most, case)

    def sentences(self, wanted: str, *, expression: bool = False, case: bool = False, most: int = 20) -> pd.DataFrame:
        """Sentences of the index that hold a text, or what a regular expression finds: context, document, text, tokens (that are part).

        `attrs` tells how many there are in all: sentences, matches.
        """
        return search.sentences(self._sources, wanted, expression, case, most)

    def query(self, query: str, dictionary: str, *, unit: Unit = "token", most: int = 20) -> pd.DataFrame:
        """Sentences where a query such as `f12 & !f99 & (f7 | topk:f3)` holds: context, document, text, tokens (where it holds).

        Asked of every token, or of every sentence; features that name no dictionary are of `dictionary`. `attrs` tells how many there are:
        sentences, holds (tokens or sentences), asked. Raises ValueError that says what is wrong with the query.
        """
        return search.query(self._sources, query, dictionary, unit, most)

    # texts

    def inspect(self, text: str, dictionaries: Names = None) -> "Inspected":
        """What bursts on every token of a text, through one dictionary or several from one pass of the model; without, the study's first.

        Features are judged by the habits of the index where there is one, as on the pages. Raises ValueError for a blank text.
        """
        from bae.study import reading

        return reading.inspected(self._sources, text, dictionaries)

    def contrast(self, a: str | Sequence[str], b: str | Sequence[str], dictionaries: Names = None) -> pd.DataFrame:
        """Which features fire in the lines of `a` and not in those of `b`. Texts are lists of lines, or one text of several lines.

        Columns: dictionary, feature, label, summary; effect: Cohen's h in [-pi, pi], above 0 in more lines of `a`; p: family-wise, over all
        features and permutations of the lines between the sides (Westfall and Young 1993), in (0, 1]; share_a, share_b: of the lines;
        tokens_a, tokens_b: mean share of a line's tokens. Features without an effect are left out; the largest effect comes first.
        `attrs`: smallest_p (p can be no smaller with so many lines), permutations, exact, lines. Through the study's first dictionary
        where none is named. Raises ValueError for sides that cannot be compared: 3 to 300 lines each, of at most 128 tokens.
        """
        from bae.study import reading

        return reading.contrast(self._sources, a, b, dictionaries)

    def hidden_states(self, texts: str | Sequence[str], at: int | str) -> "States":
        """Hidden states of texts: at a layer (0 the embeddings, l the output of block l), or what the dictionary of this name reads.

        `states` is float16 [token d_model], raw; `tokens` says which is which. Texts are read in windows as the recipe has it, each
        behind a start token, whose states are left out. Raises ValueError for a layer that the model lacks, and where there is no text.
        """
        from bae.study import sets

        return sets.hidden_states(self._sources, texts, at)

    def entropy(self, dictionary: str, of: "str | Sequence[str] | np.ndarray | torch.Tensor", *, tree: bool = False) -> "SetEntropy":
        """The entropy of a set of hidden states, in bits a state, by the code of a BAE: of texts, or of states [token d_model], raw.

        `tree` also takes off what pairs of bits tell of each other, which takes memory of 8 n_bits². Raises ValueError for a dictionary
        that is no BAE, fewer than two states, states of another width, NaN.
        """
        from bae.study import sets

        return sets.entropy(self._sources, dictionary, of, tree)

    # steering

    def steer(
        self,
        prompt: str,
        steps: "Steps",
        *,
        max_tokens: int = 60,
        temperature: float = 0.0,
        seed: int = 0,
        frequency_penalty: float = 0.0,
        chat: bool = False,
    ) -> "Steered":
        """What the model writes behind a prompt, plain and with features pushed.

        `steps` are lines as in `bae.steering.plan`: `bae:1270:add:0.5` adds half a usual hidden state's length along the row of feature
        1270, `topk:8:clamp:0` holds it at 0; also ablate, project, and of a BAE flip, set, clear. A list has several; `direction` makes
        steps from examples. Other options as in `bae.model.generation.GenerationConfig`; `chat` asks the prompt as a message.
        Raises ValueError for a step that cannot be.
        """
        from bae.model.generation import GenerationConfig
        from bae.study import steering

        config = GenerationConfig(max_tokens, temperature, seed, frequency_penalty)
        return steering.steered(self._sources, prompt, steps, chat, config)

    def next_tokens(self, prompt: str, steps: "Steps", *, count: int = 10, chat: bool = False) -> pd.DataFrame:
        """The likeliest next tokens, plain or pushed: id, token, plain, steered (natural logarithms of probabilities); `count` of each."""
        from bae.study import steering

        return steering.next_tokens(self._sources, prompt, steps, chat, count)

    def direction(
        self,
        dictionary: str,
        good: str | Sequence[str],
        bad: str | Sequence[str],
        *,
        method: str = "features",
        amount: float = 1.0,
        positions: str = "last",
        at: str = "last",
    ) -> ExampleStep:
        """A step for `steer`: a direction from texts that have something (`good`) and texts that lack it (section 5.4 of the paper).

        Options as in `bae.steering.plan.ExampleStep`. The texts are kept in the study's notebook. Raises ValueError for unknown options.
        """
        from bae.study import steering

        told = {"method": method, "amount": amount, "positions": positions, "at": at}
        return steering.direction(self._sources, dictionary, good, bad, **told)

    # labels

    def labels(self, dictionary: str) -> pd.DataFrame:
        """The label that stands for each feature that has one: feature, label, source, judge, draft, score, created, id.

        Source is person, judge or maintainers; score the share of tests that it passed, in [0, 1], NaN where nobody tested it.
        """
        return labels.labels(self._sources, dictionary)

    def label(self, dictionary: str, feature: int, text: str) -> Label:
        """Write down what a feature means to you: it stands for the feature from now on, here and on the pages."""
        return labels.label(self._sources, dictionary, feature, text)

    def estimate(
        self, dictionary: str, features: str | Sequence[int] = "active:20", judge: str = "embedded", settings: Settings | None = None
    ) -> Estimate:
        """What `ask` would ask, before anybody is asked: features, calls, tokens."""
        return labels.asked(self._sources, dictionary, features, judge, settings).estimate

    def ask(
        self, dictionary: str, features: str | Sequence[int] = "active:20", judge: str = "embedded", settings: Settings | None = None
    ) -> pd.DataFrame:
        """Ask a judge what features mean and test what it says (ComSem, Algorithm 1); the labels are kept. Look at `estimate` first.

        Features are numbers, or `12, 40-60`, `active`, `active:20` (the most often activated). Judges are embedded (the packaged model:
        free, slow, of draft quality), embedding (scores labels that are there), gpt-4.1-mini, and those of judges.toml.
        Columns: feature, label, score (share of tests passed, in [0, 1]) with its 95 % interval low to high, asked and yes (tests),
        balanced_accuracy and auroc (with negatives; 0.5 is chance), vacuous (fits at least half of the negatives), failure (why there is no
        label). Works off what else waits in the queue, too; an interrupt pauses the run. Raises BlockingIOError while another process
        labels, RuntimeError with the reason where the run stops: what was labelled is kept.
        """
        return labels.ask(self._sources, labels.asked(self._sources, dictionary, features, judge, settings))

    # compression

    def compress(
        self,
        dictionary: str,
        states: "np.ndarray | torch.Tensor | str | PathLike[str]",
        file: str | PathLike[str],
        *,
        threshold: float = -1.0,
        coding: str = "entropy",
        radial: str = "none",
    ) -> "Compressed":
        """Write hidden states [token d_model], raw, or those of a .npy or .safetensors file, as the codes of a BAE.

        Options as in `bae.compression.Options`. Raises ValueError for a dictionary that is no BAE, an empty set, another width, NaN.
        """
        from bae.compression import Options
        from bae.study import compression

        return compression.compress(self._sources, dictionary, states, Path(file), Options(threshold, coding, radial))

    def decompress(self, file: str | PathLike[str], dictionary: str | None = None, begin: int = 0, end: int | None = None) -> "np.ndarray":
        """The hidden states of a file of codes, or of a range of them, as the BAE reconstructs them: float32 [token d_model], raw.

        With the dictionary of the name in the file unless another is named. Raises ValueError for a damaged file, or one that was written
        with other weights.
        """
        from bae.study import compression

        return compression.decompress(self._sources, Path(file), dictionary, begin, end)

    # maps and matches

    def map(self, dictionary: str) -> pd.DataFrame:
        """Where the features lie whose rows point alike (UMAP, as `bae index` drew it): feature, label, summary, x, y, without units.

        Raises FileNotFoundError, with what to do, where no map is drawn yet.
        """
        return features.feature_map(self._sources, dictionary)

    def match(self, a: str, b: str) -> pd.DataFrame:
        """Every feature of `a` beside `b`: which has it too? Compared at the first call, some seconds to minutes, and kept from then on.

        Columns: feature, label, summary, count (tokens), relation (same, split, ...: `bae.matching.relations`), partners, best (the feature
        of `b` of the greatest jaccard), jaccard, both (tokens), cosine (of the two rows), nearest (row of `b`), nearest_cosine.
        `attrs` tells how many features stand in each relation by chance.
        """
        return features.match(self._sources, a, b)
