"""Neuronpedia's and SAEDashboard's layouts: every field that they name is there, and holds what the index holds."""

import gzip
import json
from dataclasses import replace

import numpy as np
import pytest
from small_workspace import N_FEATURES, SCALE, add_rows, make_workspace
from typer.testing import CliRunner

from bae.cli.main import app
from bae.exports.material import Material
from bae.formats import logit_histograms, neuronpedia, saedashboard
from bae.formats.dashboards import NOTE_BITS, NOTE_VALUES, TOP_GROUP, _activation

BOTH = (
    {f"neuron_alignment_{name}" for name in ("indices", "values", "l1")}
    | {f"correlated_neurons_{name}" for name in ("indices", "l1", "pearson")}
    | {f"correlated_features_{name}" for name in ("indices", "l1", "pearson")}
    | {f"{what}_hist_data_bar_{name}" for what in ("freq", "logits") for name in ("values", "heights")}
    | {"neg_str", "neg_values", "pos_str", "pos_values", "frac_nonzero", "decoder_weights_dist", "vector"}
)
"""The names that `anchors.md`, section 4.5, lists for both."""
SAEDASHBOARD = BOTH | {"feature_index", "n_prompts_total", "n_tokens_in_prompt", "dataset", "activations"}
SAEDASHBOARD_ACTIVATION = {"bin_min", "bin_max", "bin_contains", "tokens", "values", "qualifying_token_index"}
BATCH = {"model_id", "layer", "sae_set", "sae_id_suffix", "features"}
NEURONPEDIA = {
    "features": BOTH
    | {"modelId", "layer", "index", "creatorId", "createdAt", "maxActApprox", "sourceSetName", "topkCosSimIndices", "topkCosSimValues"}
    | {"vectorLabel", "hookName", "vectorDefaultSteerStrength", "hasVector"},
    "activations": {"id", "modelId", "layer", "index", "creatorId", "createdAt", "dataSource", "dataIndex", "tokens", "values", "maxValue"}
    | {"maxValueTokenIndex", "minValue", "binMin", "binMax", "binContains", "qualifyingTokenIndex"}
    | {"dfaValues", "dfaMaxValue", "dfaTargetIndex", "lossValues", "logitContributions"},
    "explanations": {"id", "modelId", "layer", "index", "authorId", "description", "embedding", "typeName", "explanationModelName"}
    | {"umap_x", "umap_y", "umap_cluster", "umap_log_feature_sparsity"},
    "scores": {"value", "explanationId", "explanationScoreTypeName", "explanationScoreModelName", "jsonDetails"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace whose `bae` has a checkpoint and directions, and whose `topk` has neither; with raw rows and unembedding."""
    study = make_workspace(tmp_path_factory.mktemp("dashboards") / "study")
    return study, *add_rows(study, "bae")


@pytest.fixture
def material(made):
    with Material.of(made[0]) as found:
        yield found


@pytest.fixture
def rows_of(made, material, tmp_path):
    """Neuronpedia's rows of a dictionary, by folder."""

    def read(name: str) -> dict[str, list[dict]]:
        place = neuronpedia.write(material, made[0], name, tmp_path)
        found = {kind: lines(place / kind) for kind in NEURONPEDIA}
        told = {name: json.loads((place / f"{name}.jsonl").read_text()) for name in ("model", "release", "sourceset", "source")}
        return found | told

    return read


def lines(folder) -> list[dict]:
    return [json.loads(line) for file in sorted(folder.iterdir()) for line in gzip.open(file, "rt", encoding="utf-8")]


def strengths_by_hand(material, name: str, feature: int) -> dict[int, dict[int, float]]:
    """Context to position to strength, from the packed columns of the index."""
    columns, layout = material._columns(name), material._layout()
    found: dict[int, dict[int, float]] = {}
    for token, strength in zip(columns.tokens(feature).tolist(), columns.strengths(feature).tolist(), strict=True):
        context = int(layout.context(token))
        found.setdefault(context, {})[token - int(layout.begins[context])] = strength
    return found


def test_neuronpedia_has_every_field(rows_of):
    found = rows_of("bae")
    for kind, names in NEURONPEDIA.items():
        assert found[kind] and all(row.keys() == names for row in found[kind]), kind
    with pytest.raises(AssertionError):  # negative control: a field less is seen
        assert all(row.keys() == NEURONPEDIA["features"] - {"hookName"} for row in found["features"])
    assert [row["index"] for row in found["features"]] == [str(feature) for feature in range(N_FEATURES)]
    # layer 2 of Hugging Face is block 1
    assert found["source"]["id"] == "1-bae" and {row["layer"] for row in found["features"]} == {"1-bae"}
    assert found["features"][2]["hookName"] == "blocks.1.hook_resid_post"
    assert NOTE_BITS in found["source"]["notes"] and "seed" in found["source"]["notes"]
    assert found["sourceset"]["name"] == found["release"]["name"] == "bae"


@pytest.mark.parametrize("name", ["bae", "topk"])
def test_activations_are_those_of_the_index(rows_of, material, name):
    found = rows_of(name)["activations"]
    texts = material.index.passages(range(43))
    for row in found:
        feature, context = int(row["index"]), int(row["dataIndex"])
        by_hand = strengths_by_hand(material, name, feature)[context]
        assert {place: value for place, value in enumerate(row["values"]) if value} == pytest.approx(by_hand, abs=2e-3)
        assert "".join(row["tokens"]) == texts[context][1], "tokens together are the sentence"
        assert len(row["tokens"]) == len(row["values"]) and row["dataSource"] == texts[context][0]
        assert row["maxValue"] == max(row["values"]) == row["values"][row["maxValueTokenIndex"]] > 0 == row["minValue"]
        assert row["values"][row["qualifyingTokenIndex"]] > 0
        if row["binContains"] != TOP_GROUP:
            assert row["binMin"] - 2e-3 <= row["values"][row["qualifyingTokenIndex"]] and 0 < row["binContains"] <= 1
    assert len({row["id"] for row in found}) == len(found), "ids are told apart"
    assert "0" not in {row["index"] for row in found}, "a feature that never fires has none"


def test_tokens_that_share_a_letter_are_the_text_together(material):
    """As those of an emoji do: the first has it, the others are empty."""
    example = next(one for key in material.keys("bae", range(1, N_FEATURES)) for one in material.told(key).groups["strongest"])
    doubled = replace(example, starts=[0, 0, 0, 1], ends=[0, 1, 1, 3], positions=[2], strengths=[0.5], peak=2)
    made_of = _activation(doubled, 0.0, 1.0, 1.0)
    assert made_of.tokens == [example.text[0], "", example.text[1:3]] and made_of.values == [0.0, 0.5, 0.0] and made_of.peak == 1


def test_features_tell_of_rows_and_logits(rows_of, made, material):
    _, raw, words = made
    found = rows_of("bae")["features"]
    for feature, row in enumerate(found):
        assert row["frac_nonzero"] == material.index.feature("bae", feature).rate
        assert row["vector"] == pytest.approx(raw[feature].tolist()) and row["hasVector"]
        logits = (raw[feature] @ words.T).numpy()
        best = np.argsort(-logits, kind="stable")
        if feature == 1:
            assert row["pos_str"] == [] and row["logits_hist_data_bar_heights"] == [len(words)], "a row of zeros points nowhere"
            continue
        assert row["pos_str"][:3] == [f" token{token}" for token in best[:3]]
        assert row["neg_str"][0] == f" token{best[-1]}" and row["neg_values"][0] == pytest.approx(logits.min(), abs=1e-3)
        edges = np.histogram_bin_edges(logits, 50)
        assert sum(row["logits_hist_data_bar_heights"]) == len(words)
        assert row["logits_hist_data_bar_values"] == pytest.approx((edges[1:] + edges[:-1]) / 2, abs=0.02)
        greatest = int(raw[feature].argmax())
        assert row["neuron_alignment_indices"][0] == greatest
        assert row["neuron_alignment_l1"][0] == pytest.approx(float(raw[feature][greatest].abs() / raw[feature].abs().sum()), abs=1e-3)
        unit = raw / raw.norm(dim=-1, keepdim=True).clamp(min=1e-9)
        cosines = [(unit[feature] @ unit[other]).item() for other in row["topkCosSimIndices"]]
        assert row["topkCosSimValues"] == pytest.approx(cosines, abs=1e-3) and feature not in row["topkCosSimIndices"]


def test_a_dictionary_without_checkpoint_or_directions_says_less(rows_of):
    """Nothing is made up: what the study does not know is empty."""
    found = rows_of("topk")
    for row in found["features"]:
        assert row["vector"] == row["pos_str"] == row["logits_hist_data_bar_heights"] == row["topkCosSimIndices"] == []
        assert row["hasVector"] is False and row["hookName"] is None
    assert NOTE_VALUES in found["source"]["notes"] and found["explanations"] == [] and found["activations"]


def test_a_checkpoint_that_was_replaced_is_not_taken(made, material, tmp_path):
    study = made[0]
    config = study.autoencoder_folder("bae") / "config.json"
    kept = config.read_text()
    told = json.loads(kept)
    config.write_text(json.dumps({**told, "provenance": {"name": "another"}}))
    try:
        place = neuronpedia.write(material, study, "bae", tmp_path)
    finally:
        config.write_text(kept)
    assert not any(row["hasVector"] for row in lines(place / "features"))


def test_labels_with_their_scores(rows_of):
    found = rows_of("bae")
    told = {row["description"]: row for row in found["explanations"]}
    assert told["words of the sea"]["explanationModelName"] == "gpt-4.1-mini" and told["words of the sea"]["typeName"] == "comsem"
    assert told["=HYPERLINK(1)"]["index"] == "2" and told["-2+3"]["typeName"] == "maintainers"
    by_id = {row["id"]: row["description"] for row in found["explanations"]}
    scores = {by_id[row["explanationId"]]: row for row in found["scores"]}
    assert scores["words of the sea"]["value"] == 0.75 and json.loads(scores["words of the sea"]["jsonDetails"])["yes"] == 6
    assert scores["-2+3"]["explanationScoreModelName"] == "all-MiniLM-L6-v2"


def test_saedashboard_has_every_field_and_the_same_values(made, material, rows_of, tmp_path, monkeypatch):
    monkeypatch.setattr(saedashboard, "BATCH", 4)
    files = saedashboard.write(material, made[0], "bae", tmp_path / "sd")
    batches = [json.loads((tmp_path / "sd" / f"batch-{number}.json").read_text(encoding="utf-8")) for number in range(files)]
    assert files == 3 and all(batch.keys() == BATCH and batch["layer"] == 1 for batch in batches)
    features = [feature for batch in batches for feature in batch["features"]]
    assert all(feature.keys() == SAEDASHBOARD for feature in features)
    assert all(one.keys() == SAEDASHBOARD_ACTIVATION for feature in features for one in feature["activations"])
    skipped = json.loads((tmp_path / "sd" / "skipped_indexes.json").read_text())
    assert skipped["skipped_indexes"] == [0] and [feature["feature_index"] for feature in features] == list(range(1, N_FEATURES))
    settings = json.loads((tmp_path / "sd" / "run_settings.json").read_text())
    assert NOTE_BITS in settings["notes"] and settings["n_prompts_total"] == 43
    other = rows_of("bae")
    there = {(int(row["index"]), tuple(row["tokens"]), tuple(row["values"])) for row in other["activations"]}
    here = {
        (feature["feature_index"], tuple(one["tokens"]), tuple(one["values"])) for feature in features for one in feature["activations"]
    }
    assert here == there
    for feature in features:
        row = other["features"][feature["feature_index"]]
        assert {name: feature[name] for name in BOTH} == {name: row[name] for name in BOTH}


def test_logit_histograms_do_not_depend_on_blocks(made, monkeypatch):
    folder = made[0].index_file().parent
    whole = list(logit_histograms.histograms(folder, "bae"))
    monkeypatch.setattr(logit_histograms, "LOGITS_AT_ONCE", 130)
    monkeypatch.setattr(logit_histograms, "TOKENS_AT_ONCE", 7)
    parts = list(logit_histograms.histograms(folder, "bae"))
    assert len(whole) == len(parts) == N_FEATURES
    for (heights, middles), (others, centres) in zip(whole, parts, strict=True):
        assert np.abs(heights - others).sum() <= 4 and np.allclose(middles, centres, atol=1e-5)
    assert SCALE != 1, "the scale matters in the tests of rows"


def test_wrong_names_are_refused(made, material, tmp_path):
    study = made[0]
    neuronpedia.write(material, study, "topk", tmp_path)
    with pytest.raises(FileExistsError, match="exists; give another folder"):
        neuronpedia.write(material, study, "topk", tmp_path)
    with pytest.raises(ValueError, match=r"id of a set has letters.*'\.\./x'"):
        neuronpedia.write(material, study, "topk", tmp_path, source_set="../x")
    with pytest.raises(ValueError, match="no dictionary 'x'; it has bae, topk"):
        saedashboard.write(material, study, "x", tmp_path / "sd")


def test_commands(made, tmp_path):
    run, study = CliRunner(), made[0]
    told = ["--workspace", str(study.folder), "--model", "m", "--set", "s"]
    done = run.invoke(app, ["export", "neuronpedia", "bae", str(tmp_path / "np"), *told])
    assert done.exit_code == 0 and (tmp_path / "np" / "m" / "1-s" / "features" / "batch-0.jsonl.gz").is_file()
    done = run.invoke(app, ["export", "saedashboard", "bae", str(tmp_path / "sd"), "--workspace", str(study.folder)])
    assert done.exit_code == 0 and (tmp_path / "sd" / "batch-0.json").is_file()
