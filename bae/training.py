"""Fit an autoencoder to a stream of hidden states. Never sees a language model; does not know which kind it trains.

Same seed, same result, also across a kill: the order of the data is a function of the seed and the step, and everything
else that moves is in `TrainingState`, saved whole every few hundred steps.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bae.files import written_whole
from bae.harvest import HiddenStates
from bae.objective import Loss
from bae.progress import Progress
from bae.scaling import Scaling

BUFFER_SHARDS = 8
"""Shards that are mixed in memory at a time."""
DEAD_AFTER_TOKENS = 100_000

Objective = Callable[[nn.Module, Tensor, float, Tensor], Loss]


@dataclass(frozen=True)
class FitConfig:
    """How to descend."""

    steps: int = 2500
    batch_size: int = 512
    """Tokens. The noise of the covariance penalty hangs on it: another batch size is another objective."""
    learning_rate: float = 5e-4
    decay: float = 0.4
    """Last share of the steps, over which the learning rate falls linearly to 0."""
    seed: int = 0
    save_every: int = 500
    log_every: int = 50

    def __post_init__(self):
        if self.steps < 1 or self.batch_size < 2 or self.learning_rate <= 0 or not 0 <= self.decay <= 1:
            raise ValueError(f"training needs steps >= 1, batch_size >= 2, learning_rate > 0 and decay in [0, 1]; got {self}")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        left = (self.steps - step) / max(self.steps * self.decay, 1)
        return self.learning_rate * min(1.0, left)


def stream(states: HiddenStates, layer: int, scaling: Scaling, batch_size: int, seed: int) -> Iterator[Float[Tensor, "_ d_model"]]:
    """Endless batches of scaled hidden states: every epoch all of them, in a new order that seed and epoch alone decide.

    Raises ValueError where the harvest does not fill one batch.
    """
    if len(states) - scaling.dropped < batch_size:
        raise ValueError(f"the harvest holds {len(states) - scaling.dropped} hidden states, fewer than one batch of {batch_size}")
    for epoch in count():
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(states.n_shards, generator=generator).tolist()
        rest = torch.empty(0, scaling.mean.shape[0], dtype=torch.float16)
        for begin in range(0, len(order), BUFFER_SHARDS):
            shards = [states.kept(number, layer, scaling) for number in order[begin : begin + BUFFER_SHARDS]]
            mixed = torch.cat([rest, *shards])
            mixed = mixed[torch.randperm(len(mixed), generator=generator)]
            whole = len(mixed) - len(mixed) % batch_size
            yield from (scaling.apply(batch) for batch in mixed[:whole].split(batch_size))
            rest = mixed[whole:]


@dataclass
class TrainingState:
    """All that moves while training."""

    autoencoder: nn.Module
    optimizer: torch.optim.Adam
    silence: Tensor
    """Tokens since each feature last fired."""
    step: int = 0

    @classmethod
    def start(cls, autoencoder: nn.Module) -> "TrainingState":
        """Before the first step."""
        trained = [weight for weight in autoencoder.parameters() if weight.requires_grad]
        device = trained[0].device
        optimizer = torch.optim.Adam(trained, lr=0.0, betas=(0.9, 0.999), fused=device.type in ("cpu", "cuda"))
        return cls(autoencoder, optimizer, torch.zeros(autoencoder.n_features, dtype=torch.int64, device=device))

    def save(self, path: Path) -> None:
        """Write everything, whole or not at all."""
        tensors = {f"weight.{name}": weight.detach().contiguous() for name, weight in self.autoencoder.named_parameters()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"adam.{number}.{name}": value.contiguous() for name, value in moments.items()}
        tensors |= {"silence": self.silence, "step": torch.tensor(self.step)}
        with written_whole(path) as draft:
            save_file(tensors, draft)

    def load(self, path: Path) -> None:
        """Take up what `save` wrote."""
        tensors = load_file(path)
        self.step, self.silence = int(tensors.pop("step")), tensors.pop("silence").to(self.silence.device)
        with torch.no_grad():
            for name, weight in self.autoencoder.named_parameters():
                weight.copy_(tensors.pop(f"weight.{name}"))
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            _, number, name = key.split(".", 2)
            moments.setdefault(int(number), {})[name] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})


def fit(
    autoencoder: nn.Module,
    batches: Iterator[Float[Tensor, "_ d_model"]],
    objective: Objective,
    config: FitConfig,
    folder: Path,
    status: Path | None = None,
    held_out: Float[Tensor, "token d_model"] | None = None,
) -> nn.Module:
    """Train `autoencoder` in place; go on from the state in `folder` if there is one.

    `batches` starts at step 0 also when training goes on. The loss curve grows in `folder/curve.jsonl`, with the share of
    the variance of `held_out` (scaled hidden states) that is unexplained whenever the state is saved.
    Raises FloatingPointError when the loss is no longer finite; the last saved state stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = TrainingState.start(autoencoder)
    saved, curve = folder / "state.safetensors", folder / "curve.jsonl"
    if saved.exists():
        state.load(saved)
    _cut_curve(curve, state.step)
    with Progress(f"train {folder.name}", config.steps, "steps", status, done=state.step) as progress:
        for batch in islice(batches, state.step, config.steps):
            loss = _step(state, batch.to(state.silence.device), objective, config)
            if state.step % config.log_every == 0:
                _log(curve, state.step, loss)
            if state.step % config.save_every == 0:
                state.save(saved)
                _log_held_out(curve, state, held_out)
            progress.advance(1)
    state.save(saved)
    return autoencoder


def _step(state: TrainingState, batch: Tensor, objective: Objective, config: FitConfig) -> Loss:
    state.optimizer.param_groups[0]["lr"] = config.rate_at(state.step)
    state.optimizer.zero_grad(set_to_none=True)
    loss = objective(state.autoencoder, batch, state.step / config.steps, state.silence > DEAD_AFTER_TOKENS)
    loss.total.backward()
    state.optimizer.step()
    if hasattr(state.autoencoder, "normalize"):
        state.autoencoder.normalize()
    fired = (loss.code.detach() != 0).any(0)
    state.silence = torch.where(fired, 0, state.silence + len(batch))
    state.step += 1
    return loss


def _log(curve: Path, step: int, loss: Loss) -> None:
    figures = {"step": step, "loss": loss.total.item(), **{name: part.item() for name, part in loss.parts.items()}}
    if not torch.isfinite(loss.total):
        raise FloatingPointError(f"the loss is {figures['loss']} at step {step}: lower the learning rate, or scale the hidden states")
    with curve.open("a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")


@torch.no_grad()
def _log_held_out(curve: Path, state: TrainingState, held_out: Tensor | None) -> None:
    if held_out is None:
        return
    sample = held_out.to(state.silence.device)
    error = (sample - state.autoencoder(sample)[0]).square().sum() / (sample - sample.mean(0)).square().sum()
    with curve.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"step": state.step, "held_out_fvu": error.item()}) + "\n")


def _cut_curve(curve: Path, step: int) -> None:
    """Drop what a killed run logged after its last saved state: those steps are taken again."""
    if curve.exists():
        lines = [line for line in curve.read_text(encoding="utf-8").splitlines() if line.endswith("}") and json.loads(line)["step"] <= step]
        with written_whole(curve) as draft:
            draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
