"""Makes the golden files of `tests/unit/test_formats.py` with the packages whose formats they are. README.md says how to run it.

python make.py theirs     in an environment with sae-lens, dictionary-learning and eai-sparsify: folders that they save,
                          each with an oracle.safetensors of what they encode and decode
python make.py ours       in this project's environment: folders that `bae export` writes, in exported/
python make.py check      with sae-lens again: loads exported/, and keeps what it encodes and decodes beside them
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))
D, F, TOKENS = 8, 16, 12
METADATA = {"model_name": "tiny-llama", "hook_name": "blocks.1.hook_resid_post", "context_size": 64, "prepend_bos": True}


def inputs() -> Tensor:
    """Hidden states away from the origin, as real ones are."""
    return torch.randn(TOKENS, D, generator=torch.Generator().manual_seed(1)) * 2 + torch.linspace(-3, 3, D)


@torch.no_grad()
def shake(module: torch.nn.Module, seed: int) -> None:
    """Give every weight a value of its own: nothing transposed, tied, zero or of unit norm."""
    generator = torch.Generator().manual_seed(seed)
    for name, weight in sorted(module.named_parameters()):
        low = 0.1 if "threshold" in name else -0.6
        weight.copy_(torch.empty_like(weight).uniform_(low, 0.6, generator=generator))


def keep(folder: Path, code: Tensor, found: Tensor) -> None:
    """What the package makes of `inputs()`."""
    code = code.to_dense() if code.is_sparse else code
    assert (code != 0).any() and (code == 0).any(), f"{folder.name} shows nothing"
    save_file({"x": inputs(), "code": code.contiguous(), "found": found.detach().contiguous()}, folder / "oracle.safetensors")


def made(name: str) -> Path:
    """An empty folder."""
    shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / name).mkdir(parents=True)
    return HERE / name


@torch.no_grad()
def saelens() -> None:
    """Every architecture of sae-lens that is read."""
    import sae_lens
    from sae_lens.saes.sae import SAEMetadata

    def save(name: str, cls: Callable, config: Callable, seed: int, **options) -> None:
        metadata = METADATA | options.pop("metadata", {})
        sae = cls(config(d_in=D, d_sae=F, metadata=SAEMetadata(**metadata), **options))
        shake(sae, seed)
        folder = made(name)
        sae.save_model(folder)
        again = sae_lens.SAE.load_from_disk(folder)
        keep(folder, code := again.encode(inputs()), again.decode(code))

    save("saelens-standard", sae_lens.StandardSAE, sae_lens.StandardSAEConfig, 1)
    save("saelens-standard-plain", sae_lens.StandardSAE, sae_lens.StandardSAEConfig, 2, apply_b_dec_to_input=False)
    save("saelens-topk", sae_lens.TopKSAE, sae_lens.TopKSAEConfig, 3, k=4)
    save("saelens-topk-rescaled", sae_lens.TopKSAE, sae_lens.TopKSAEConfig, 4, k=4, rescale_acts_by_decoder_norm=True)
    save("saelens-jumprelu", sae_lens.JumpReLUSAE, sae_lens.JumpReLUSAEConfig, 5)
    save("saelens-gated", sae_lens.GatedSAE, sae_lens.GatedSAEConfig, 6)
    hooks = {"hook_name": "blocks.1.mlp.hook_in", "hook_name_out": "blocks.1.hook_resid_post"}
    save("saelens-transcoder", sae_lens.Transcoder, sae_lens.TranscoderConfig, 7, d_out=D, apply_b_dec_to_input=False, metadata=hooks)
    saelens_batchtopk(made("saelens-batchtopk-training"), made("saelens-batchtopk-final"))
    saelens_before_6(made("saelens-5"))
    saelens_unfolded(made("saelens-unfolded"))


def saelens_batchtopk(training: Path, final: Path) -> None:
    """One BatchTopK as training leaves it, and as it is shipped: a jumprelu."""
    import sae_lens
    from sae_lens.saes.sae import SAEMetadata

    config = sae_lens.BatchTopKTrainingSAEConfig(d_in=D, d_sae=F, k=4.0, metadata=SAEMetadata(**METADATA))
    sae = sae_lens.BatchTopKTrainingSAE(config)
    shake(sae, 8)
    sae.topk_threshold = torch.tensor(1.5, dtype=torch.double)
    sae.save_model(training)
    sae.save_inference_model(final)
    shipped = sae_lens.SAE.load_from_disk(final)
    code = shipped.encode(inputs())
    keep(final, code, shipped.decode(code))
    keep(training, code, shipped.decode(code))


def saelens_before_6(folder: Path) -> None:
    """A flat config as versions before 6 wrote it, which sae-lens still loads: a top-k SAE, whose k hides among the activation's."""
    import sae_lens

    saved = HERE / "saelens-topk"
    shutil.copy(saved / "sae_weights.safetensors", folder)
    flat = {
        "d_in": D,
        "d_sae": F,
        "dtype": "torch.float32",
        "device": "cpu",
        "model_name": "tiny-llama",
        "hook_point": "blocks.1.hook_resid_post",
        "hook_point_layer": 1,
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 4},
        "apply_b_dec_to_input": True,
        "normalize_activations": False,
        "context_size": 64,
        "sae_lens_version": "3.20.0",
    }
    (folder / "cfg.json").write_text(json.dumps(flat))
    sae = sae_lens.SAE.load_from_disk(folder)
    keep(folder, code := sae.encode(inputs()), sae.decode(code))


