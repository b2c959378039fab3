"""Other people's dictionaries: every layout against a forward pass written out here from the foreign tensors, and against golden files
that the packages themselves made (tests/data/foreign); what is refused; the preflight; export."""

import builtins
import io
import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from bae.autoencoder import KINDS, checkpoint
from bae.cli.main import app
from bae.features.magnitude import Prior
from bae.formats import (
    detect,
    dictionary_learning,
    hooks,
    importing,
    preflight,
    released_bae,
    saelens,
    saelens_export,
    safe_files,
    sparsify,
)
from bae.model.language_model import MLP_INPUT, RESIDUAL, Place
from bae.reading.lenses import load_lenses
from bae.states.harvest import HarvestConfig, harvest
from bae.states.scaling import Scaling
from bae.workspace import Workspace
from tests.conftest import prose, write_jsonl

GOLDEN = Path(__file__).parents[1] / "data" / "foreign"
D, F = 8, 16


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.empty(shape).uniform_(-0.6, 0.6, generator=torch.Generator().manual_seed(seed))


def states(n: int = 200) -> torch.Tensor:
    return torch.randn(n, D, generator=torch.Generator().manual_seed(1)) * 2 + torch.linspace(-3, 3, D)


# ---------------------------------------------------------------- forward passes, from the foreign tensors, in NumPy


def relu(x):
    return np.where(x > 0, x, 0)


def largest(values, k):
    code = np.zeros_like(values)
    for row, line in enumerate(values):
        for feature in sorted(range(len(line)), key=lambda i: -line[i])[:k]:
            code[row, feature] = max(line[feature], 0)
    return code


