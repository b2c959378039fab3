"""Curves are read off where they pass, and seeds are gathered by kind and layer."""

import json

import pytest

from bae.experiments.dictionaries.comparison import HOW_GOOD, bits_at, figures, rates, table
from bae.experiments.dictionaries.rate_distortion import Point
from bae.workspace import Workspace


def points(*pairs: tuple[float, float]) -> list[Point]:
    return [Point("topk-15-0", "topk", 1.0, bits, fvu) for bits, fvu in pairs]


def test_bits_between_two_points_lie_on_the_line_between_them():
    assert bits_at(points((100, 0.30), (200, 0.20)), 0.25) == pytest.approx(150)
    assert bits_at(points((100, 0.30), (200, 0.20)), 0.10) is None and bits_at(points((100, 0.3)), 0.3) is None
    assert bits_at(points((100, 0.30), (250, 0.25), (200, 0.20)), 0.25) == pytest.approx(150), "what is worse in both is left out"


@pytest.fixture
def study(tmp_path) -> Workspace:
    (tmp_path / "recipe.toml").write_text('layers = [15]\n[[autoencoder]]\nname = "topk-15-0"\nkind = "topk"\nlayer = 15\n')
    found = Workspace.open(tmp_path)
    for name, fvu in (("topk-15-0", 0.2), ("topk-15-1", 0.24), ("topk-10-0", 0.1), ("topk-15-low", 0.9)):
        found.autoencoder_folder(name).mkdir(parents=True)
        (found.autoencoder_folder(name) / "config.json").write_text(json.dumps({"provenance": {"figures": {"fvu": fvu, "l0": 15}}}))
    found.evaluation_file("topk-15-0").parent.mkdir()
    found.evaluation_file("topk-15-0").write_text(json.dumps({"delta_ce": 0.25}))
    found.rates_file.write_text(json.dumps([vars(p) for p in points((100, 0.30), (200, 0.20))]))
    return found


def test_seeds_are_one_row(study):
    lines = table(figures(study), HOW_GOOD)
    assert lines[2].startswith("| 15 | Top-k SAE | 2 | 0.220 (0.200 to 0.240) |")
    assert lines[3].startswith("| 10 | Top-k SAE | 1 | 0.100 |") and len(lines) == 4
    assert "| 0.250 |" in lines[2], "what was measured of one seed"


def test_rates_are_of_the_layer(study):
    assert any(line.startswith("| Top-k SAE |  | 200 | 180 | 160 | 140 |") for line in rates(study))
    assert not any("200" in line for line in rates(study, layer=10))
