"""Which layout a folder has, by the files in it; and the hub, for those who can reach it."""

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from bae.formats import dictionary_learning, released_bae, saelens, sparsify
from bae.formats.foreign import Foreign

HUB = "saelens:"
LAYOUTS = (
    "a SAELens folder (cfg.json, sae_weights.safetensors), a sparsify folder (cfg.json, sae.safetensors), a dictionary_learning folder "
    "(ae.pt, config.json) or one of its checkpoints/ae_STEP.pt, a report of the released BAE code (model_TIME.pt, log_TIME.pkl), "
    "or saelens:OWNER/REPO/SAE_ID"
)


def read(source: str) -> Foreign:
    """The dictionary that lies there, whoever wrote it.

    Raises FileNotFoundError where nothing is, ValueError that names the layouts there are, and what the layout's reader raises.
    """
    place = fetched(source.removeprefix(HUB)) if source.startswith(HUB) else Path(source)
    if not place.exists():
        raise FileNotFoundError(f"there is no {source}; give {LAYOUTS}")
    return _reader(place)(place)


def _reader(place: Path) -> Callable[[Path], Foreign]:
    if place.is_file():
        if place.name.startswith("ae") and place.suffix == ".pt":
            return dictionary_learning.read
        if place.name.startswith("model_") and place.suffix == ".pt":
            return released_bae.read
        raise ValueError(f"{place} is no file that can be imported; give {LAYOUTS}")
    for layout, files in ((saelens, (saelens.CONFIG, saelens.WEIGHTS)), (sparsify, (sparsify.CONFIG, sparsify.WEIGHTS))):
        if all((place / file).is_file() for file in files):
            return layout.read
    if (place / "ae.pt").is_file():
        return dictionary_learning.read
    if any(place.glob("model_*.pt")):
        return released_bae.read
    raise ValueError(f"{place} holds no dictionary that can be read{_inside(place)}; give {LAYOUTS}")


def _inside(place: Path) -> str:
    """The folders in it that look like one, for who gave the folder above."""
    found = sorted({file.parent.relative_to(place).as_posix() for name in ("cfg.json", "ae.pt") for file in place.glob(f"*/{name}")})
    if not found:
        return ""
    return f", but folders that may: {', '.join(found[:8])}{' and others' if len(found) > 8 else ''}"


def fetched(address: str) -> Path:
    """The folder of `OWNER/REPO/SAE_ID` on the Hugging Face hub, downloaded into its cache.

    Written against huggingface_hub and not run against the hub itself: no machine of this project reaches it. Raises ValueError for
    an address that is none, OSError where the hub cannot be reached or has no such folder.
    """
    owner, _, rest = address.partition("/")
    repository, _, folder = rest.partition("/")
    if not (owner and repository and folder) or ".." in address.split("/"):
        raise ValueError(f"{HUB}{address} is no address; it reads {HUB}OWNER/REPO/SAE_ID")
    try:
        return Path(snapshot_download(f"{owner}/{repository}", allow_patterns=f"{folder}/*")) / folder
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OSError(
            f"the hub cannot be reached, or has no {owner}/{repository} ({reason}); download it elsewhere and give the folder"
        ) from error
