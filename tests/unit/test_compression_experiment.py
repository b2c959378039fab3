"""Baselines against what is known of them, Table 3 on a small study, and the commands."""

import json
import shutil
import weakref
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from bae import pipeline
from bae.autoencoder import checkpoint
from bae.cli.compress import register
from bae.compression import CompressedStates, HarvestVectors
from bae.compression.baselines import Basis, EntropyCoded, FixedLength
from bae.experiments.compression import experiment as compression
from bae.experiments.compression.experiment import run
from bae.experiments.compression.job import lock_file
from bae.experiments.compression.results import (
    Settings,
    compressed_file,
    read_provenance,
    read_rows,
    record_digest,
    results_file,
    same_run,
    table,
)
from bae.model.language_model import LanguageModel
from bae.model.splicing import splice
from bae.reading.lenses import load_lenses
from bae.states import harvest as harvesting
from bae.states.harvest import HiddenStates
from bae.system.files import locked
from bae.workspace import Workspace
from tests.pages.small_study import LAYER, make_study

SETTINGS = Settings(vectors=600, fitted=600, spliced_tokens=300, thresholds=(-1.0, -0.1, 0.0))


@pytest.fixture(scope="module")
def sides():
    """Gaussian vectors along known axes: what is fitted on, and what is measured."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(8, 8, generator=generator))[0]
    draw = lambda n: torch.randn(n, 8, generator=generator) * torch.tensor([32.0, 16, 8, 4, 2, 1, 0.5, 0.25]) @ turn + 5  # noqa: E731
    return [draw(3000), draw(1000)], [draw(1500), draw(500)]


def mse(baseline, measured) -> float:
    states = torch.cat(measured)
    return (baseline.found(states) - states).double().square().mean().item()


def test_a_basis_gives_its_coordinates_back(sides):
    fitted, measured = sides
    for basis in (Basis.principal(fitted), Basis.channels(fitted)):
        assert torch.allclose(basis.states(basis.coordinates(measured[0])), measured[0], atol=1e-3)
        found = basis.coordinates(torch.cat(fitted)).std(0)
        assert torch.allclose(found, basis.deviation, rtol=0.01) and (basis.deviation.diff() <= 0).all()
    assert Basis.principal(fitted).deviation[0] == pytest.approx(32, rel=0.05)


@pytest.mark.parametrize("bits", [10.0, 20.0, 30.0])
def test_entropy_coded_coordinates_are_matched_to_a_size(sides, bits):
    fitted, measured = sides
    pca = EntropyCoded.matched(Basis.principal(fitted), fitted, measured, bits)
    assert 0.97 * bits < pca.length(measured) <= 1.001 * bits
    levels = ((pca.basis.coordinates(torch.cat(measured)) / pca.step).round()).long()
    lengths = sum(_entropy(column) for column in levels.T.numpy())
    assert lengths < pca.length(measured) < lengths + 1.0, "a little over the entropy of the levels themselves"
    means = pca.with_means(fitted)
    assert mse(means, measured) < mse(pca, measured) and means.length(measured) == pca.length(measured)
    channels = EntropyCoded.matched(Basis.channels(fitted), fitted, measured, bits)
    assert mse(channels, measured) > 1.5 * mse(pca, measured), "negative control: along axes that are not principal it is worse"


def _entropy(column: np.ndarray) -> float:
    p = np.unique(column, return_counts=True)[1] / len(column)
    return float(-(p * np.log2(p)).sum())


def test_fixed_lengths_cost_bits_times_coordinates_and_more_bits_are_better(sides):
    fitted, measured = sides
    basis = Basis.channels(fitted)
    found = {bits: FixedLength.fit(basis, fitted, bits, 8) for bits in (2, 4, 8)}
    assert [one.bits for one in found.values()] == [16, 32, 64]
    errors = [mse(one, measured) for one in found.values()]
    assert errors[0] > 4 * errors[1] > 16 * errors[2]
    levels = found[4].rounded(basis.coordinates(torch.cat(measured)))
    assert all(len(column.unique()) <= 16 for column in levels.T)
    # Max (1960): an optimal uniform quantiser of 16 levels leaves 0.01154 of a Gaussian's variance
    left = mse(found[4], measured) / torch.cat(measured).var(0).mean().item()
    assert 0.0115 < left < 0.016


def test_fewer_coordinates_leave_the_others_at_their_mean(sides):
    fitted, measured = sides
    few = FixedLength.fit(Basis.principal(fitted), fitted, 8, 2)
    left = mse(few, measured) * 8
    assert left == pytest.approx(sum(x * x for x in (8, 4, 2, 1, 0.5, 0.25)), rel=0.05)
    with pytest.raises(ValueError, match="between 1 and 8"):
        FixedLength.fit(Basis.principal(fitted), fitted, 8, 9)


@pytest.fixture(scope="module")
def study(tmp_path_factory, tiny_llama):
    return make_study(tmp_path_factory.mktemp("study") / "study", tiny_llama)


@pytest.fixture(scope="module")
def model(tiny_llama):
    return LanguageModel.load(str(tiny_llama), device="cpu")


@pytest.fixture(scope="module")
def rows(study, model):
    return run(study, SETTINGS, model)


def test_every_bae_is_measured_in_every_way(rows):
    assert {row.dictionary for row in rows} == {"bae", "bae-deep"}
    for name in ("bae", "bae-deep"):
        own = [row for row in rows if row.dictionary == name]
        assert [row.threshold for row in own[:3]] == [-1.0, -0.1, 0.0]
        assert [row.method for row in own[3:5]] == ["codes, norm", "codes, gain"] and len(own) == 13
        assert own[0].lost == 0 < own[1].lost < own[2].lost == 1
        assert own[0].size > own[1].size > own[2].size and own[0].bound > own[1].bound > own[2].bound == 0
        same = [row for row in own if row.method.endswith("same size")]
        assert len(same) == 6 and all(row.bits <= 1.001 * max(8, own[0].bits) for row in same)
        assert all(row.ratio == pytest.approx(row.bits / (16 * 32)) for row in own)


def test_what_the_model_loses_is_what_splicing_the_bae_itself_loses(rows, study, model):
    lenses = load_lenses(study.folder / "autoencoders", model).usable
    text = compression.corpus.documents(study.recipe.sources, "held-out", study.recipe.seed)
    group = list(compression.contexts(model, text, length=256))[: SETTINGS.spliced_tokens // 256 + 1]
    found = splice(model, {"bae": lenses["bae"]}, group)["bae"]
    own = [row for row in rows if row.dictionary == "bae"]
    assert own[0].ce == pytest.approx(found.ce) and own[0].delta_ce == pytest.approx(found.delta_ce, abs=2e-3)
    assert own[0].spliced_tokens == found.tokens
    assert abs(own[2].delta_ce - own[0].delta_ce) > 0.005, "negative control: where nothing is stored, the loss is another"


def test_a_finished_run_does_nothing_and_a_new_checkpoint_is_measured_anew(rows, study, model, monkeypatch):
    calls = []
    write = compression.compress
    monkeypatch.setattr(compression, "compress", lambda *given: calls.append(given[2].name) or write(*given))
    assert run(study, SETTINGS, model) == rows and not calls
    folder = study.autoencoder_folder("bae-deep")
    autoencoder, told = checkpoint.load(folder)
    autoencoder.W_out.mul_(0.5)
    checkpoint.save(autoencoder, told, folder)
    anew = run(study, SETTINGS, model)
    assert set(calls) == {"bae-deep"} and len(anew) == len(rows)
    assert [row for row in anew if row.dictionary == "bae"] == [row for row in rows if row.dictionary == "bae"]


def test_other_settings_measure_all_anew(rows, study, model):
    harvests = read_provenance(study)["harvests"]
    assert set(harvests) == {"held-out", "train"} and len(set(harvests.values())) == 2
    asked = (study, SETTINGS, model.fingerprint, harvests)
    assert same_run(*asked)
    assert not same_run(study, replace(SETTINGS, spliced_tokens=301), *asked[2:]) and not same_run(study, SETTINGS, "0", harvests)
    assert not same_run(*asked[:3], harvests | {"train": "0"})
    for change in ({"seed": 7}, {"context_length": 64}, {"sources": ("wikipedia",)}):
        assert not same_run(replace(study, recipe=replace(study.recipe, **change)), *asked[1:])


def test_two_runs_do_not_go_on_at_once(rows, study, model):
    with locked(lock_file(study)), pytest.raises(BlockingIOError, match="is running in this workspace already"):
        run(study, SETTINGS, model)
    assert run(study, SETTINGS, model) == read_rows(study), "control: when it has ended, another may go on"


def test_a_harvest_of_another_model_is_not_taken(study, model, tmp_path):
    copy = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    pipeline.harvest_all(copy)
    own = copy.harvest_folder("held-out")
    layers = HiddenStates(own).layers
    assert compression._states(copy, model, "held-out", layers, 100).folder == own
    record = json.loads((own / "harvest.json").read_text())
    (own / "harvest.json").write_text(json.dumps(record | {"fingerprint": "0" * 32}))
    found = compression._states(copy, model, "held-out", layers, 100)
    assert found.folder != own and found.record["fingerprint"] == model.fingerprint
    # harvests of other sizes lie side by side
    assert compression._states(copy, model, "held-out", layers, 60).folder != found.folder
    assert record_digest(found) != record_digest(HiddenStates(own))


def test_vectors_of_a_harvest_are_read_from_disk_a_shard_at_a_time(study, model, tmp_path, monkeypatch):
    copy = Workspace.open(shutil.copytree(study.folder, tmp_path / "study"))
    monkeypatch.setattr(harvesting, "SHARD_TOKENS", 128)
    states = compression._states(copy, model, "train", [LAYER], 1000)
    lens = load_lenses(study.folder / "autoencoders", model).usable["bae"]
    assert states.n_shards > 4
    shards, at_once, pairs = [], [], HiddenStates.pairs

    def watched(*given):
        at_once.append(sum(shard() is not None for shard in shards))
        found = pairs(*given)
        shards.append(weakref.ref(found.read))
        return found

    monkeypatch.setattr(HiddenStates, "pairs", watched)
    vectors = compression.Vectors(states, lens)
    count = sum(len(part) for part in vectors)
    assert count == sum(len(part) for part in vectors) == states.kept(LAYER, lens.autoencoder)
    list(compression._baselines(vectors, vectors, 30.0))
    assert len(at_once) > 20 * states.n_shards and max(at_once) <= 1
    held = list(vectors)
    assert max(at_once) == len(held) - 1 == states.n_shards - 1, "negative control: a list holds them all"
    monkeypatch.setattr(compression, "CHUNK", 100)
    few = torch.cat(list(compression.Vectors(states, lens, 150)))
    assert len(few) <= 200 and torch.equal(few, torch.cat(held)[: len(few)])


def test_the_command_says_what_is_wrong_in_a_sentence(tmp_path):
    app = typer.Typer()
    app.command()(compression.main)
    for words in ([str(tmp_path)], [str(tmp_path), "--vectors", "0"]):
        found = CliRunner().invoke(app, words)
        assert found.exit_code == 1 and found.output.startswith("bae: ") and len(found.output.splitlines()) == 1


def test_a_baseline_that_cannot_take_as_many_bits_is_not_called_of_the_same_size(sides):
    names = {bits: [name for name, *_ in compression._baselines(*sides, bits)][:2] for bits in (30.0, 400.0)}
    assert all(name.endswith("same size") for name in names[30.0]) and all(name.endswith("finest step") for name in names[400.0])


def test_rows_are_kept_with_what_made_them(rows, study, model):
    assert {row.dictionary for row in read_rows(study)} == {row.dictionary for row in rows}
    told = read_provenance(study)
    assert told["model_fingerprint"] == model.fingerprint and told["settings"] == json.loads(json.dumps(asdict(SETTINGS)))
    assert {"command", "machine", "date", "sources", "seed"} <= set(told)
    assert results_file(study).is_file() and len(CompressedStates.open(compressed_file(study, "bae"))) == rows[0].vectors
    lines = table(rows)
    assert len(lines) == 2 + len(rows) and len({line.count("|") for line in lines}) == 1


def test_a_study_without_a_bae_is_refused(study, model, monkeypatch):
    monkeypatch.setattr(compression, "load_lenses", lambda *_: load_lenses(study.folder / "nothing", model))
    with pytest.raises(ValueError, match="no BAE"):
        run(study, SETTINGS, model)


def test_settings_need_the_threshold_that_loses_nothing():
    with pytest.raises(ValueError, match="must have -1 among them"):
        Settings(thresholds=(-0.5,))
    with pytest.raises(ValueError, match="vectors must be 1"):
        Settings(vectors=0)


def said(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    found = CliRunner().invoke(app, [str(word) for word in words])
    return found.exit_code, found.output


def test_the_commands_write_and_restore(study, model, tmp_path):
    pipeline.harvest_all(study)
    own = ["--workspace", study.folder]
    code, words = said("compress", "harvest:held-out", tmp_path / "s.baec", "--dictionary", "bae", *own)
    assert code == 0 and "times the bound of the codes" in words and "mean squared error" in words
    code, words = said("decompress", tmp_path / "s.baec", tmp_path / "s.npy", *own, "--begin", 5, "--end", 9)
    assert code == 0 and "4 of" in words
    autoencoder, _ = checkpoint.load(study.autoencoder_folder("bae"))
    states = next(iter(HarvestVectors(HiddenStates(study.harvest_folder("held-out")), LAYER, autoencoder)))[5:9].float()
    expected = autoencoder.decode(autoencoder.encode(states))
    keep = autoencoder.scaling.keeps(states)
    assert np.allclose(np.load(tmp_path / "s.npy")[keep], expected[keep], rtol=2e-3, atol=2e-3)
    lossy = ["--threshold", -0.1, "--radial", "norm"]
    code, words = said("compress", "harvest:train", tmp_path / "t.baec", "--dictionary", "bae", *lossy, *own)
    assert code == 0 and "come back wrong" in words and "without the lengths mended" in words


@pytest.mark.parametrize(
    ("words", "said_then"),
    [
        (
            ("compress", "nowhere.npy", "x.baec", "--dictionary", "bae"),
            "bae: there is no file nowhere.npy; give a .npy or .safetensors file, or",
        ),
        (("compress", ".", "x.baec", "--dictionary", "bae"), "bae: . is a folder; give a .npy"),
        (("compress", "harvest:none", "x.baec", "--dictionary", "bae"), "holds no harvest"),
        (("compress", "v.npy", "x.baec", "--dictionary", "nobody"), "has no dictionary 'nobody'; it has bae, bae-deep, topk"),
        (("compress", "v.npy", "x.baec", "--dictionary", "topk"), "only the bits of a BAE"),
        (("compress", "v.npy", "v.npy", "--dictionary", "bae"), "is what is to be compressed"),
        (("compress", "v.npy", "x.baec", "--dictionary", "bae", "--threshold", "3"), "lies between"),
        (("decompress", "nowhere.baec", "y.npy"), "bae: there is no file nowhere.baec; give the name of a file that `bae compress` wrote"),
        (("decompress", ".", "y.npy"), "bae: . is a folder; give"),
        (("decompress", "v.npy", "y.npy"), "holds no compressed hidden states"),
        (("decompress", "s.baec", "y.npy", "--dictionary", "bae-deep"), "weights differ from those of bae-deep"),
        (("decompress", "s.baec", "y.npy", "--end", "99999"), "holds vectors 0 to"),
        (("decompress", "s.baec", "y.npy", "--dtype", "int3"), "unknown type 'int3'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(study, tmp_path, monkeypatch, words, said_then):
    monkeypatch.chdir(tmp_path)
    np.save("v.npy", np.random.default_rng(0).normal(size=(20, 32)).astype(np.float32))
    assert said("compress", "v.npy", "s.baec", "--dictionary", "bae", "--workspace", study.folder)[0] == 0
    code, told = said(*words, "--workspace", study.folder)
    assert code == 1 and said_then in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s.baec", "v.npy"]
