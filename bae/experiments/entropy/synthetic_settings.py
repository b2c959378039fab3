"""The synthetic directional benchmark (4.1, A.1, Fig. 2): what is run, and what earlier runs found. Loads no torch: pages read it."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bae.experiments.entropy import results as entropy_results
from bae.experiments.entropy.results import Results, Runs
from bae.workspace import Workspace

EXPERIMENT = "synthetic"
STAGE = f"entropy-{EXPERIMENT}"
"""Under which the workspace is told how far a run is."""
PEERS, CURVES = f"{EXPERIMENT}-peers", f"{EXPERIMENT}-curves"
"""The two files beside the results."""
LARGEST_BATCH = 4095
"""Float32 counts pairs exactly up to here: batch squared stays below 2**24."""


@dataclass(frozen=True)
class Settings:
    """What is run. The same training for every rank and expansion, once with both entropy terms and once without."""

    d_model: int = 64
    ranks: tuple[int, ...] = (0, 1, 2, 4, 8, 16, 32)
    """Fair bits in a set of states, r."""
    expansions: tuple[int, ...] = (1, 2, 4)
    """Bits of a code over the width of the states, d'/d."""
    samples: int = 65_536
    """States of a set; four fifths are trained on, the code of all is measured."""
    steps: int = 20_000
    batch_size: int = 512
    learning_rate: float = 2e-3
    decay: float = 0.3
    """Last share of the steps, over which the learning rate falls to 0."""
    entropy_weight: float = 6.4e-3
    """alpha_e d: the weight beside an L_r that is summed over d, as Eq. (3) prints it. So a bit weighs the same at every width. The
    paper's 5e-7 is 1.0e-3 here, which leaves mixtures of bits at rank 32 after 5,000 steps."""
    covariance_weight: float = 2e-3
    """alpha_c d, the paper's 1e-6. Without it copies of bits stay: the entropy has no slope at a rate of 1/2."""
    warm_up: float = 0.25
    """Share of the steps before alpha_e acts."""
    decoder_start: float = 0.1
    """Of the encoder's directions, how long those of the decoder are at the start. At 1 a code's first reconstruction is several times
    longer than the states; where training ends is the same (d = 64, expansion 4)."""
    seed: int = 0

    def __post_init__(self):
        if not self.ranks or not self.expansions or min(self.ranks) < 0 or min(self.expansions) < 1:
            raise ValueError(f"ranks are 0 or more and expansions 1 or more, at least one of each; got {self.ranks} and {self.expansions}")
        for name, values in (("ranks", self.ranks), ("expansions", self.expansions)):
            if len(set(values)) < len(values):
                raise ValueError(f"{name} are each named once; got {list(values)}")
        if max(self.ranks) > self.d_model:
            raise ValueError(f"a set of rank {max(self.ranks)} needs states of at least that width; d_model is {self.d_model}")
        if not 2 <= self.batch_size <= min(LARGEST_BATCH, self.samples * 4 // 5):
            raise ValueError(
                f"a batch is of 2 to {LARGEST_BATCH} states, and no more than four fifths of the samples; "
                f"got batch_size {self.batch_size} and samples {self.samples}"
            )
        if self.steps < 1 or self.learning_rate <= 0 or self.decoder_start <= 0:
            raise ValueError(f"steps are 1 or more, learning_rate and decoder_start above 0; got {self}")
        if not (0 <= self.decay <= 1 and 0 <= self.warm_up <= 1) or min(self.entropy_weight, self.covariance_weight) < 0:
            raise ValueError(f"decay and warm_up are shares in [0, 1], weights 0 or more; got {self}")


PAPER = Settings(
    d_model=2048, ranks=(0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512), expansions=(1, 2, 4, 8, 16), steps=204_800, learning_rate=5e-4
)
"""The paper's grid (A.1): 2,000 epochs of batches of 512. For a GPU."""


class Kept(NamedTuple):
    """A run of the benchmark as far as it has come."""

    results: Results
    """A row a BAE: `expansion`, `rank`, `entropy_loss`, and what `bae.experiments.entropy.synthetic.measured` gives."""
    peers: Results
    """A row a rank: the peers that read the states, `pca_rank`, `renyi_1`, `renyi_2`, `two_nn`."""
    curves: Results
    """A row a BAE and step: `marginal` and `tree`, in bits, and `fvu`, on the first states of its set."""


def kept(workspace: Workspace) -> Runs[Kept]:
    """Every run of the benchmark."""
    return entropy_results.read_all(workspace, EXPERIMENT, _read, lambda kept: kept.results)


def _read(file: Path) -> Kept:
    beside = (file.with_name(file.name.replace(EXPERIMENT, name, 1)) for name in (PEERS, CURVES))
    return Kept(Results.read(file), *map(Results.read, beside))
