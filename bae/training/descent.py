"""Fit autoencoders to a stream of hidden states. Never sees a language model; does not know which kind it trains.

Same seed, same result, also across a kill: the order of the data is a function of the seed and the step, and everything
else that moves is in `TrainingState`, saved whole every few minutes. Several autoencoders can share one pass over the data.
"""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bae.autoencoder import Autoencoder, Pair
from bae.states.harvest import HiddenStates
from bae.system import world
from bae.system.files import write_json, written_whole
from bae.system.progress import Progress
from bae.training.objective import Loss

BUFFER_SHARDS = 8
"""Shards that are mixed in memory at a time."""
DEAD_AFTER_TOKENS = 100_000
HARMLESS = {f"{table}.{key}" for table in ("descent", "options") for key in ("save_minutes", "refit")}
"""Options that may differ when a training goes on: the result does not hang on them, or not yet."""


class Objective(Protocol):
    """What `bae.training.objective` gives."""

    def __call__(self, autoencoder: nn.Module, batch: Pair, done: float, dead: Tensor | None) -> Loss:
        """The loss of a batch at a share of training `done`."""

    def watch(self, code: Tensor) -> dict[str, Tensor]:
        """Figures for the curve that no gradient needs."""


@dataclass(frozen=True)
class FitConfig:
    """How to descend."""

    steps: int = 2500
    batch_size: int = 512
    """Tokens, over all processes. The noise of the covariance penalty hangs on it: another batch size is another objective."""
    learning_rate: float = 5e-4
    decay: float = 0.4
    """Last share of the steps, over which the learning rate falls linearly to 0."""
    seed: int = 0
    save_minutes: float = 2.0
    """Time between states that a killed run goes on from."""
    log_every: int = 50
    measure_every: int = 500
    """Steps between measurements on held-out states."""

    def __post_init__(self):
        if self.steps < 1 or self.batch_size < 2 or self.learning_rate <= 0 or not 0 <= self.decay <= 1:
            raise ValueError(f"training needs steps >= 1, batch_size >= 2, learning_rate > 0 and decay in [0, 1]; got {self}")
        if self.log_every < 1 or self.measure_every < 1:
            raise ValueError(f"a curve needs log_every >= 1 and measure_every >= 1; got {self}")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(self.steps * self.decay, 1)
        return self.learning_rate * min(1.0, left)