def saelens_unfolded(folder: Path) -> None:
    """A checkpoint of a training on scaled activations: the factor lies beside it. The oracle scales, encodes, decodes and scales back."""
    import sae_lens
    from sae_lens.saes.sae import SAEMetadata
    from sae_lens.training.activation_scaler import ActivationScaler

    config = sae_lens.StandardSAEConfig(d_in=D, d_sae=F, normalize_activations="expected_average_only_in", metadata=SAEMetadata(**METADATA))
    sae = sae_lens.StandardSAE(config)
    shake(sae, 9)
    sae.save_model(folder)
    scaler = ActivationScaler(scaling_factor=0.37)
    scaler.save(str(folder / "activation_scaler.json"))
    code = sae.encode(scaler.scale(inputs()))
    keep(folder, code, scaler.unscale(sae.decode(code)))


@torch.no_grad()
def sparsify() -> None:
    """A top-k SAE of sparsify, under the name of its module."""
    from sparsify import SparseCoder, SparseCoderConfig

    coder = SparseCoder(D, SparseCoderConfig(expansion_factor=F // D, k=4))
    shake(coder, 10)
    folder = made("sparsify/layers.1")
    coder.save_to_disk(folder)
    again = SparseCoder.load_from_disk(folder)
    acts, indices, _ = again.encode(inputs())
    keep(folder, torch.zeros(TOKENS, F).scatter(-1, indices, acts), again.decode(acts, indices))


@torch.no_grad()
def dictionary_learning() -> None:
    """Every dictionary class of dictionary_learning that is read, with the config that its trainer writes."""
    from dictionary_learning import trainers
    from dictionary_learning.dictionary import AutoEncoderNew
    from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
    from dictionary_learning.trainers.jumprelu import JumpReluTrainer
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
    from dictionary_learning.utils import load_dictionary

    told = {"activation_dim": D, "dict_size": F, "layer": 1, "lm_name": "tiny-llama", "device": "cpu", "seed": 3, "steps": 10_000}
    made_by = {
        "AutoEncoder": (trainers.StandardTrainer, {}),
        "GatedAutoEncoder": (trainers.GatedSAETrainer, {}),
        "AutoEncoderTopK": (trainers.TopKTrainer, {"k": 4}),
        "BatchTopKSAE": (BatchTopKTrainer, {"k": 4}),
        "MatryoshkaBatchTopKSAE": (MatryoshkaBatchTopKTrainer, {"k": 4, "group_fractions": [0.5, 0.5]}),
        "JumpReluAutoEncoder": (JumpReluTrainer, {}),
        "AutoEncoderNew": (trainers.StandardTrainer, {}),
    }
    for seed, (name, (trainer_class, options)) in enumerate(made_by.items()):
        trainer = trainer_class(**told, **options, submodule_name="resid_post_layer_1")
        ae = AutoEncoderNew(D, F) if name == "AutoEncoderNew" else trainer.ae
        shake(ae, 20 + seed)
        if name in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
            ae.threshold.fill_(1.5)
        folder = made(f"dictionary-learning-{name}")
        torch.save({key: value.cpu() for key, value in ae.state_dict().items()}, folder / "ae.pt")
        (folder / "config.json").write_text(json.dumps({"trainer": trainer.config | {"dict_class": name}}))
        again, _ = load_dictionary(str(folder), "cpu")
        keep(folder, code := again.encode(inputs()), again.decode(code))


def theirs() -> None:
    """All that other packages save."""
    saelens()
    sparsify()
    dictionary_learning()


def ours() -> None:
    """All that `bae export` writes, from the autoencoders of the unit test."""
    from bae.formats import saelens_export
    from tests.unit.test_formats import EXPORTED, exported, provenance

    shutil.rmtree(HERE / "exported", ignore_errors=True)
    for name in EXPORTED:
        autoencoder = exported(name)
        saelens_export.write(autoencoder, provenance(autoencoder), HERE / "exported" / name)


def check() -> None:
    """What sae-lens makes of our exports."""
    import sae_lens

    import bae.formats.saelens_bae  # noqa: F401

    for folder in sorted((HERE / "exported").iterdir()):
        sae = sae_lens.SAE.load_from_disk(folder)
        with torch.no_grad():
            keep(folder, code := sae.encode(inputs()), sae.decode(code))
        print(f"{folder.name}: sae-lens loads it as {type(sae).__name__}, {int((code != 0).sum())} firings")


if __name__ == "__main__":
    {"theirs": theirs, "ours": ours, "check": check}[sys.argv[1]]()
