"""A curve is read while it grows: the same figures as a reading of the whole file, and never half a line."""

import json
import os

import numpy as np
import pytest

from bae.training.curves import Curve, Series, joined, last, paired, thinned


def lines(steps, **figures) -> str:
    return "".join(json.dumps({"step": step, **{name: of(step) for name, of in figures.items()}}) + "\n" for step in steps)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "curve.jsonl"
    path.write_text(lines(range(50, 501, 50), loss=lambda step: 1 / step) + '{"step": 500, "held_out_fvu": 0.25}\n')
    return path


def test_reading_in_parts_is_reading_the_whole(file):
    whole = file.read_bytes()
    growing = Curve(file)
    for end in range(0, len(whole) + 1, 7):
        file.write_bytes(b"") if end == 0 else None
        with file.open("ab") as log:
            log.write(whole[max(end - 7, 0) : end])
        growing.refresh()
    with file.open("ab") as log:
        log.write(whole[end:])
    fresh = Curve(file).refresh()
    assert growing.refresh().series("loss").values.tolist() == fresh.series("loss").values.tolist() == [1 / s for s in range(50, 501, 50)]
    assert growing.last_step() == 500 and growing.unreadable == 0 and growing.names() == ["loss", "held_out_fvu"]


def test_only_what_was_added_is_read(file, monkeypatch):
    curve = Curve(file).refresh()
    taken = []
    monkeypatch.setattr(curve, "_take", taken.append)
    curve.refresh()
    assert not taken
    with file.open("a") as log:
        log.write('{"step": 550, "loss": 1}\n{"step": 600, "lo')
    curve.refresh()
    assert taken == [b'{"step": 550, "loss": 1}'], "the torn line waits"


def test_a_file_that_was_cut_is_read_anew(file):
    curve = Curve(file).refresh()
    text = lines(range(50, 301, 50), loss=lambda step: 2.0) + lines(range(350, 2001, 50), loss=lambda step: 3.0)
    file.with_suffix(".new").write_text(text)
    os.replace(file.with_suffix(".new"), file)
    values = curve.refresh().series("loss").values
    assert len(values) == 40 and values[0] == 2.0 and not len(curve.series("held_out_fvu").values)


@pytest.mark.parametrize("bad", ["nonsense", "[1, 2]", '{"loss": 1}', '{"step": 5, "loss": "low"}', '{"step": 5, "loss": true}'])
def test_lines_that_are_no_figures_are_counted(file, bad):
    with file.open("a") as log:
        log.write(f"{bad}\n" + '{"step": 550, "loss": 7}\n')
    curve = Curve(file).refresh()
    assert curve.unreadable == 1 and curve.series("loss").values[-1] == 7


def test_stages_are_joined_end_to_end(tmp_path, file):
    second = tmp_path / "second.jsonl"
    second.write_text(lines((50, 100), loss=lambda step: 9.0))
    stages = [Curve(file).refresh(), Curve(second).refresh()]
    assert joined(stages, "loss").steps.tolist() == [*range(50, 501, 50), 550, 600]
    assert last(stages, "loss") == 9.0 and last(stages, "held_out_fvu") == 0.25 and last(stages, "nothing") is None
    assert len(joined([], "loss").steps) == 0


def test_thinning_keeps_ends_and_spikes():
    values = np.random.default_rng(0).normal(size=54_321)
    values[31_415], values[27_182] = 1e6, -1e6
    thin = thinned(Series(np.arange(len(values)), values))
    assert len(thin.steps) <= 1000 and (np.diff(thin.steps) > 0).all()
    assert {0, 27_182, 31_415, 54_320} <= set(thin.steps) and (values[thin.steps] == thin.values).all()
    strided = values[:: len(values) // 1000]
    assert 1e6 not in strided, "negative control: every n-th value would have lost the spike"
    short = Series(np.arange(10), np.arange(10.0))
    assert thinned(short) is short


def test_thinning_survives_values_that_are_no_numbers():
    values = np.full(5000, np.nan)
    values[4000] = 1.0
    thin = thinned(Series(np.arange(5000), values))
    assert len(thin.steps) <= 1000 and 4000 in thin.steps


def test_a_path_pairs_figures_of_the_same_step(tmp_path):
    file = tmp_path / "curve.jsonl"
    file.write_text(
        lines(range(5000), reconstruction=float, entropy=lambda step: -step)
        + '{"step": 5000, "reconstruction": 1}\n{"step": 5000, "v": 1}\n'
    )
    steps, x, y = paired([Curve(file).refresh()], "reconstruction", "entropy", most=100)
    assert len(steps) == 100 and steps[0] == 0 and steps[-1] == 4999
    assert (x == steps).all() and (y == -steps).all()
    assert not len(paired([Curve(file).refresh()], "reconstruction", "nothing")[0])