def saelens_by_hand(told: dict, tensors: dict, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What sae-lens computes, architecture by architecture: the code and the reconstruction."""
    t = {name: value.double().numpy() for name, value in tensors.items()}
    read = x - t["b_dec"] if told["apply_b_dec_to_input"] else x
    projected = np.einsum("nd,df->nf", read, t["W_enc"])
    norms = np.sqrt(np.square(t["W_dec"]).sum(1))
    if told["architecture"] == "gated":
        code = (projected + t["b_gate"] > 0) * relu(projected * np.exp(t["r_mag"]) + t["b_mag"])
        return code, code @ t["W_dec"] + t["b_dec"]
    pre = projected + t["b_enc"]
    rescaled = told.get("rescale_acts_by_decoder_norm")
    values = pre * norms if rescaled else pre
    if told["architecture"] == "topk":
        code = largest(values, told["k"])
    elif told["architecture"] == "batchtopk":
        code = relu(values) * (values > t["topk_threshold"])
    elif told["architecture"] == "jumprelu":
        code = relu(values) * (values > t["threshold"])
    elif told["architecture"] == "bae":
        code = (values >= 0).astype(float)
    else:
        code = relu(values)
    return code, (code / norms if rescaled else code) @ t["W_dec"] + t["b_dec"]


def agree(autoencoder, x: torch.Tensor, code, found, atol: float = 2e-5) -> bool:
    """Whether ours encodes and decodes so; the code must say something."""
    code, found = torch.as_tensor(code).float(), torch.as_tensor(found).float()
    assert (code != 0).any() and (code == 0).any()
    ours = autoencoder.encode(x)
    return torch.allclose(ours, code, atol=atol, rtol=1e-4) and torch.allclose(autoencoder.decode(ours), found, atol=atol, rtol=1e-4)


# ---------------------------------------------------------------- folders, written here


def saelens_tensors(architecture: str, seed: int = 0) -> dict[str, torch.Tensor]:
    tensors = {"W_enc": drawn(seed, D, F), "W_dec": drawn(seed + 1, F, D), "b_dec": drawn(seed + 2, D)}
    if architecture == "gated":
        return tensors | {name: drawn(seed + i, F) for i, name in enumerate(("b_gate", "b_mag", "r_mag"), 3)}
    tensors["b_enc"] = drawn(seed + 3, F)
    if architecture == "jumprelu":
        tensors["threshold"] = drawn(seed + 4, F).abs() + 0.5
    if architecture == "batchtopk":
        tensors["topk_threshold"] = torch.tensor(0.7, dtype=torch.float64)
    return tensors


def saelens_config(architecture: str, **changes) -> dict:
    told = {"architecture": architecture, "d_in": D, "d_sae": F, "dtype": "float32", "device": "cpu"}
    told |= {
        "apply_b_dec_to_input": architecture not in ("transcoder", "bae"),
        "normalize_activations": "none",
        "reshape_activations": "none",
    }
    told["metadata"] = {"sae_lens_version": "6.1.0", "hook_name": "blocks.1.hook_resid_post", "model_name": "tiny"}
    if architecture in ("topk", "batchtopk"):
        told |= {"k": 4, "rescale_acts_by_decoder_norm": False}
    if architecture == "transcoder":
        told |= {"d_out": D}
        told["metadata"] |= {"hook_name": "blocks.1.mlp.hook_in", "hook_name_out": "blocks.1.hook_resid_post"}
    return told | changes


def saelens_folder(folder: Path, told: dict, tensors: dict) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cfg.json").write_text(json.dumps(told))
    save_file(tensors, folder / "sae_weights.safetensors")
    return folder


def sparsify_folder(folder: Path, **changes) -> Path:
    folder.mkdir(parents=True)
    told = {"activation": "topk", "expansion_factor": F // D, "num_latents": 0, "k": 4, "d_in": D, "transcode": False} | changes
    (folder / "cfg.json").write_text(json.dumps(told))
    tensors = {"encoder.weight": drawn(0, F, D), "encoder.bias": drawn(1, F), "W_dec": drawn(2, F, D), "b_dec": drawn(3, D)}
    save_file(tensors, folder / "sae.safetensors")
    return folder


def learned_folder(folder: Path, weights: object, dict_class: str = "AutoEncoder", **changes) -> Path:
    folder.mkdir(parents=True)
    torch.save(weights, folder / "ae.pt")
    told = {
        "dict_class": dict_class,
        "activation_dim": D,
        "dict_size": F,
        "layer": 1,
        "submodule_name": "resid_post_layer_1",
        "lm_name": "tiny",
    }
    (folder / "config.json").write_text(json.dumps({"trainer": told | changes}))
    return folder


def linear_weights() -> dict[str, torch.Tensor]:
    return {"encoder.weight": drawn(0, F, D), "encoder.bias": drawn(1, F), "decoder.weight": drawn(2, D, F), "bias": drawn(3, D)}


def released_folder(folder: Path, params: dict | None = None, wrapped: bool = True, **weights) -> Path:
    folder.mkdir(parents=True)
    told = {"layered_feature": True, "layer": 2, "inner_expand_rate": F // D, "binarization_type": "sign_s", "output_activation": "none"}
    told |= params or {}
    log = {"log": {"train_loss_log": np.array([0.5, 0.25])}, "params": told} if wrapped else told
    (folder / "log_20250628.pkl").write_bytes(pickle.dumps(log))
    tensors = {"encoder.weight": drawn(0, F, D), "encoder.bias": drawn(1, F), "decoder.weight": drawn(2, D, F), "decoder.bias": drawn(3, D)}
    torch.save(tensors | weights, folder / "model_20250628.pt")
    return folder


# ---------------------------------------------------------------- reading


VARIANTS = {
    "standard": ("standard", {}),
    "plain": ("standard", {"apply_b_dec_to_input": False}),
    "topk": ("topk", {}),
    "topk, rescaled": ("topk", {"rescale_acts_by_decoder_norm": True}),
    "batchtopk": ("batchtopk", {}),
    "batchtopk, rescaled, k of a half": ("batchtopk", {"rescale_acts_by_decoder_norm": True, "k": 4.0}),
    "jumprelu": ("jumprelu", {}),
    "gated": ("gated", {}),
    "gated, plain": ("gated", {"apply_b_dec_to_input": False}),
    "transcoder": ("transcoder", {}),
    "bae": ("bae", {}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_saelens_is_read_as_it_computes(variant, tmp_path):
    architecture, changes = VARIANTS[variant]
    told, tensors, x = saelens_config(architecture, **changes), saelens_tensors(architecture), states()
    found = saelens.read(saelens_folder(tmp_path / "sae", told, tensors))
    assert agree(found.autoencoder, x, *saelens_by_hand(told, tensors, x.double().numpy()))
    assert (found.layer, found.model, found.layout) == (2, "tiny", f"SAELens 6.1.0, {architecture}")
    other = saelens_tensors(architecture, seed=50)
    assert not agree(found.autoencoder, x, *saelens_by_hand(told, other, x.double().numpy())), "negative control: other weights"


def test_a_flat_config_from_before_version_6(tmp_path):
    """`hook_point`, k among the activation's arguments, a Boolean for the normalisation."""
    flat = {"d_in": D, "d_sae": F, "dtype": "float32", "hook_point": "blocks.0.hook_resid_pre", "activation_fn_str": "topk"}
    flat |= {"activation_fn_kwargs": {"k": 3}, "normalize_activations": False, "sae_lens_version": "3.20.0", "model_name": "gpt2"}
    tensors, x = saelens_tensors("topk"), states()
    found = saelens.read(saelens_folder(tmp_path / "sae", flat, tensors | {"scaling_factor": torch.ones(F)}))
    by_hand = saelens_by_hand({"architecture": "topk", "k": 3, "apply_b_dec_to_input": True}, tensors, x.double().numpy())
    assert agree(found.autoencoder, x, *by_hand)
    assert (found.layer, found.model, found.layout) == (0, "gpt2", "SAELens 3.20.0, topk")


def test_an_unfolded_checkpoint_is_read_with_its_factor_and_refused_without(tmp_path):
    told, tensors, x = saelens_config("standard", normalize_activations="expected_average_only_in"), saelens_tensors("standard"), states()
    folder = saelens_folder(tmp_path / "sae", told, tensors)
    with pytest.raises(ValueError, match="final checkpoint"):
        saelens.read(folder)
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 0.25}')
    code, found = saelens_by_hand(told, tensors, x.double().numpy() * 0.25)
    assert agree(saelens.read(folder).autoencoder, x, code, found / 0.25)


def test_sparsify_is_read_as_it_computes(tmp_path):
    folder, x = sparsify_folder(tmp_path / "layers.9"), states()
    t = {name: value.double().numpy() for name, value in load_file(folder / "sae.safetensors").items()}
    pre = np.einsum("nd,fd->nf", x.double().numpy() - t["b_dec"], t["encoder.weight"]) + t["encoder.bias"]
    code = largest(relu(pre), 4)
    found = sparsify.read(folder)
    assert agree(found.autoencoder, x, code, code @ t["W_dec"] + t["b_dec"])
    assert found.layer == 10, "the state after the block of that number"
    shutil.move(folder, tmp_path / "mine")
    assert sparsify.read(tmp_path / "mine").layer is None


