"""The synthetic directional benchmark (4.1, A.1, Fig. 2): BAEs and other estimates on sets whose entropy is known, r fair bits each.

    bae entropy synthetic --workspace WORKSPACE            # keeps WORKSPACE/entropy/synthetic-*.parquet

All ranks of one expansion are trained side by side, with both entropy terms and again without. Nothing is fitted to a rank: the settings
and the order of the batches are the same for all. A run that was stopped goes on from the last saved step and comes to the same result.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bae.entropy import peers
from bae.experiments.entropy.results import alone, begun
from bae.experiments.entropy.set_training import Adam, Fitted, Training, gradients_of
from bae.experiments.entropy.synthetic_measures import CHUNK, entropies, intervals, of_states, share, squared_error
from bae.experiments.entropy.synthetic_sets import DirectionalSets
from bae.experiments.entropy.synthetic_settings import CURVES, EXPERIMENT, PEERS, STAGE, Kept, Settings
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.training.descent import stoppable
from bae.workspace import Workspace

CURVE_POINTS = 40
SAVE_MINUTES = 2.0


@dataclass(frozen=True)
class Group:
    """BAEs that are trained side by side."""

    expansion: int
    entropy_loss: bool
    ranks: tuple[int, ...]

    def labels(self, rank: int) -> dict[str, object]:
        """What tells one of them from all others."""
        return {"expansion": self.expansion, "rank": rank, "entropy_loss": self.entropy_loss}


@dataclass(frozen=True)
class _Made:
    """Stands where results name their language model: these states come from none."""

    device: torch.device
    title: str = "none: states are made"
    fingerprint: str = ""


def run(workspace: Workspace, settings: Settings, device: torch.device | str = "cpu", memory_gb: float = 8.0) -> Kept:
    """Train and measure all that is not yet kept. `memory_gb` bounds what the BAEs that are trained side by side take.

    A SIGTERM saves what there is before it ends the process. Raises FloatingPointError where a training runs away, BlockingIOError while
    another experiment runs in this workspace.
    """
    with alone(workspace, EXPERIMENT):
        return _run(workspace, settings, device, memory_gb)


def _run(workspace: Workspace, settings: Settings, device: torch.device | str, memory_gb: float) -> Kept:
    made = _Made(torch.device(device))
    models = 2 * len(settings.ranks) * len(settings.expansions)
    wanted = {EXPERIMENT: models, PEERS: len(settings.ranks), CURVES: models * len(_measured_at(settings))}
    kept = Kept(*(begun(workspace, name, settings, made, count) for name, count in wanted.items()))
    if kept.results.finished:
        return kept
    sets = DirectionalSets(settings.ranks, settings.d_model, settings.samples, settings.seed, made.device)
    for rank in settings.ranks:
        if not kept.peers.has(rank=rank):
            began = time.monotonic()
            kept.peers.keep([{"rank": rank, **of_states(sets.whole(rank))}], time.monotonic() - began)
    groups, state = grouped(settings, memory_gb), kept.results.file.with_suffix(".state")
    with (
        stoppable() as told_to_stop,
        Progress("training BAEs", settings.steps * len(groups), "steps", workspace.status_file(STAGE)) as progress,
    ):
        for group in groups:
            if all(kept.results.has(**group.labels(rank)) for rank in group.ranks):
                progress.skip(settings.steps)
                continue
            training = GroupTraining(group, settings, sets, state)
            progress.skip(training.step)
            if not training.finish(progress.advance, told_to_stop):
                break
            _keep(kept, training)
    if kept.results.finished:
        shutil.rmtree(state)
    return kept


def _keep(kept: Kept, training: "GroupTraining") -> None:
    began = time.monotonic()
    rows = list(training.measured())
    # results last: a group whose results are there is done
    if not kept.curves.has(**training.group.labels(training.group.ranks[0])):
        kept.curves.keep(training.curve, 0.0)
    kept.results.keep(rows, training.seconds + time.monotonic() - began)


def grouped(settings: Settings, memory_gb: float) -> list[Group]:
    """The groups of a run: one expansion with or without the entropy terms, as many ranks as fit."""
    found = []
    for expansion in settings.expansions:
        together = max(1, int(memory_gb * 2**30 / _bytes(settings, expansion)))
        parts = [settings.ranks[begin : begin + together] for begin in range(0, len(settings.ranks), together)]
        found += [Group(expansion, entropy_loss, ranks) for entropy_loss in (True, False) for ranks in parts]
    return found


def _bytes(settings: Settings, expansion: int) -> int:
    """About what one BAE takes: weights, gradients and moments, signs of pairs, and what a batch leaves."""
    n_bits = settings.d_model * expansion
    return 4 * (2 * 5 * settings.d_model * n_bits + 2 * n_bits**2 + 6 * settings.batch_size * n_bits)


def _measured_at(settings: Settings) -> set[int]:
    """The steps at which curves have their points: the last one, and some before at even distances."""
    return {max(1, settings.steps * point // CURVE_POINTS) for point in range(1, CURVE_POINTS + 1)}


class GroupTraining:
    """BAEs of one group on their way, with a folder for their state."""

    def __init__(self, group: Group, settings: Settings, sets: DirectionalSets, folder: Path):
        """Take up the state in `folder` where it is this group's."""
        self.group, self.settings, self.sets, self.folder = group, settings, sets, folder
        self.step, self.seconds, self.curve = 0, 0.0, []
        self.weights = started(group, settings, sets.basis.device)
        self.descent = Adam(self.weights)
        self._places = [sets.ranks.index(rank) for rank in group.ranks]
        training = Training(
            expansion=group.expansion,
            steps=settings.steps,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            decay=settings.decay,
            entropy_weight=settings.entropy_weight / settings.d_model,
            covariance_weight=settings.covariance_weight / settings.d_model,
            warm_up=settings.warm_up,
        )
        self._training = training if group.entropy_loss else training.without_entropy()
        self._resume()

    def finish(self, advance: Callable[[int], None], told_to_stop: Callable[[], bool]) -> bool:
        """Take the steps that are left; False where it was told to stop before. Saves now and then."""
        began = saved = time.monotonic()
        spent = self.seconds
        points = _measured_at(self.settings)
        while self.step < self.settings.steps and not told_to_stop():
            self._take_step()
            advance(1)
            if self.step in points:
                self.curve += self._points()
            self.seconds = spent + time.monotonic() - began
            if time.monotonic() - saved > 60 * SAVE_MINUTES:
                self.save()
                saved = time.monotonic()
        self.save()
        return self.step == self.settings.steps

    def _take_step(self) -> None:
        # drawn from the step's own number, so that a run that goes on needs no state of a generator
        generator = torch.Generator().manual_seed(1_000_003 * self.settings.seed + self.step)
        rows = torch.randint(self.sets.samples * 4 // 5, (self.settings.batch_size,), generator=generator)
        batch = self.sets.rows(rows.to(self.sets.coins.device))[self._places]
        gradients, _, _ = gradients_of(batch, self.weights, self._training, self.step / self.settings.steps)
        left = (self.settings.steps - self.step) / max(self.settings.steps * self.settings.decay, 1)
        self.descent.step(gradients, self.settings.learning_rate * min(1.0, left))
        self.step += 1

    def _points(self) -> list[dict[str, object]]:
        """Where the curves are now. Raises FloatingPointError where weights are no longer finite."""
        if not all(weight.isfinite().all() for weight in self.weights):
            raise FloatingPointError(f"the weights are no longer finite at step {self.step}: lower the learning rate")
        points = []
        for states, rank, fitted in zip(self.sets.rows(slice(CHUNK))[self._places], self.group.ranks, self.fitted(), strict=True):
            found = entropies(fitted.encode(states).bool())
            error = squared_error(fitted, states)
            figures = {name: found[name] for name in ("marginal", "tree", "moving")}
            points.append({**self.group.labels(rank), "step": self.step, **figures, "fvu": share(error, states)})
        return points

    def fitted(self) -> list[Fitted]:
        """The BAEs as they are, in the order of the ranks."""
        W_in, b_in, W_out, b_out = self.weights
        return [Fitted(W_in[one], b_in[one, 0], W_out[one], b_out[one, 0]) for one in range(len(W_in))]

    def measured(self) -> Iterator[dict[str, object]]:
        """A row a BAE, on all states of its set: see `entropies`, and L_r as a mean over elements and as a share of the variance."""
        for rank, fitted in zip(self.group.ranks, self.fitted(), strict=True):
            states = self.sets.whole(rank)
            code = torch.cat([fitted.encode(part).bool() for part in states.split(CHUNK)])
            error = squared_error(fitted, states)
            yield {
                **self.group.labels(rank),
                "n_bits": code.shape[1],
                "samples": len(code),
                **entropies(code),
                **intervals(code),
                "patterns": peers.pattern_entropy(code),
                "binary_dimension": peers.binary_dimension(code),
                "reconstruction": error / states.numel(),
                "fvu": share(error, states),
            }

    def save(self) -> None:
        """Write down all that moves, whole or not at all."""
        tensors = {f"weight.{number}": weight for number, weight in enumerate(self.weights)}
        for number, moments in enumerate(self.descent.moments):
            tensors |= {f"moment.{number}.{which}": moment for which, moment in enumerate(moments)}
        with written_whole(self.folder) as draft:
            draft.mkdir()
            save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, draft / "state.safetensors")
            write_json(draft / "state.json", {"group": self._name, "step": self.step, "seconds": self.seconds, "curve": self.curve})

    def _resume(self) -> None:
        if not (self.folder / "state.json").is_file():
            return
        told = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        if told["group"] != self._name:
            return
        self.step, self.seconds, self.curve, self.descent.steps = told["step"], told["seconds"], told["curve"], told["step"]
        tensors = load_file(self.folder / "state.safetensors")
        for number, weight in enumerate(self.weights):
            weight.copy_(tensors[f"weight.{number}"])
            for which, moment in enumerate(self.descent.moments[number]):
                moment.copy_(tensors[f"moment.{number}.{which}"])

    @property
    def _name(self) -> str:
        ranks = ", ".join(map(str, self.group.ranks))
        return f"expansion {self.group.expansion}, {'with' if self.group.entropy_loss else 'without'} the entropy terms, ranks {ranks}"


def line(row: Mapping[str, object]) -> str:
    """A row in words."""
    loss = "with" if row["entropy_loss"] else "without"
    found = f"{row['marginal']:8,.2f} bits, unexplained {row['fvu'] or 0.0:.3f}"
    return f"expansion {row['expansion']:>2}  r {row['rank']:>3}  {loss} the entropy loss  {found}"


def started(group: Group, settings: Settings, device: torch.device) -> list[Tensor]:
    """First weights, decided by seed, rank and expansion: the encoder as `bae train` has it, its transpose made short as the decoder."""
    d_model, n_bits = settings.d_model, settings.d_model * group.expansion
    W_in = torch.empty(len(group.ranks), d_model, n_bits)
    for one, rank in zip(W_in, group.ranks, strict=True):
        generator = torch.Generator().manual_seed(1_000_003 * settings.seed + 1_009 * (rank + 1) + group.expansion)
        one.uniform_(-(d_model**-0.5), d_model**-0.5, generator=generator)
    W_out = settings.decoder_start * W_in.transpose(1, 2)
    biases = [torch.zeros(len(W_in), 1, width) for width in (n_bits, d_model)]
    return [weight.contiguous().to(device) for weight in (W_in, biases[0], W_out, biases[1])]
