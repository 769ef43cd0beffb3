"""How large a model is and how it is built, read from its files without loading it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prompt2model.errors import WeightsError
from prompt2model.weights.locate import WeightsLocation, weight_files

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I8": 1, "U8": 1}
_USUAL_FORM = 4
"""A layer's inner width over the model's, in nearly every transformer."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a model. `embedded` are the parameters of the input embedding and of an output layer of its own.

    `edges` is the sum of inputs and outputs of all other matrices: adapters of rank r have r times as many parameters.
    `stored_bytes` are those of one weight as a loader gives it by default.
    """

    parameters: int
    embedded: int
    edges: int
    layers: int
    width: int
    inner_width: int
    vocabulary: int
    stored_bytes: int


def model_shape(location: WeightsLocation) -> ModelShape:
    """The shape of located weights. Raises WeightsError where their files cannot be read."""
    try:
        if location.gguf_file is not None:
            return _gguf_shape(location.folder / location.gguf_file)
        config = json.loads((location.folder / "config.json").read_text(encoding="utf-8"))
        tensors = list(_headers(_used_files(location.folder)))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise WeightsError(
            f"the files of {location.model_id} in {location.folder} are damaged ({error}); get them again, or "
            "choose another model"
        ) from error
    width = _first(config, "hidden_size", "d_model", "n_embd", "dim") or 0
    layers = _first(config, "num_hidden_layers", "num_layers", "n_layer", "n_layers") or 0
    # Where decoder layers are not counted apart, an encoder-decoder has as many of them.
    layers += _first(config, "num_decoder_layers", "decoder_layers") or (layers if _is_both(config) else 0)
    inner = _first(config, "intermediate_size", "d_ff", "n_inner", "ffn_dim", "hidden_dim") or _USUAL_FORM * width
    stored = max((size for _, _, size in tensors), default=4)
    return _shape((shape for _, shape, _ in tensors), config.get("vocab_size") or 0, layers, width, inner, stored)


def _shape(
    shapes: Iterable[tuple[int, ...]], vocabulary: int, layers: int, width: int, inner: int, stored: int
) -> ModelShape:
    parameters = embedded = edges = 0
    for shape in shapes:
        count = math.prod(shape)
        parameters += count
        if len(shape) != 2:
            continue
        if vocabulary in shape:
            embedded += count
        else:
            edges += sum(shape)
    return ModelShape(parameters, embedded, edges, layers, width, inner, vocabulary, stored)


def _is_both(config: dict[str, Any]) -> bool:
    return bool(config.get("is_encoder_decoder"))


def _first(config: dict[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def _used_files(folder: Path) -> list[Path]:
    """The files that transformers loads: those that an index names, the whole one, or all."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return [folder / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else weight_files(folder)


def _headers(files: Iterable[Path]) -> Iterator[tuple[str, tuple[int, ...], int]]:
    """Name, shape and bytes per value of each tensor of safetensors files (an 8-byte length, then JSON)."""
    for path in files:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > path.stat().st_size:
                raise ValueError(f"{path.name} is shorter than it says")
            header = json.loads(file.read(length))
        for name, tensor in header.items():
            if name != "__metadata__":
                yield name, tuple(tensor["shape"]), _BYTES.get(tensor["dtype"], 4)


def _gguf_shape(path: Path) -> ModelShape:
    from transformers.integrations.gguf import GgufHeader, read_gguf_metadata

    header = GgufHeader.from_file(str(path))
    metadata, _ = read_gguf_metadata(str(path))
    kind = header.architecture
    shapes = [tuple(tensor.shape) for tensor in header.tensors]
    embedding = next(tuple(tensor.shape) for tensor in header.tensors if tensor.name == "token_embd.weight")
    width = int(metadata[f"{kind}.embedding_length"])
    return _shape(
        shapes,
        max(embedding),
        int(metadata[f"{kind}.block_count"]),
        width,
        int(metadata[f"{kind}.feed_forward_length"]),
        4,  # unpacked into float32
    )