def stream(states: HiddenStates, layer: int, autoencoder: Autoencoder, batch_size: int, seed: int, skip: int = 0) -> Iterator[Pair]:
    """Endless batches of scaled states: every epoch all of them, in a new order that seed and epoch alone decide.

    `skip` leaves out the first batches, whole epochs of them without reading. Raises ValueError where the harvest does not
    fill one batch.
    """
    kept = states.kept(layer, autoencoder)
    if kept < batch_size:
        raise ValueError(f"the harvest holds {kept} hidden states, fewer than one batch of {batch_size}")
    skipped_epochs, skip = divmod(skip, kept // batch_size)
    for epoch in count(skipped_epochs):
        for number, batch in enumerate(_epoch(states, layer, autoencoder, batch_size, seed * 1_000_003 + epoch)):
            if epoch > skipped_epochs or number >= skip:
                yield batch.map(autoencoder.scaling.apply, autoencoder.written_scaling.apply)


def _epoch(states: HiddenStates, layer: int, autoencoder: Autoencoder, batch_size: int, seed: int) -> Iterator[Pair]:
    """Raw batches of one epoch: shards in a random order, a few at a time mixed row by row."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(states.n_shards, generator=generator).tolist()
    rest: list[Pair] = []
    for begin in range(0, len(order), BUFFER_SHARDS):
        parts = [*rest, *(states.pairs(number, layer, autoencoder) for number in order[begin : begin + BUFFER_SHARDS])]
        rows = torch.randperm(sum(map(len, parts)), generator=generator)
        mixed = Pair.joined(parts).map(lambda vectors, rows=rows: vectors[rows])
        whole = len(mixed) - len(mixed) % batch_size
        yield from mixed.rows(0, whole).split(batch_size)
        # a copy, or the few rows that are left would keep all the others in memory
        rest = [mixed.rows(whole).map(Tensor.clone)]
        del mixed, parts


@dataclass
class TrainingState:
    """All that moves while training."""

    autoencoder: nn.Module
    optimizer: torch.optim.Adam
    silence: Tensor
    """Tokens since each feature last fired."""
    dead: Tensor | None = None
    """Features that have been silent for long; None while there are none. Looked up now and then, so that no step waits for it."""
    step: int = 0

    @classmethod
    def start(cls, autoencoder: nn.Module) -> "TrainingState":
        """Before the first step."""
        trained = [weight for weight in autoencoder.parameters() if weight.requires_grad]
        device = trained[0].device
        optimizer = torch.optim.Adam(trained, lr=0.0, betas=(0.9, 0.999), fused=device.type in ("cpu", "cuda"))
        return cls(autoencoder, optimizer, torch.zeros(autoencoder.W_in.shape[1], dtype=torch.int64, device=device))

    def save(self, path: Path) -> None:
        """Write everything, whole or not at all."""
        tensors = {f"weight.{name}": weight.detach().contiguous() for name, weight in self.autoencoder.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value.contiguous() for name, value in moments.items()}
        tensors |= {"silence": self.silence, "step": torch.tensor(self.step)}
        if self.dead is not None:
            tensors["dead"] = self.dead
        with written_whole(path) as draft:
            save_file(tensors, draft)

    def load(self, path: Path) -> None:
        """Take up what `save` wrote."""
        device = self.silence.device
        tensors = load_file(path)
        self.step, self.silence = int(tensors.pop("step")), tensors.pop("silence").to(device)
        self.dead = tensors.pop("dead").to(device) if "dead" in tensors else None
        self.autoencoder.load_state_dict({name: tensors.pop(f"weight.{name}") for name in self.autoencoder.state_dict()})
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            _, number, name = key.split(".", 2)
            moments.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})


class Run:
    """One autoencoder on its way: its objective, its descent, and a folder for its state and its curve."""

    def __init__(
        self,
        autoencoder: nn.Module,
        objective: Objective,
        config: FitConfig,
        folder: Path,
        held_out: Pair | None = None,
        origin: Mapping[str, object] | None = None,
    ):
        """Take up the state in `folder` if there is one. `origin` is what else decides the result.

        Raises ValueError when the state is that of another training.
        """
        self.autoencoder, self.objective, self.config, self.folder, self.held_out = autoencoder, objective, config, folder, held_out
        self.state = TrainingState.start(autoencoder)
        self._saved, self._curve = folder / "state.safetensors", folder / "curve.jsonl"
        self._loss: Tensor | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._claim(origin or {})
        if self._saved.exists():
            self.state.load(self._saved)
        if world.rank() == 0:
            _cut_curve(self._curve, self.state.step)
        self._saved_at = time.monotonic()

    def _claim(self, origin: Mapping[str, object]) -> None:
        """Write down what is trained, or hold it against what an earlier run wrote."""
        shapes = {name: list(weight.shape) for name, weight in self.autoencoder.named_parameters()}
        told = {"weights": shapes, "objective": vars(self.objective), "descent": vars(self.config), **origin}
        told = {key: value for key, value in _flat(json.loads(json.dumps(told))).items() if key not in HARMLESS}
        record = self.folder / "training.json"
        found = json.loads(record.read_text(encoding="utf-8")) if record.exists() and self._saved.exists() else told
        different = sorted(key for key in told.keys() | found.keys() if told.get(key) != found.get(key))
        if different:
            changes = "; ".join(f"{key} (there {found.get(key)!r}, now {told.get(key)!r})" for key in different)
            raise ValueError(f"{self.folder} holds the state of another training, which differs in {changes}; delete it to begin anew")
        if world.rank() == 0:
            write_json(record, told)

    @property
    def done(self) -> bool:
        """Whether all steps were taken."""
        return self.state.step >= self.config.steps

    def advance(self, batch: Pair) -> Loss:
        """Take a step, and do what is due after it."""
        state, config = self.state, self.config
        batch = batch.map(lambda vectors: world.own_part(vectors).to(state.silence.device))
        loss = step(state, batch, self.objective, config)
        self._loss = loss.total.detach()
        if state.step % config.log_every == 0:
            self._log(loss)
        if state.step % config.measure_every == 0:
            self._measure()
        if self.done or (state.step % config.log_every == 0 and time.monotonic() - self._saved_at >= 60 * config.save_minutes):
            self.save()
        return loss

    def save(self) -> None:
        """Write the state that a killed run goes on from. Raises FloatingPointError where it is no longer finite."""
        self._check_finite()
        if world.rank() == 0:
            self.state.save(self._saved)
        self._saved_at = time.monotonic()

    def _log(self, loss: Loss) -> None:
        self._check_finite()
        state = self.state
        silent = state.silence > DEAD_AFTER_TOKENS
        state.dead = silent if silent.any() else None
        watched = self.objective.watch(loss.code.detach())
        self._write({"step": state.step, "loss": loss.total.item(), **{n: part.item() for n, part in (loss.parts | watched).items()}})

    def _check_finite(self) -> None:
        if self._loss is not None and not torch.isfinite(self._loss):
            found, number = self._loss.item(), self.state.step
            raise FloatingPointError(f"the loss is {found} at step {number}: lower the learning rate, or scale the hidden states")

    @torch.no_grad()
    def _measure(self) -> None:
        if self.held_out is not None:
            sample = self.held_out.map(lambda vectors: vectors.to(self.state.silence.device))
            self.autoencoder.eval()
            found = self.autoencoder(sample.read).found
            self.autoencoder.train()
            error = (sample.written - found).square().sum() / (sample.written - sample.written.mean(0)).square().sum()
            self._write({"step": self.state.step, "held_out_fvu": error.item()})

    def _write(self, figures: dict) -> None:
        if world.rank() == 0:
            with self._curve.open("a", encoding="utf-8") as file:
                file.write(json.dumps(figures) + "\n")


def fit(runs: Sequence[Run], batches: Callable[[int], Iterator[Pair]], status: Path | None = None) -> None:
    """Train the autoencoders of `runs` in place, in one pass over the data; each goes on from the state in its folder.

    `batches(skip)` gives the batches from number `skip` on. The loss curve of a run grows in its `curve.jsonl`, with the share
    of the variance of held-out states that is unexplained. A SIGTERM saves the states before it ends a process that trains alone.
    Raises FloatingPointError when a loss is no longer finite; the last saved state stays.
    """
    for run in runs:
        world.agree(run.autoencoder)
    first = min(run.state.step for run in runs)
    steps = max(run.config.steps for run in runs)
    title = "train " + ", ".join(run.folder.parent.name for run in runs)
    with stoppable() as told_to_stop, Progress(title, steps, "steps", status if world.rank() == 0 else None, done=first) as progress:
        stream = batches(first)
        for number in range(first, steps):
            if told_to_stop():
                for run in runs:
                    run.save()
                return
            batch = next(stream)
            for run in runs:
                if run.state.step == number and not run.done:
                    run.advance(batch)
            progress.advance(1)


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """Hold a SIGTERM back while the block runs, and end by it afterwards; yields whether one came."""
    came = []
    if world.size() > 1 or threading.current_thread() is not threading.main_thread():  # ranks must not stop at different steps
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, lambda *_: came.append(True))
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGTERM, before)
    if came:
        signal.raise_signal(signal.SIGTERM)


def step(state: TrainingState, batch: Pair, objective: Objective, config: FitConfig) -> Loss:
    """One step of descent on this process' part of a batch."""
    state.optimizer.param_groups[0]["lr"] = config.rate_at(state.step)
    state.optimizer.zero_grad(set_to_none=True)
    loss = objective(state.autoencoder, batch, state.step / config.steps, state.dead)
    loss.total.backward()
    for weight in state.optimizer.param_groups[0]["params"]:
        world.add_up(weight.grad)
    state.optimizer.step()
    if hasattr(state.autoencoder, "normalize"):
        state.autoencoder.normalize()
    fired = world.add_up((loss.code.detach() != 0).any(0).to(torch.uint8)) > 0
    state.silence = torch.where(fired, 0, state.silence + config.batch_size)
    state.step += 1
    return loss


def _flat(told: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested tables as one, keys joined by dots."""
    flat = {}
    for key, value in told.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


def _cut_curve(curve: Path, last: int) -> None:
    """Drop what a killed run logged after its last saved state: those steps are taken again."""
    if curve.exists():
        lines = [line for line in curve.read_text(encoding="utf-8").splitlines() if line.endswith("}") and json.loads(line)["step"] <= last]
        with written_whole(curve) as draft:
            draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
