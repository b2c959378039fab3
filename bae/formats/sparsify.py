"""sparsify of EleutherAI (PyPI `eai-sparsify`; also what delphi loads): `cfg.json` and `sae.safetensors` in a folder named by its module.

Top-k SAEs on the output of a block. Not read: groupmax, skip connections, and transcoders, which write what a module returns
where ours write the hidden state after the block.
"""

from pathlib import Path

from bae.formats import hooks, safe_files
from bae.formats.foreign import Foreign, checked, filled, number, raw

CONFIG, WEIGHTS = "cfg.json", "sae.safetensors"


def read(folder: Path) -> Foreign:
    """One dictionary. Its layer is in the folder's name, `layers.10`; None where the name says nothing of a module.

    Raises ValueError for what it cannot be read as, with the reason, and for damage.
    """
    told, file = safe_files.json_object(folder / CONFIG), folder / WEIGHTS
    _refuse_others(told, folder / CONFIG)
    d_model, k = (number(told, key, folder / CONFIG) for key in ("d_in", "k"))
    width = told.get("num_latents") or d_model * number(told, "expansion_factor", folder / CONFIG)
    shapes = {"encoder.weight": (width, d_model), "encoder.bias": (width,), "W_dec": (width, d_model), "b_dec": (d_model,)}
    found = checked(safe_files.tensors(file), shapes, file)
    weights = {
        "W_in": found["encoder.weight"].T,
        "b_in": found["encoder.bias"],
        "W_out": found["W_dec"],
        "b_out": found["b_dec"],
    }
    autoencoder = filled("topk", weights, raw(d_model), k=k, rectified=True)
    return Foreign(autoencoder, "sparsify, topk", _layer(folder.resolve().name))


def _refuse_others(told: dict, file: Path) -> None:
    activation = told.get("activation", "topk")  # older configs know no other
    if activation != "topk":
        raise ValueError(f"{file}: its activation is {activation!r}; only topk can be read")
    if told.get("transcode"):
        raise ValueError(f"{file}: it is a transcoder to a module's output; ours writes the hidden state after the block, another thing")
    if told.get("skip_connection"):
        raise ValueError(f"{file}: it has a skip connection, so its output is no function of its code; it cannot be read")


def _layer(name: str) -> int | None:
    # only a name that speaks of a module can be wrong about it
    return hooks.module(name) if "." in name or name == "embed_tokens" else None
