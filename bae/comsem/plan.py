"""What is asked about a feature: the samples that its label is made of, those that test it, and the negatives beside them.

Steps 2 and 3 of Algorithm 1 say which samples; negatives are ours: a label that fits everything passes every test of the
paper, and none of these.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

import numpy as np

from bae.comsem.occurrences import Corpus, Occurrences, Order
from bae.comsem.samples import Sample

Denominator = Literal["asked", "all"]
Role = Literal["test", "random", "same token", "near", "other feature"]
NEGATIVES: tuple[Role, ...] = ("same token", "near", "other feature", "random")
"""Kinds of negatives, the hard ones first."""
PATIENCE = 1000
"""Random tokens that are looked at for a feature that is hardly ever silent."""


@dataclass(frozen=True)
class Settings:
    """The parameters of a run; the defaults are the paper's, with negatives beside its tests."""

    n_interpret: int = 5
    """n_I: occurrences that the label is made of."""
    n_test: int = 8
    """n_T: at most so many of those that follow test it."""
    order: Order = "corpus"
    denominator: Denominator = "asked"
    """`all` divides by all occurrences that remain, as Algorithm 1 is printed."""
    paper_topk: bool = False
    """The literal top 10, features that do not stand out among them."""
    distinct: bool = True
    """Near-duplicate sentences count once."""
    negatives: int = 8
    """Tokens on which the feature is silent, as many of each kind as can be; 0 for the paper's tests alone."""
    batched: bool = False
    """All tests of a feature in one call."""
    control: int = 20
    """Features of a run whose tests are asked again with another feature's label: a judge that listens scores at chance."""
    intruders: int = 0
    """Checks without a label, a feature: which of five samples does not belong?"""
    seed: int = 0

    def __post_init__(self):
        if self.n_interpret < 1 or self.n_test < 1:
            raise ValueError(f"labelling needs n_interpret >= 1 and n_test >= 1; got {self.n_interpret} and {self.n_test}")
        if min(self.negatives, self.control, self.intruders) < 0:
            raise ValueError(f"negatives, control and intruders count from 0; got {self}")
        for name, allowed in (("order", Order), ("denominator", Denominator)):
            if getattr(self, name) not in get_args(allowed):
                raise ValueError(f"{name} is one of {', '.join(get_args(allowed))}; got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Test:
    """A sample that the label is held against."""

    role: Role
    sample: Sample
    token: int
    """Its number in the corpus."""

    @property
    def truth(self) -> bool:
        """Whether the feature is activated there."""
        return self.role == "test"


@dataclass(frozen=True)
class Plan:
    """All that is asked about one feature."""

    feature: int
    occurrences: int
    """Tokens on which it is activated, in all."""
    label_from: tuple[Sample, ...]
    tests: tuple[Test, ...]
    """Positives, then negatives."""


class Planner:
    """Draws plans for the features of one dictionary. Same seed, same plans, in whatever order they are drawn."""

    def __init__(self, occurrences: Occurrences, settings: Settings, near: "Neighbours | None" = None):
        self.occurrences, self.corpus, self.settings, self.near = occurrences, occurrences.corpus, settings, near

    def activated(self, feature: int) -> bool:
        """Whether a feature occurs often enough: more than n_I times (Algorithm 1, step 2)."""
        return self.occurrences.count(feature) > self.settings.n_interpret

    def plan(self, feature: int) -> Plan | None:
        """What to ask about a feature; None where it is not activated, or only in sentences that are nearly one."""
        wanted = self.settings
        if not self.activated(feature):
            return None
        tokens = self.occurrences.tokens(feature, wanted.order)
        drawn = list(islice(self.occurrences.distinct(tokens) if wanted.distinct else tokens, wanted.n_interpret + wanted.n_test))
        if len(drawn) <= wanted.n_interpret:
            return None
        labelled, tested = drawn[: wanted.n_interpret], drawn[wanted.n_interpret :]
        tests = [Test("test", self.corpus.sample(token), int(token)) for token in tested]
        tests += self._negatives(feature, labelled, tested)
        return Plan(feature, len(tokens), tuple(map(self.corpus.sample, labelled)), tuple(tests))

    def strange_to(self, other: int, plan: Plan) -> list[Test]:
        """The tests of a plan without those on which the other feature is activated too: there the other's label may be right."""
        tokens = self.occurrences.tokens(other)
        return [test for test in plan.tests if test.token not in tokens]

    def _negatives(self, feature: int, labelled: Sequence[int], tested: Sequence[int]) -> Iterator[Test]:
        """Of each kind in turn until there are enough; a kind that runs dry leaves its share to the others."""
        draw = np.random.default_rng((self.settings.seed, feature))
        candidates = {
            "same token": self.corpus.same_tokens(tested, draw),
            "near": iter(()) if self.near is None else self.near.tokens(labelled, draw),
            "other feature": self._of_other_features(feature, draw),
            "random": (int(token) for _ in range(PATIENCE) for token in draw.integers(len(self.corpus.context), size=1)),
        }
        # another piece of a word on which the feature is activated is no negative: judges are shown the word
        own = set(self.corpus.word[self.occurrences.tokens(feature)].tolist())
        silent = {
            role: (t for t in tokens if self.corpus.word[t] not in own and not self._fires(feature, t))
            for role, tokens in candidates.items()
        }
        taken: set[int] = set()
        while len(taken) < self.settings.negatives and silent:
            for role in [role for role in NEGATIVES if role in silent]:
                token = next((token for token in silent[role] if token not in taken), None)
                if token is None:
                    del silent[role]
                elif len(taken) < self.settings.negatives:
                    taken.add(token)
                    yield Test(role, self.corpus.sample(token), token)

    def _fires(self, feature: int, token: int) -> bool:
        return bool(self.occurrences.codes.fires(feature, np.array([token]))[0])

    def _of_other_features(self, feature: int, draw: np.random.Generator) -> Iterator[int]:
        """A token each of other active features."""
        others = (self.occurrences.counts > self.settings.n_interpret).nonzero()[0]
        return (int(draw.choice(self.occurrences.tokens(int(other)))) for other in draw.permutation(others[others != feature]))


class Neighbours:
    """Sentences near in meaning to those of a feature, by their embeddings."""

    def __init__(self, corpus: Corpus, embeddings: np.ndarray):
        self.corpus, self.embeddings = corpus, embeddings
        """float32 [context width], rows of length 1."""
        self._begins = np.searchsorted(corpus.context, np.arange(len(corpus.texts) + 1))

    def tokens(self, labelled: Sequence[int], draw: np.random.Generator) -> Iterator[int]:
        """A token of each of the sentences nearest to those of a label, nearest first; its own are left out."""
        own = np.unique(self.corpus.context[list(labelled)])
        nearness = self.embeddings @ self.embeddings[own].mean(0)
        nearness[own] = -np.inf
        for context in np.argsort(-nearness, kind="stable")[: len(nearness) - len(own)]:
            if self._begins[context] < self._begins[context + 1]:
                yield int(draw.integers(self._begins[context], self._begins[context + 1]))
