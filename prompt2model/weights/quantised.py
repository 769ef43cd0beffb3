"""A model's linear layers in four bits (QLoRA, arXiv 2305.14314): NF4 in blocks of 64, double quantisation.

Done on loaded weights, layer by layer, so that every source of weights takes the same way, GGUF files too; a model's
16-bit weights are in main memory meanwhile. On the accelerator there is never more than four bits of a layer.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from prompt2model.errors import MissingExtraError

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

BLOCK = 64
"""Weights that share a scale."""


def can_quantise() -> bool:
    """Whether bitsandbytes is installed."""
    return find_spec("bitsandbytes") is not None


def import_bitsandbytes() -> Any:
    """The library. Raises MissingExtraError where it is not installed.

    On some processors it would fetch a kernel from the hub, if the package `kernels` is there, and run it; that is
    kept from it. peft imports bitsandbytes too, so whoever imports peft calls this first.
    """
    if not can_quantise():
        raise MissingExtraError("qlora needs bitsandbytes: pip install 'prompt2model[qlora]'")
    if "bitsandbytes" in sys.modules:
        return sys.modules["bitsandbytes"]
    kernels = sys.modules.get("kernels")
    sys.modules["kernels"] = None  # type: ignore[assignment]  # what cannot be imported, by the import system's rule
    logger = logging.getLogger("bitsandbytes")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        import bitsandbytes
    finally:
        logger.setLevel(level)
        if kernels is None:
            del sys.modules["kernels"]
        else:
            sys.modules["kernels"] = kernels
    return bitsandbytes


def linear_layers(model: PreTrainedModel, whole: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Names and modules of all linear layers but the output layer and what lies in the modules named in `whole`."""
    import torch
    from transformers.pytorch_utils import Conv1D

    output = model.get_output_embeddings()
    # By name, so that a layer that was replaced meanwhile is not held in memory.
    for name in [name for name, _ in model.named_modules()]:
        module = model.get_submodule(name)
        inside = any(name == one or name.startswith(f"{one}.") for one in whole)
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not output and not inside:
            yield name, module


def quantise(
    model: PreTrainedModel,
    device: torch.device | str,
    compute: torch.dtype,
    dtype: torch.dtype,
    whole: Collection[str] = (),
) -> PreTrainedModel:
    """Replace the linear layers by NF4 ones on `device`; they compute in `compute`. The rest is kept as `dtype` there.

    `whole` are modules to leave as they are. Raises MissingExtraError without bitsandbytes.
    """
    import torch

    # T5 converts what it gives to a layer to the format of the layer's weight, so four bits are packed into floats.
    packed = torch.float32 if dtype == torch.float32 else torch.uint8
    for name, layer in linear_layers(model, whole):
        model.set_submodule(name, _four_bits(layer, device, compute, packed))
    for parameter in model.parameters():
        if parameter.is_floating_point() and type(parameter) is torch.nn.Parameter:
            parameter.data = parameter.data.to(device, dtype)
    # Never `to(dtype)`: it would round the table of rotary positions too.
    model = model.to(device)
    model.is_loaded_in_4bit = True  # by this name peft knows how to put adapters on it
    return model


def round_to_four_bits(model: PreTrainedModel, whole: Collection[str] = ()) -> None:
    """Give the linear layers of a dense model, in place, the values that they have after `quantise`."""
    import torch

    functional = import_bitsandbytes().functional
    for _, layer in linear_layers(model, whole):
        weight = _rows_are_outputs(layer)
        coded, state = functional.quantize_4bit(
            weight.to(torch.bfloat16), blocksize=BLOCK, compress_statistics=True, quant_type="nf4"
        )
        values = functional.dequantize_4bit(coded, state).to(layer.weight.dtype)
        layer.weight.data = values if isinstance(layer, torch.nn.Linear) else values.T.contiguous()


def _four_bits(layer: Any, device: torch.device | str, compute: torch.dtype, packed: torch.dtype) -> Any:
    import torch

    library = import_bitsandbytes()
    weight = _rows_are_outputs(layer)
    with torch.device("meta"):
        four = library.nn.Linear4bit(weight.shape[1], weight.shape[0], bias=False, compute_dtype=compute)
    four.weight = library.nn.Params4bit(
        # All quantise from 16 bits, so that the codes do not depend on what the processor computes in.
        weight.to(torch.bfloat16),
        requires_grad=False,
        blocksize=BLOCK,
        compress_statistics=True,
        quant_type="nf4",
        quant_storage=packed,
        module=four,
    ).to(device)
    if layer.bias is not None:
        four.bias = torch.nn.Parameter(layer.bias.data.to(device, compute), requires_grad=False)
    # A kernel that reorders the weights on the first answer; it rounds otherwise than training does.
    four.support_avx512bf16_for_cpu = False
    return four


def _rows_are_outputs(layer: Any) -> torch.Tensor:
    """The layer's weights [outputs, inputs]; GPT-2's `Conv1D` has them the other way round."""
    import torch

    weight: torch.Tensor = layer.weight.data
    return weight if isinstance(layer, torch.nn.Linear) else weight.T.contiguous()
