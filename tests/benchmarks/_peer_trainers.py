"""How fast sae-lens and dictionary_learning train, on cached vectors: the step as their own trainers do it, nothing else.

    PEERS -W ignore tests/benchmarks/_peer_trainers.py VECTORS.safetensors [--only relu] [--package sae-lens] [--steps 100]

PEERS is the Python of an environment with sae-lens and dictionary-learning; `train.py` calls this with it. The file holds a
tensor "x" [n, d]. Prints one JSON object: median step, vectors a second, package versions. No evaluation, logging or reading
of data is timed; batches are consecutive rows, made contiguous beforehand.
"""

import argparse
import json
import os
import statistics
import sys
import time
from importlib.metadata import version

parser = argparse.ArgumentParser()
parser.add_argument("file")
parser.add_argument("--only", help="one kind: relu, topk, batchtopk, gated")
parser.add_argument("--package", help="sae-lens or dictionary-learning; both without")
parser.add_argument("--steps", type=int, default=100)
parser.add_argument("--warm-up", type=int, default=10)
parser.add_argument("--batch", type=int, default=512)
parser.add_argument("--width", type=int, default=2304)
parser.add_argument("--k", type=int, default=15)
parser.add_argument("--threads", type=int, default=2)
chosen = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(chosen.threads)
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

torch.set_num_threads(chosen.threads)
TOTAL = 100_000  # steps that schedules are told of, so that no decay falls into the measurement


def sae_lens_step(kind, d):
    """One call of SAETrainer.step, which is what SAETrainer.fit calls for every batch."""
    import sae_lens
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    shared = {"d_in": d, "d_sae": chosen.width}
    sae = {
        "relu": lambda: sae_lens.StandardTrainingSAE(sae_lens.StandardTrainingSAEConfig(**shared, l1_coefficient=1e-3)),
        "topk": lambda: sae_lens.TopKTrainingSAE(sae_lens.TopKTrainingSAEConfig(**shared, k=chosen.k)),
        "batchtopk": lambda: sae_lens.BatchTopKTrainingSAE(sae_lens.BatchTopKTrainingSAEConfig(**shared, k=chosen.k)),
        "gated": lambda: sae_lens.GatedTrainingSAE(sae_lens.GatedTrainingSAEConfig(**shared, l1_coefficient=1e-3)),
    }[kind]()
    config = SAETrainerConfig(total_training_samples=TOTAL * chosen.batch, train_batch_size_samples=chosen.batch, lr_end=3e-4)
    trainer = SAETrainer(config, sae, data_provider=iter(()))

    def step(_number, batch):
        trainer.step(batch)
        trainer.n_training_steps += 1

    return step


def dictionary_learning_step(kind, d):
    """One call of Trainer.update, which is what trainSAE calls for every batch."""
    from dictionary_learning import trainers

    cls, options = {
        "relu": (trainers.StandardTrainer, {"l1_penalty": 1e-3}),
        "topk": (trainers.TopKTrainer, {"k": chosen.k}),
        "batchtopk": (trainers.BatchTopKTrainer, {"k": chosen.k}),
        "gated": (trainers.GatedSAETrainer, {"l1_penalty": 1e-3}),
    }[kind]
    trainer = cls(steps=TOTAL, activation_dim=d, dict_size=chosen.width, layer=15, lm_name="none", device="cpu", **options)
    return lambda number, batch: trainer.update(number, batch)


PACKAGES = {"sae-lens": sae_lens_step, "dictionary-learning": dictionary_learning_step}


def measure(make, kind, batches):
    torch.manual_seed(0)
    step = make(kind, batches[0].shape[1])
    seconds = []
    for number in range(chosen.warm_up + chosen.steps):
        batch = batches[number % len(batches)].clone()
        began = time.perf_counter()
        step(number, batch)
        seconds.append(time.perf_counter() - began)
    seconds = seconds[chosen.warm_up :]
    return {"vectors_per_s": chosen.batch * len(seconds) / sum(seconds), "median_step_ms": 1000 * statistics.median(seconds)}


x = load_file(chosen.file)["x"].float()
x = (x - x.mean(0)) * (x.shape[1] / (x - x.mean(0)).square().sum(-1).mean()).sqrt()
batches = [part.contiguous() for part in x.split(chosen.batch) if len(part) == chosen.batch][:200]
rows = []
for package, make in PACKAGES.items():
    for kind in ("relu", "topk", "batchtopk", "gated"):
        if (chosen.only or kind) == kind and (chosen.package or package) == package:
            rows.append({"package": package, "version": version(package), "kind": kind, **measure(make, kind, batches)})
            print(rows[-1], file=sys.stderr)
told = {"torch": torch.__version__, "threads": chosen.threads, "batch": chosen.batch, "d": x.shape[1], "width": chosen.width, "k": chosen.k}
print(json.dumps({**told, "steps": chosen.steps, "warm_up": chosen.warm_up, "rows": rows}))
