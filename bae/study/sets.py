"""Sets of hidden states in a study: those of texts, and how much the codes of a set hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from bae.entropy import BitCounts, BlockCounts, checked_states, marginal_interval
from bae.model.language_model import Place
from bae.study.sources import Sources
from bae.system.progress import Progress
from bae.text import contexts
from bae.text.corpus import Document

GROUPS = 200
"""Into so many groups vectors are dealt for an interval where nobody says which belong together."""


@dataclass(frozen=True, eq=False, repr=False)
class States:
    """Hidden states of texts, as a harvest has them: start tokens are left out."""

    states: np.ndarray
    """float16 [token d_model], raw."""
    tokens: pd.DataFrame
    """A row a state: text (its number), position (in its window, from 1), token."""

    def __repr__(self) -> str:
        return f"{len(self.states):,} hidden states of width {self.states.shape[1]:,}, of {self.tokens['text'].nunique():,} texts"


@dataclass(frozen=True, repr=False)
class SetEntropy:
    """How much the codes of a set of hidden states hold, in bits a code. Of the states it tells what the dictionary keeps of them."""

    dictionary: str
    vectors: int
    """That were counted."""
    left_out: int
    """Longer than ten times the usual length: the dictionary was not made for them."""
    n_bits: int
    moving: int
    """Bits that are not the same in all codes of the set."""
    marginal: float
    """Sum of the entropies of all bits, full Bernoulli (Eq. 4), in [0, n_bits]: an upper bound, reached where bits are independent."""
    low: float
    """Its 95 % interval, over samples of as many texts (of groups of vectors where no texts were given)."""
    high: float
    bias: float
    """By how much `marginal` is too low on average (Miller 1955), in bits; not added to it."""
    tree: float | None
    """Less what pairs of bits tell of each other along the best tree (Chow and Liu 1968), in [0, marginal]; None where not asked for."""

    def __repr__(self) -> str:
        tree = "" if self.tree is None else f", {self.tree:,.1f} with pairs taken off"
        interval = f"95 %: {self.low:,.1f} to {self.high:,.1f}; {self.bias:,.1f} too low on average"
        counted = f"{self.vectors:,} states, {self.moving:,} of {self.n_bits:,} bits move, {self.left_out:,} states left out"
        return f"{self.marginal:,.1f} bits a state by {self.dictionary} ({interval}){tree}: {counted}"


def hidden_states(sources: Sources, texts: str | Sequence[str], at: int | str) -> States:
    """What `Study.hidden_states` returns."""
    where: int | Place = sources.lens(at).place if isinstance(at, str) else at
    states, tokens = _read(sources, texts, where, sources.workspace.recipe.context_length)
    return States(states.numpy(), tokens)


def _read(sources: Sources, texts: str | Sequence[str], where: int | Place, length: int) -> tuple[torch.Tensor, pd.DataFrame]:
    """The states at a place of texts that are read in windows of `length` tokens, and the tokens they stand at."""
    texts = [texts] if isinstance(texts, str) else list(texts)
    documents = [Document(str(number), text) for number, text in enumerate(texts)]
    group = list(contexts.contexts(sources.model, documents, "window", length))
    if not group:
        raise ValueError("there is no text to read; give at least one with a word in it")
    with Progress("reading the texts", sum(len(one.ids) - 1 for one in group), "tokens") as progress:
        states = contexts.read(sources.model, group, [where], progress.advance)[where]
    rows = [
        (int(one.document), position, one.text[start:end]) for one in group for position, (start, end) in enumerate(one.spans[1:], start=1)
    ]
    return states, pd.DataFrame(rows, columns=["text", "position", "token"])


@torch.inference_mode()
def entropy(sources: Sources, dictionary: str, of: str | Sequence[str] | np.ndarray | torch.Tensor, tree: bool) -> SetEntropy:
    """What `Study.entropy` returns."""
    lens = sources.lens(dictionary)
    autoencoder = lens.autoencoder
    if not autoencoder.discrete:
        raise ValueError(f"an entropy is that of bits; the features of {dictionary} are values. Choose a BAE: a dictionary of kind binary")
    if isinstance(of, np.ndarray | torch.Tensor):
        states = as_states(of)
        block = torch.arange(len(states)) % GROUPS
    else:
        states, tokens = _read(sources, of, lens.place, lens.context_length)
        block = torch.tensor(tokens["text"].tolist())
    if states.shape[1:] != autoencoder.scaling.mean.shape:
        raise ValueError(f"{dictionary} reads vectors of {len(autoencoder.scaling.mean)} numbers; these have {states.shape[1]}")
    states = checked_states(states.float()).to(sources.model.device)
    keep = autoencoder.scaling.keeps(states)
    code = autoencoder.bits(autoencoder.encode(states[keep])).cpu()
    block = block[keep.cpu()]
    if block.unique().numel() < 2:
        # one text alone: its tokens are dealt out instead
        block = torch.arange(len(code)) % GROUPS
    counts = BitCounts(code.shape[1], pairs=tree)
    counts.add(code)
    found = marginal_interval(BlockCounts.of(code, block))
    return SetEntropy(
        dictionary=dictionary,
        vectors=len(code),
        left_out=int((~keep).sum()),
        n_bits=code.shape[1],
        moving=int(((counts.ones > 0) & (counts.ones < len(code))).sum()),
        marginal=counts.marginal(),
        low=found.low,
        high=found.high,
        bias=counts.marginal_bias(),
        tree=counts.tree() if tree else None,
    )


def as_states(states: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Hidden states as a tensor. Raises ValueError where they are no table [token d_model] of numbers."""
    found = torch.as_tensor(states)
    if found.ndim != 2 or not found.is_floating_point():
        raise ValueError(f"hidden states are a table [token d_model] of floating point numbers; got {found.dtype} {list(found.shape)}")
    return found
