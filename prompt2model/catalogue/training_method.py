"""Which weights of a model are trained and the memory that takes, for those who offer models and who train them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from prompt2model.inference.device import memory_for_training
from prompt2model.records import Family, Method
from prompt2model.weights.model_shape import ModelShape

WantedMethod = Literal["auto", "full", "lora", "qlora"]

_LARGE = 1_000_000_000
_TRAINED, _BEST = 16.0, 4.0
"""Bytes for each trained weight: itself, its gradient, AdamW's two moments, all float32; and its best value so far."""
_FOUR_BITS = 0.516
"""Bytes of a weight in NF4 with double quantisation: 4 bits, and 0.127 for the scales (arXiv 2305.14314)."""
_USUAL_RANK = 16
_ADAPTER_SHARE = 0.01
"""Parameters of adapters of the usual rank over those of the model, where its form is not known."""
_KEPT: dict[Method, tuple[float, float]] = {"full": (24.0, 12.0), "lora": (33.0, 18.0), "qlora": (33.0, 18.0)}
"""Bytes that a layer keeps of a token until the backward pass, for each unit of its width and of its inner width.

Measured on a processor with SmolLM2-135M in bfloat16; `_KEPT_OF_FAMILY` with all-MiniLM-L6 and flan-t5-small.
"""
_KEPT_OF_FAMILY: dict[Family, float] = {"encoder": 1.6, "encoder_decoder": 1.0, "decoder": 1.0}
"""An encoder keeps more, as the keys of all heads; so does an encoder-decoder, whose decoder sees few of the tokens."""
_KEPT_IN_HOLES = (42.0, 22.0)
_REUSED = 1 << 25
"""Blocks from this size on the C library gives back to the system when they are freed. Smaller ones stay with the
process: where a layer was unpacked from four bits a hole stays, in which smaller tensors settle before the next layer.
"""
_LOGIT = 18.0
"""Bytes for each logit: in 16 and 32 bits, its probability, and the gradients of these."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The largest forward pass of a training: its tokens, padding included, and those whose logits are computed."""

    tokens: int
    answer_tokens: int = 0


def method_for(wanted: WantedMethod, family: Family, parameters: int, memory: int | None = None) -> Method:
    """The method that `auto` stands for: LoRA (arXiv 2106.09685) for decoders and above a billion parameters.

    QLoRA (arXiv 2305.14314) where LoRA does not fit in `memory` (bytes; that of this machine or its GPU) and its
    library is installed.
    """
    if family in ("tfidf", "embedding"):
        return "linear"
    if wanted != "auto":
        return wanted
    if family != "decoder" and parameters <= _LARGE:
        return "full"
    room = memory_for_training() if memory is None else memory
    too_large = _weights_memory("lora", family, parameters, None, _USUAL_RANK) > room
    return "qlora" if too_large and find_spec("bitsandbytes") is not None else "lora"


def training_memory(
    method: Method,
    family: Family,
    parameters: int,
    shape: ModelShape | None = None,
    largest: Pass | None = None,
    *,
    rank: int = _USUAL_RANK,
    checkpointing: bool = False,
    on_processor: bool = True,
    keeps_best: bool = True,
) -> int:
    """Bytes that training takes about at its peak: weights, gradients, moments, and what one forward pass keeps.

    The passes are left out where `shape` or `largest` are not known. `keeps_best`: training goes on after a validation,
    beside the best weights so far.
    """
    of_trained = _TRAINED + (_BEST if keeps_best else 0.0)
    peak = _weights_memory(method, family, parameters, shape, rank, of_trained)
    if shape is not None and largest is not None and method != "linear":
        peak += _pass_memory(method, family, shape, largest, checkpointing, on_processor)
    if method == "qlora" and on_processor:
        peak = max(peak, 2.0 * parameters)  # before it is quantised, a model stands in main memory in 16 bits
    return int(peak)


def _weights_memory(
    method: Method,
    family: Family,
    parameters: int,
    shape: ModelShape | None,
    rank: int,
    of_trained: float = _TRAINED + _BEST,
) -> float:
    if method == "linear":
        return 4.0 * parameters
    if method == "full":
        return of_trained * parameters
    trained = _ADAPTER_SHARE * rank / _USUAL_RANK * parameters if shape is None else rank * shape.edges
    if method == "lora":
        return _stored(family, shape) * parameters + of_trained * trained
    embedded = 0 if shape is None else shape.embedded
    return _FOUR_BITS * (parameters - embedded) + (2 if family == "decoder" else 4) * embedded + of_trained * trained


def _pass_memory(
    method: Method, family: Family, shape: ModelShape, largest: Pass, checkpointing: bool, on_processor: bool
) -> float:
    holes = method == "qlora" and on_processor and 2 * shape.width * shape.inner_width < _REUSED
    of_width, of_inner_width = _KEPT_IN_HOLES if holes else _KEPT[method]
    kept = _KEPT_OF_FAMILY[family] * (of_width * shape.width + of_inner_width * shape.inner_width)
    # With checkpointing a layer keeps its input alone, and one layer at a time is computed again.
    layers = kept + 4.0 * shape.width * shape.layers if checkpointing else kept * shape.layers
    logits = 0.0 if family == "encoder" else _LOGIT * shape.vocabulary * largest.answer_tokens
    # Matrix products in bfloat16 keep a 16-bit copy of each float32 weight.
    single = method == "full" or (method == "lora" and _stored(family, shape) == 4)
    return largest.tokens * layers + logits + (2.0 * shape.parameters if single or holes else 0.0)


def _stored(family: Family, shape: ModelShape | None) -> int:
    """Bytes of a weight under adapters: a decoder's is held as it is stored."""
    return shape.stored_bytes if shape is not None and family == "decoder" else 4