@pytest.mark.parametrize("backup", [False, True])
def test_dictionary_learning_is_read_as_it_computes(backup, tmp_path):
    """AutoEncoder: a bias taken off, columns brought to unit norm by their loader. A backup scales states by 1 / norm_factor."""
    weights, x = linear_weights(), states()
    factor = 4.0 if backup else 1.0
    wrapped = {"step": 7, "ae": weights, "optimizer": {}, "config": {"lr": 1e-4}, "norm_factor": factor}
    folder = learned_folder(tmp_path / "trainer_0", wrapped if backup else weights)
    t = {name: value.double().numpy() for name, value in weights.items()}
    norms = np.sqrt(np.square(t["decoder.weight"]).sum(0))
    pre = np.einsum("nd,fd->nf", x.double().numpy() / factor - t["bias"], t["encoder.weight"]) + t["encoder.bias"]
    code = relu(pre) * norms
    reconstructed = (np.einsum("nf,df->nd", relu(pre), t["decoder.weight"]) + t["bias"]) * factor
    found = dictionary_learning.read(folder)
    assert agree(found.autoencoder, x, code, reconstructed)
    assert (found.layer, found.model) == (2, "tiny") and bool(found.notes) is backup


def test_what_just_equals_a_foreign_threshold_does_not_fire(tmp_path):
    """Theirs: above the threshold. Ours of a BatchTopK: from the threshold up."""
    theirs = saelens.read(saelens_folder(tmp_path / "sae", saelens_config("batchtopk"), saelens_tensors("batchtopk")))
    learned = dictionary_learning.read(learned_folder(tmp_path / "trainer_0", batchtopk_weights(0.7), "BatchTopKSAE"))
    at = torch.full((1, F), 0.7)
    for found in (theirs, learned):
        assert found.autoencoder.activation(at).eq(0).all()
        assert found.autoencoder.activation(torch.nextafter(at, torch.tensor(1.0))).ne(0).all()


def test_a_checkpoint_below_the_folder_finds_its_config(tmp_path):
    folder = learned_folder(tmp_path / "trainer_0", linear_weights())
    (folder / "checkpoints").mkdir()
    shutil.move(folder / "ae.pt", folder / "checkpoints" / "ae_100.pt")
    assert detect.read(str(folder / "checkpoints" / "ae_100.pt")).layer == 2


@pytest.mark.parametrize("wrapped", [True, False])
def test_the_released_bae_is_read_as_it_computes(wrapped, tmp_path):
    folder, x = released_folder(tmp_path / "report", wrapped=wrapped), states()
    found = released_bae.read(folder)
    t = {name: value.double().numpy() for name, value in torch.load(folder / "model_20250628.pt", weights_only=True).items()}
    code = (np.einsum("nd,fd->nf", x.double().numpy(), t["encoder.weight"]) + t["encoder.bias"] > 0).astype(float)
    assert agree(found.autoencoder, x, code, np.einsum("nf,df->nd", code, t["decoder.weight"]) + t["decoder.bias"])
    assert found.layer == 2 and found.autoencoder.surrogate == "released" and "x > 0" in found.notes[0]


def test_the_released_step_differs_at_exactly_zero():
    """The quirk that the note tells: at a pre-activation of 0, theirs is off and ours on."""
    found = KINDS["binary"](D, F, Scaling.raw(D))
    with torch.no_grad():
        found.W_in.zero_()
        found.b_in.zero_()
    assert found.encode(torch.zeros(1, D)).eq(1).all() and not (torch.zeros(1) > 0).any()


def test_a_released_bae_without_a_decoder_bias(tmp_path):
    folder = released_folder(tmp_path / "report", {"layered_feature": False, "layer": -1})
    weights = torch.load(folder / "model_20250628.pt", weights_only=True)
    del weights["decoder.bias"]
    torch.save(weights, folder / "model_20250628.pt")
    found = released_bae.read(folder)
    assert found.layer is None and found.autoencoder.b_out.eq(0).all() and "zeros" in found.notes[1]


GOLDENS = sorted(
    path.parent.relative_to(GOLDEN).as_posix() for path in GOLDEN.glob("**/oracle.safetensors") if "exported" not in path.parts
)


@pytest.mark.parametrize("name", GOLDENS)
def test_what_the_packages_saved_encodes_and_decodes_as_they_do(name):
    oracle = load_file(GOLDEN / name / "oracle.safetensors")
    found = detect.read(str(GOLDEN / name))
    assert agree(found.autoencoder, oracle["x"], oracle["code"], oracle["found"])
    assert not agree(found.autoencoder, oracle["x"].flip(0), oracle["code"], oracle["found"]), "negative control: other states"
    assert found.layer == 2, "all were saved for blocks.1.hook_resid_post"


def test_the_golden_files_are_all_there():
    assert len(GOLDENS) == 19 and len(EXPORTED) == len(list((GOLDEN / "exported").iterdir()))
    assert sum(file.stat().st_size for file in GOLDEN.rglob("*") if file.is_file()) < 200_000


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("blocks.9.hook_resid_post", (10, RESIDUAL, False)),
        ("blocks.10.hook_resid_pre", (10, RESIDUAL, False)),
        ("blocks.0.hook_resid_pre", (0, RESIDUAL, False)),
        ("hook_embed", (0, RESIDUAL, False)),
        ("blocks.9.mlp.hook_in", (10, MLP_INPUT, False)),
        ("blocks.9.ln2.hook_normalized", (10, MLP_INPUT, True)),
    ],
)
def test_hook_points(hook, expected):
    assert hooks.transformer_lens(hook) == expected


