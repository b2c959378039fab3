"""Runs of experiments on entropies: one at a time in a workspace, and what is told of how they were made."""

import sys
import time

import pytest

from bae.experiments.entropy import job as entropy_job
from bae.experiments.entropy import language as language_entropy
from bae.experiments.entropy import synthetic
from bae.experiments.entropy.results import Results, alone, lock_file
from bae.experiments.entropy.synthetic_settings import Settings
from bae.system.files import held
from bae.workspace import DATA, Workspace

SMALL = Settings(8, (0, 1), (1,), samples=64, steps=4, batch_size=16)


@pytest.fixture
def study(tmp_path) -> Workspace:
    return Workspace.create(tmp_path / "study", DATA / "recipes" / "workshop.toml")


def test_a_second_experiment_is_refused_and_touches_nothing(study):
    with alone(study, "tokens"):
        assert entropy_job.elsewhere(study) == "tokens"
        with pytest.raises(BlockingIOError, match="runs in this workspace already"):
            synthetic.run(study, SMALL)
        with pytest.raises(BlockingIOError, match="runs in this workspace already"):
            language_entropy.run(study, language_entropy.Settings())
        assert not list((study.folder / "entropy").glob("*.parquet"))
    # control: free again
    assert entropy_job.elsewhere(study) is None
    assert synthetic.run(study, SMALL).results.finished and not held(lock_file(study))


def test_the_command_is_bae_however_it_was_started(study, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/bae/__main__.py", "entropy", "synthetic", "--workspace", "a b"])
    told = synthetic.run(study, SMALL).results.provenance["command"]
    assert told == "bae entropy synthetic --workspace 'a b'" and "__main__" not in told


def test_work_before_the_first_row_counts(tmp_path):
    results = Results(tmp_path / "language-0123456789ab.parquet", {"seconds": 0.0, "wanted": 1}, [])
    with results.timed():
        time.sleep(0.05)
    results.keep([{"layer": 0}], 2.0)
    assert 2.05 <= Results.read(results.file).provenance["seconds"] < 4