def test_our_places_and_their_names_are_inverse():
    for layer in range(1, 5):
        for site in (RESIDUAL, MLP_INPUT):
            assert hooks.transformer_lens(hooks.transformer_lens_name(layer, site))[:2] == (layer, site)
    assert hooks.transformer_lens(hooks.transformer_lens_name(0, RESIDUAL))[0] == 0


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "hook", ["blocks.1.hook_mlp_out", "blocks.1.attn.hook_z", "blocks.1.hook_mlp_in", "blocks.1.hook_resid_mid", "layer 3"]
)
def test_other_hook_points_are_refused_with_what_is_allowed(hook):
    with pytest.raises(ValueError, match=r"allowed are blocks\.N\.hook_resid_post"):
        hooks.transformer_lens(hook)


def metadata(**changes) -> dict:
    return {"metadata": saelens_config("transcoder")["metadata"] | changes}


@pytest.mark.parametrize(
    ("architecture", "changes", "reason"),
    [
        ("skip_transcoder", {}, "skip connection"),
        ("jumprelu_skip_transcoder", {}, "skip connection"),
        ("jumprelu_transcoder", {}, "no threshold for every feature"),
        ("matching_pursuit", {}, "a search"),
        ("stranger", {}, "unknown; those that can be read are standard"),
        ("standard", {"normalize_activations": "layer_norm"}, "a number of its own"),
        ("standard", {"normalize_activations": "constant_norm_rescale"}, "a number of its own"),
        ("standard", {"normalize_activations": "covariance_whitening"}, "folds the whitening"),
        ("standard", {"reshape_activations": "hook_z"}, "attention heads"),
        ("standard", {"d_sae": F + 1}, "does not fit its config"),
        ("standard", {"d_sae": "many"}, "d_sae must be a whole number"),
        ("topk", {"k": None}, "k must be a whole number"),
        ("topk", {"k": 4.5}, "k must be a whole number"),
        ("topk", {"k": F + 1}, "k lies between 1"),
        ("standard", metadata(hook_name="blocks.1.mlp.hook_in"), "only a transcoder reads"),
        ("transcoder", metadata(hook_name_out="blocks.1.hook_mlp_out"), "what one MLP adds"),
        ("transcoder", metadata(hook_name_out="blocks.2.hook_resid_post"), "the hidden state after that block"),
        ("transcoder", metadata(hook_name="blocks.1.hook_resid_post"), "the hidden state after that block"),
        ("transcoder", {"d_out": D + 1}, "one width"),
        ("transcoder", {"normalize_activations": "expected_average_only_in"}, "is not read here"),
    ],
)
def test_saelens_refusals(architecture, changes, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        saelens.read(saelens_folder(tmp_path / "sae", saelens_config(architecture, **changes), saelens_tensors(architecture)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t | {"W_enc": t["W_enc"].index_fill(0, torch.tensor([1]), torch.nan)}, "W_enc holds values that are not numbers"),
        (lambda t: t | {"b_dec": t["b_dec"] / 0}, "b_dec holds values that are not numbers"),
        (lambda t: t | {"W_enc": t["W_enc"].T.contiguous()}, "W_enc is"),
        (lambda t: t | {"W_skip": torch.zeros(D, D)}, "W_skip on top"),
        (lambda t: t | {"scaling_factor": torch.full((F,), 2.0)}, "scaling_factor on top"),
        (lambda t: {name: value for name, value in t.items() if name != "b_enc"}, "lacks b_enc"),
    ],
)
def test_damaged_or_foreign_weights_are_refused(change, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        saelens.read(saelens_folder(tmp_path / "sae", saelens_config("standard"), change(saelens_tensors("standard"))))


def test_truncated_files_are_refused(tmp_path):
    folders = [
        (saelens_folder(tmp_path / "sae", saelens_config("standard"), saelens_tensors("standard")), "sae_weights.safetensors"),
        (sparsify_folder(tmp_path / "layers.1"), "sae.safetensors"),
        (learned_folder(tmp_path / "trainer_0", linear_weights()), "ae.pt"),
        (released_folder(tmp_path / "report"), "model_20250628.pt"),
        (released_folder(tmp_path / "report 2"), "log_20250628.pkl"),
        (saelens_folder(tmp_path / "sae 2", saelens_config("standard"), saelens_tensors("standard")), "cfg.json"),
    ]
    for folder, name in folders:
        detect.read(str(folder))
        whole = (folder / name).read_bytes()
        for size in (0, 1, len(whole) // 2, len(whole) - 1):
            (folder / name).write_bytes(whole[:size])
            with pytest.raises(ValueError, match="is not"):
                detect.read(str(folder))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"activation": "groupmax"}, "groupmax"),
        ({"transcode": True}, "a transcoder to a module's output"),
        ({"skip_connection": True}, "no function of its code"),
        ({"k": 0}, "k must be"),
    ],
)
def test_sparsify_refusals(changes, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        sparsify.read(sparsify_folder(tmp_path / "layers.1", **changes))
    with pytest.raises(ValueError, match=r"allowed are whole blocks"):
        sparsify.read(sparsify_folder(tmp_path / "layers.1.mlp"))


def batchtopk_weights(threshold: float) -> dict[str, torch.Tensor]:
    linear = linear_weights()
    return linear | {"b_dec": linear.pop("bias"), "k": torch.tensor(4), "threshold": torch.tensor(threshold)}


@pytest.mark.parametrize(
    ("weights", "changes", "reason"),
    [
        (linear_weights(), {"dict_class": "IdentityDict"}, "those that can be read are AutoEncoder"),
        (linear_weights(), {"submodule_name": "mlp_out_layer_1"}, "resid_post_layer_N"),
        (linear_weights(), {"submodule_name": "resid_post_layer_4"}, "must agree"),
        (linear_weights(), {"dict_size": F * 2}, "does not fit its config"),
        (linear_weights() | {"bias": torch.full((D,), torch.inf)}, {}, "bias holds values that are not numbers"),
        (batchtopk_weights(-1.0), {"dict_class": "BatchTopKSAE"}, "threshold was never set"),
        ([1, 2], {}, "holds a list"),
        ({"step": 1, "ae": linear_weights(), "norm_factor": 0.0}, {}, "positive norm_factor"),
        (linear_weights() | {"note": "hello"}, {}, "'note' besides tensors"),
    ],
)
def test_dictionary_learning_refusals(weights, changes, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        dictionary_learning.read(learned_folder(tmp_path / "trainer_0", weights, **changes))


@pytest.mark.parametrize(
    ("params", "weights", "reason"),
    [
        ({"binarization_type": "squarewave"}, {}, "a step, sign_s, sign"),
        ({"output_activation": "relu"}, {}, "decodes linearly"),
        ({"inner_expand_rate": 3}, {}, "does not fit its log"),
        ({"inner_activation": "relu"}, {}, "SAE baselines"),
        ({}, {"decoder.weight": torch.full((D, F), torch.nan)}, "decoder.weight holds values that are not numbers"),
        ({}, {"decoder.weight": torch.zeros(F, D)}, "decoder.weight is"),
    ],
)
def test_released_bae_refusals(params, weights, reason, tmp_path):
    with pytest.raises(ValueError, match=reason):
        released_bae.read(released_folder(tmp_path / "report", params, **weights))


def test_a_released_model_without_its_log_is_refused(tmp_path):
    folder = released_folder(tmp_path / "report")
    (folder / "log_20250628.pkl").unlink()
    with pytest.raises(ValueError, match=r"needs log_20250628\.pkl"):
        detect.read(str(folder / "model_20250628.pt"))


def test_what_lies_nowhere_or_is_nothing_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="a SAELens folder"):
        detect.read(str(tmp_path / "nowhere"))
    sparsify_folder(tmp_path / "run" / "layers.3")
    with pytest.raises(ValueError, match=r"folders that may: layers\.3"):
        detect.read(str(tmp_path / "run"))
    (tmp_path / "text.txt").write_text("x")
    with pytest.raises(ValueError, match="no file that can be imported"):
        detect.read(str(tmp_path / "text.txt"))


def test_the_hub_is_asked_for_one_folder_and_its_absence_told(tmp_path, monkeypatch):
    """A stand-in answers for the hub, which no machine of this project reaches."""
    asked = []

    def answer(repository, allow_patterns):
        asked.append((repository, allow_patterns))
        saelens_folder(tmp_path / "blocks.1" / "res", saelens_config("standard"), saelens_tensors("standard"))
        return str(tmp_path)

    monkeypatch.setattr(detect, "snapshot_download", answer)
    assert detect.read("saelens:owner/repo/blocks.1/res").layer == 2
    assert asked == [("owner/repo", "blocks.1/res/*")]
    for wrong in ("saelens:owner", "saelens:owner/repo", "saelens:owner/repo/../etc"):
        with pytest.raises(ValueError, match="OWNER/REPO/SAE_ID"):
            detect.read(wrong)

    def unreachable(*_args, **_options):
        raise FileNotFoundError("Name or service not known")

    monkeypatch.setattr(detect, "snapshot_download", unreachable)
    with pytest.raises(OSError, match=r"the hub cannot be reached.*give the folder"):
        detect.read("saelens:owner/repo/x")


# ---------------------------------------------------------------- pickles


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_a_pickle_of_plain_values_is_read(tmp_path):
    told = {
        "params": {"lr": 1e-3, "cuda": True, "name": "x", "none": None},
        "log": [np.float64(0.5), np.arange(3), {1, 2}, (1 + 2j, b"bytes")],
        "words": np.array(["a", "b"]),
    }
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        bare = told if protocol > 2 else {"params": told["params"]}  # protocol 2 wraps bytes in a call of codecs.encode
        (tmp_path / "log.pkl").write_bytes(pickle.dumps(bare, protocol))
        found = safe_files.plain_pickle(tmp_path / "log.pkl")
        assert found["params"] == told["params"]
    assert found["log"][1].tolist() == [0, 1, 2] and found["words"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Calls(os.system, "touch OWNED"), "system"),
        (Calls(builtins.eval, "open('OWNED', 'w')"), "builtins.eval"),
        (Calls(builtins.getattr, "x", "upper"), "builtins.getattr"),
        ({"params": [Calls(os.mkdir, "OWNED")]}, "mkdir"),
        (np.array([Calls(os.mkdir, "OWNED")], dtype=object), "mkdir"),
        (Calls(np.load, "x"), "numpy"),
        (Path("x"), "pathlib"),
        (torch.nn.Linear(2, 2), "torch"),
        (io.BytesIO(b"x"), "BytesIO"),
    ],
)
def test_a_pickle_that_asks_for_more_is_refused_and_runs_nothing(value, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(ValueError, match=f"log.pkl is not read: it asks for .*{name}.*which is no number"):
        safe_files.plain_pickle(tmp_path / "log.pkl")
    assert not (tmp_path / "OWNED").exists()


def test_names_are_refused_before_their_module_is_imported(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "log.pkl").write_bytes(b"ctrap\nf\n.")
    with pytest.raises(ValueError, match=r"trap\.f"):
        safe_files.plain_pickle(tmp_path / "log.pkl")
    # a dotted name would walk on from a module that is allowed
    (tmp_path / "log.pkl").write_bytes(b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.view\x93.")
    with pytest.raises(ValueError, match=r"numpy\.ndarray\.view"):
        safe_files.plain_pickle(tmp_path / "log.pkl")


def test_weights_that_are_a_program_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder.weight": Calls(os.mkdir, "OWNED")}, tmp_path / "ae.pt")
    with pytest.raises(ValueError, match="no plain tensors"):
        safe_files.torch_weights(tmp_path / "ae.pt")
    assert not (tmp_path / "OWNED").exists()


# ---------------------------------------------------------------- export


EXPORTED = {
    "relu": ("relu", {}),
    "relu-plain": ("relu", {"plain": True}),
    "topk": ("topk", {"k": 4, "rectified": True}),
    "topk-plain": ("topk", {"k": 4, "rectified": True, "plain": True}),
    "batchtopk": ("batchtopk", {"k": 4, "threshold": 0.4}),
    "gated": ("gated", {"threshold": 0.5}),
    "jumprelu": ("jumprelu", {}),
    "twopath": ("twopath", {}),
    "twopath-plain": ("twopath", {"plain": True}),
    "transcoder": ("transcoder", {}),
    "bae": ("binary", {}),
}
"""What is exported to the golden files, and loaded there by sae-lens."""


def exported(name: str):
    """An autoencoder of that kind with weights of its own, on centred and scaled states."""
    kind, options = EXPORTED[name]
    another = {"written_scaling": Scaling(drawn(90, D) * 3, 0.7, 40.0)} if kind == "transcoder" else {}
    autoencoder = KINDS[kind](D, F, Scaling(torch.linspace(-3, 3, D), 0.45, 50.0), **options, **another)
    with torch.no_grad():
        for seed, (_, weight) in enumerate(sorted(autoencoder.named_parameters())):
            weight.copy_(drawn(seed + 10, *weight.shape))
        if kind == "jumprelu":
            autoencoder.threshold.abs_()
    autoencoder.eval().requires_grad_(False)
    autoencoder.prior = Prior.of([autoencoder.encode(states())])
    return autoencoder


def provenance(autoencoder) -> checkpoint.Provenance:
    return checkpoint.Provenance("mine", 2, "tiny-llama", "f", ("made up",), 64, 0, 1)


@pytest.mark.parametrize("name", EXPORTED)
def test_an_export_computes_the_same_on_raw_states(name, tmp_path):
    """By the forward pass of sae-lens, written out above; and read back by the importer."""
    autoencoder, x = exported(name), states()
    saelens_export.write(autoencoder, provenance(autoencoder), tmp_path / "sae")
    told, tensors = json.loads((tmp_path / "sae/cfg.json").read_text()), load_file(tmp_path / "sae/sae_weights.safetensors")
    code, found = saelens_by_hand(told, tensors, x.double().numpy())
    assert agree(autoencoder, x, code, found)
    again = saelens.read(tmp_path / "sae")
    assert agree(again.autoencoder, x, code, found) and again.layer == 2
    assert not agree(again.autoencoder, x + 1, code, found), "negative control"
    sparsity = load_file(tmp_path / "sae/sparsity.safetensors")["sparsity"]
    assert torch.allclose(10**sparsity, autoencoder.prior.rate, atol=1e-6)


@pytest.mark.parametrize("name", EXPORTED)
def test_exports_are_those_that_sae_lens_loaded(name, tmp_path):
    """The golden folder is what `bae export` writes today, and what the installed sae-lens made of it is what ours computes."""
    autoencoder, golden = exported(name), GOLDEN / "exported" / name
    saelens_export.write(autoencoder, provenance(autoencoder), tmp_path / "sae")
    assert json.loads((tmp_path / "sae/cfg.json").read_text()) == json.loads((golden / "cfg.json").read_text())
    for file in ("sae_weights.safetensors", "sparsity.safetensors"):
        now, then = load_file(tmp_path / "sae" / file), load_file(golden / file)
        assert now.keys() == then.keys() and all(torch.allclose(now[key], then[key], atol=1e-6) for key in now)
    oracle = load_file(golden / "oracle.safetensors")
    assert agree(autoencoder, oracle["x"], oracle["code"], oracle["found"])


def test_a_bae_is_never_written_as_a_standard_sae(tmp_path):
    autoencoder = exported("bae")
    notes = saelens_export.write(autoencoder, provenance(autoencoder), tmp_path / "sae")
    told = json.loads((tmp_path / "sae/cfg.json").read_text())
    assert told["architecture"] == "bae" and "saelens_bae" in notes[0]
    lossy = {**told, "architecture": "standard"}
    code, _ = saelens_by_hand(lossy, load_file(tmp_path / "sae/sae_weights.safetensors"), states().double().numpy())
    assert not np.allclose(code, autoencoder.encode(states())), "as `standard` it would give values where a BAE gives ones"


def test_equality_at_the_threshold_survives(tmp_path):
    """A BatchTopK passes what reaches its threshold, a jumprelu what is above its own."""
    autoencoder = exported("batchtopk")
    threshold = autoencoder.threshold.item()
    saelens_export.write(autoencoder, provenance(autoencoder), tmp_path / "sae")
    below = load_file(tmp_path / "sae/sae_weights.safetensors")["threshold"][0]
    assert torch.tensor(threshold) > below and autoencoder.activation(torch.full((1, F), threshold)).ne(0).all()
    assert torch.nextafter(below, torch.tensor(torch.inf)) == torch.tensor(threshold)


def test_what_sae_lens_cannot_say_is_refused_or_told(tmp_path):
    signed, k_transcoder, graded = (
        KINDS["topk"](D, F, Scaling.raw(D), k=4),
        KINDS["transcoder"](D, F, Scaling.raw(D), k=4),
        KINDS["binary"](D, F, Scaling.raw(D), bits_per_feature=2),
    )
    for autoencoder in (signed, k_transcoder, graded):
        autoencoder.prior = Prior.of([autoencoder.encode(states())])
    assert "negative values" in saelens_export.write(signed, provenance(signed), tmp_path / "signed")[0]
    with pytest.raises(ValueError, match="no architecture in sae-lens"):
        saelens_export.write(k_transcoder, provenance(k_transcoder), tmp_path / "k")
    with pytest.raises(ValueError, match="2 bits a feature"):
        saelens_export.write(graded, provenance(graded), tmp_path / "graded")
    with pytest.raises(FileExistsError, match="not empty"):
        saelens_export.write(signed, provenance(signed), tmp_path / "signed")


# ---------------------------------------------------------------- the preflight and the commands, on a random Llama


RECIPE = """
model = {model}
layers = [2]
sources = [{source}]
context_length = 32
train_tokens = 100
held_out_tokens = 400
"""


@pytest.fixture(scope="module")
def study(tiny_llama, tmp_path_factory) -> Workspace:
    folder = tmp_path_factory.mktemp("formats")
    source = write_jsonl(folder / "text.jsonl", [prose(seed) for seed in range(400)])
    (folder / "recipe.toml").write_text(RECIPE.format(model=json.dumps(str(tiny_llama)), source=json.dumps(str(source))))
    return Workspace.create(folder / "study", folder / "recipe.toml")


@pytest.fixture(scope="module")
def fitting(study, tiny_model) -> dict[str, torch.Tensor]:
    """A ReLU SAE of layer 2, in closed form: its mean, and its first principal directions, each with both signs."""
    sample = list(importing._sample(study, tiny_model, 2000))
    states = importing.contexts.read(tiny_model, sample, [2])[2].float()
    mean = states.mean(0)
    directions = torch.linalg.svd(states - mean, full_matrices=False).Vh[:12]
    both = torch.cat([directions, -directions])
    return {"W_enc": both.T.contiguous(), "W_dec": both.contiguous(), "b_enc": torch.zeros(24), "b_dec": mean}


def foreign_folder(folder: Path, tensors: dict, layer: int = 2) -> Path:
    told = saelens_config("standard", d_in=32, d_sae=24)
    told["metadata"]["hook_name"] = f"blocks.{layer - 1}.hook_resid_post"
    return saelens_folder(folder, told, tensors)


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_import_measures_the_layer_and_writes_a_checkpoint(study, fitting, tiny_model, tmp_path):
    code, output = run("import", foreign_folder(tmp_path / "sae", fitting), "--name", "right", "--workspace", study.folder)
    assert code == 0, output
    assert "the folder says this one, fits best" in output and "stored in fp16: FVU" in output and "tiny" in output
    lenses = load_lenses(study.folder / "autoencoders", tiny_model)
    told, autoencoder = lenses.provenance["right"], lenses.usable["right"].autoencoder
    assert not lenses.refused and told.layer == 2 and told.figures["fvu"] < 0.5 and told.options["layout"] == "SAELens 6.1.0, standard"
    assert autoencoder.prior.tokens > 500 and 0 < autoencoder.scaling.norm_limit < float("inf") and autoencoder.scaling.scale == 1
    states = torch.randn(50, 32) * fitting["b_dec"].norm() / 5
    ours = autoencoder.encode(states)
    by_hand = ((states - fitting["b_dec"]) @ fitting["W_enc"]).relu()
    assert torch.allclose(ours, by_hand, atol=0.02 * by_hand.max()), "but for fp16"
    assert "right" in study.autoencoder_names()


def test_an_off_by_one_is_seen_and_needs_a_word(study, fitting, tmp_path):
    folder = foreign_folder(tmp_path / "sae", fitting, layer=3)
    code, output = run("import", folder, "--name", "off", "--workspace", study.folder)
    assert code == 1 and "layer 2 fits clearly better" in output and "--layer 2" in output and "Traceback" not in output
    assert not study.autoencoder_folder("off").exists(), "nothing is written"
    code, output = run("import", folder, "--name", "off", "--workspace", study.folder, "--layer", 2)
    assert code == 0 and checkpoint.load(study.autoencoder_folder("off"))[1].layer == 2
    code, output = run("import", folder, "--name", "off", "--workspace", study.folder)
    assert code == 1 and "--replace" in output
    code, output = run("import", folder, "--name", "off", "--workspace", study.folder, "--anyway", "--replace")
    assert code == 0 and checkpoint.load(study.autoencoder_folder("off"))[1].layer == 3


def test_what_fits_nowhere_or_names_no_layer_needs_a_word(study, fitting, tmp_path):
    wild = fitting | {"W_dec": -fitting["W_dec"]}
    code, output = run("import", foreign_folder(tmp_path / "wild", wild), "--name", "wild", "--workspace", study.folder, "--layer", 99)
    assert code == 1 and "this model has 0 to 4" in output
    silent = saelens_config("standard", d_in=32, d_sae=24)
    del silent["metadata"]["hook_name"]
    folder = saelens_folder(tmp_path / "silent", silent, fitting)
    code, output = run("import", folder, "--name", "silent", "--workspace", study.folder)
    assert code == 1 and "does not say which layer" in output and "layer 2 fits best" in output
    found = [preflight.Fit(layer, 1.5 - 0.01 * layer, 1.0, 1.0, 0) for layer in range(3)]
    with pytest.raises(ValueError, match="explains nothing at layer 1"):
        preflight.settled(found, 1, None, False)
    assert preflight.settled(found, 1, None, True).layer == 1 and preflight.settled(found, 1, 0, False).layer == 0


def test_what_does_not_fit_the_study_is_refused(study, fitting, tmp_path):
    narrow = saelens_folder(tmp_path / "narrow", saelens_config("standard"), saelens_tensors("standard"))
    code, output = run("import", narrow, "--name", "narrow", "--workspace", study.folder)
    assert code == 1 and f"width {D}" in output and "has width 32" in output
    folder = foreign_folder(tmp_path / "sae", fitting)
    for name in ("../up", ".hidden", "a b", ""):
        code, output = run("import", folder, "--name", name, "--workspace", study.folder)
        assert code == 1 and "letters, digits" in output
    far = fitting | {"b_dec": torch.full((32,), 1e6)}
    code, output = run("import", foreign_folder(tmp_path / "far", far), "--name", "far", "--workspace", study.folder, "--anyway")
    assert code == 1 and "beyond 65,504" in output


def test_the_prior_comes_from_the_held_out_harvest_where_there_is_one(study, fitting, tiny_model, tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(study.folder, folder, ignore=shutil.ignore_patterns("autoencoders"))
    again = Workspace.open(folder)
    config = HarvestConfig((2,), again.recipe.sources, 300, split="held-out", context_length=32)
    harvest(tiny_model, config, again.harvest_folder("held-out"))
    importing.import_dictionary(again, str(foreign_folder(tmp_path / "sae", fitting)), "harvested", say=lambda _: None)
    autoencoder, _ = checkpoint.load(again.autoencoder_folder("harvested"))
    assert 290 <= autoencoder.prior.tokens <= 300
    importing.import_dictionary(again, str(foreign_folder(tmp_path / "sae", fitting)), "elsewhere", layer=3, say=lambda _: None)
    assert checkpoint.load(again.autoencoder_folder("elsewhere"))[0].prior.tokens > 300, "layer 3 was not harvested"


@pytest.fixture
def gains(tiny_model):
    """Gains of the norms before the MLPs that are not 1, and differ from block to block; put back afterwards."""
    weights = [block.post_attention_layernorm.weight for block in tiny_model.model.model.layers]
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for number, weight in enumerate(weights):
            weight.copy_(torch.linspace(0.5, 2, 32).roll(number))
    yield [weight.detach() for weight in weights]
    with torch.no_grad():
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(old)


def test_a_transcoder_before_the_gain_reads_what_ours_reads(study, tiny_model, gains, tmp_path):
    """`ln2.hook_normalized` is the state before the norm's gain: dividing by the gain gives it back from what an MLP reads."""
    tensors = {"W_enc": drawn(0, 32, 24), "W_dec": drawn(1, 24, 32), "b_enc": drawn(2, 24), "b_dec": drawn(3, 32)}
    told = saelens_config("transcoder", d_in=32, d_sae=24, d_out=32)
    told["metadata"]["hook_name"] = "blocks.1.ln2.hook_normalized"
    found = saelens.read(saelens_folder(tmp_path / "sae", told, tensors))
    sample = list(importing._sample(study, tiny_model, 300))
    reading = importing.contexts.read(tiny_model, sample, [2, Place(2, MLP_INPUT)])
    normalized = reading[Place(2, MLP_INPUT)].float() / gains[1]
    expected = (normalized @ tensors["W_enc"] + tensors["b_enc"]).relu()
    fit = preflight.fits(found, tiny_model, sample)[1]
    written = reading[2].double()
    error = (written - (expected @ tensors["W_dec"] + tensors["b_dec"])).square().sum()
    assert fit.layer == 2 and fit.dropped == 0
    assert fit.fvu == pytest.approx((error / (written - written.mean(0)).square().sum()).item(), rel=1e-4)
    placed = preflight.placed(found, tiny_model, fit)
    assert torch.allclose(placed.encode(reading[Place(2, MLP_INPUT)]), expected, atol=1e-4)
    assert placed.written_scaling.norm_limit == fit.written_limit != fit.read_limit == placed.scaling.norm_limit


def test_fp16_is_measured(fitting):
    """Weights that fp16 holds exactly change nothing; others change a little, and the figure says how much."""
    x = torch.randn(500, 32, generator=torch.Generator().manual_seed(0)) * 3
    exact = {name: weight.half().float() for name, weight in fitting.items()}
    for tensors, unchanged in ((exact, True), (fitting, False)):
        named = {"W_in": tensors["W_enc"], "W_out": tensors["W_dec"], "b_in": tensors["b_enc"], "b_out": tensors["b_dec"]}
        autoencoder = saelens.filled("relu", named, Scaling.raw(32))
        rounding = preflight.round_weights(autoencoder, preflight.Pair.same(x))
        assert (rounding.fvu_before == rounding.fvu_after and rounding.changed == 0) is unchanged
        assert abs(rounding.fvu_before - rounding.fvu_after) < 0.01


def test_export_command(study, fitting, tmp_path):
    run("import", foreign_folder(tmp_path / "sae", fitting), "--name", "shipped", "--workspace", study.folder, "--replace")
    code, output = run("export", "shipped", tmp_path / "out", "--workspace", study.folder)
    assert code == 0, output
    stored, _ = checkpoint.load(study.autoencoder_folder("shipped"))
    x = torch.randn(50, 32)
    assert torch.allclose(saelens.read(tmp_path / "out").autoencoder.encode(x), stored.encode(x), atol=1e-5)
    assert json.loads((tmp_path / "out/cfg.json").read_text())["metadata"]["model_name"] == "tiny-llama", "no path of this machine"
    for wrong, reason in (
        (("nobody", tmp_path / "o"), "has no autoencoder 'nobody'"),
        (("shipped", tmp_path / "out"), "not empty"),
        (("shipped", tmp_path / "o", "--format", "x"), "there is saelens"),
    ):
        code, output = run("export", *wrong, "--workspace", study.folder)
        assert code == 1 and reason in output
