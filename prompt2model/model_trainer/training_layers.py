"""The same layers, computed faster, for as long as a model trains.

What they compute stays as it is, within the rounding of the number format; only dropout draws other random numbers.
Three parts of a small model's training take far more time than their arithmetic:

- LoRA (arXiv 2106.09685) as a chain of small operations with casts between them, here one function per layer;
- attention over short texts on a processor, where the blocks of the fused kernel stay nearly empty;
- dropout's random numbers on a processor, drawn by one thread, one whole number per element.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch

_SHORT = 256
"""Tokens up to which plain matrix products beat the fused attention kernel on a processor, backward pass included."""
_STEPS = 1 << 16
"""Dropout's random numbers have 16 bits: shares are exact to 1/65,536."""


@contextmanager
def faster_layers(model: Any) -> Iterator[None]:
    """The model's layers are the fast ones inside, and its own again outside. Weights and their names stay.

    Adapters are only taken over where the base weights lie whole in memory: not in 4 bits, not sharded.
    """
    on_processor = next(model.parameters()).device.type == "cpu"
    changed = _adapter_layers(model)
    if on_processor:
        changed += _dropout_layers(model)
    try:
        # Under its own name, which some models ask for; their masks are made for it.
        with _fast_attention() if on_processor else nullcontext():
            yield
    finally:
        for module in changed:
            del module.forward


# -- LoRA --------------------------------------------------------------------------------------------------------------


def _adapter_layers(model: Any) -> list[Any]:
    """The linear layers with plain adapters, which now compute themselves in one function."""
    if not hasattr(model, "peft_config"):
        return []
    from peft.tuners.lora import Linear

    layers = [module for module in model.modules() if type(module) is Linear and _is_plain(module)]
    for layer in layers:
        layer.forward = partial(_adapted, layer, layer.forward, {})
    return layers


def _is_plain(layer: Any) -> bool:
    """One adapter without variants, biases or dropout on an ordinary linear layer with frozen weights."""
    if layer.merged or len(layer.active_adapters) != 1 or type(layer.base_layer) is not torch.nn.Linear:
        return False
    name = layer.active_adapters[0]
    return (
        name in layer.lora_A
        and name not in layer.lora_variant
        and isinstance(layer.lora_dropout[name], torch.nn.Identity)
        and layer.lora_B[name].bias is None
        and not any(parameter.requires_grad for parameter in layer.base_layer.parameters())
    )


def _adapted(layer: Any, plain: Any, kept: dict[torch.dtype, Any], x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    """The layer's output in autocast's number format; outside autocast the layer's own way."""
    kind = x.device.type
    if args or kwargs or not torch.is_autocast_enabled(kind):
        return plain(x, *args, **kwargs)
    dtype = torch.get_autocast_dtype(kind)
    if dtype not in kept:  # frozen weights are cast once, not in every step
        base = layer.base_layer
        kept[dtype] = base.weight.detach().to(dtype), None if base.bias is None else base.bias.detach().to(dtype)
    name = layer.active_adapters[0]
    return _LoraLinear.apply(
        x, *kept[dtype], layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name], dtype
    )


class _LoraLinear(torch.autograd.Function):
    """x·Wᵀ + bias + scale·(x·Aᵀ)·Bᵀ, with gradients for x, A and B."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        dtype: torch.dtype,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).to(dtype)
        low, high = a.to(dtype), (b * scale).to(dtype)
        inner = rows @ low.t()
        out = torch.nn.functional.linear(rows, weight, bias)
        out.addmm_(inner, high.t())
        ctx.save_for_backward(rows, inner, weight, low, high)
        ctx.scale, ctx.given = scale, x.dtype
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, inner, weight, low, high = ctx.saved_tensors
        gradient = gradients[0].reshape(-1, weight.shape[0])
        back = gradient @ high
        of_a = (back.t() @ rows).float()
        of_b = (gradient.t() @ inner).float().mul_(ctx.scale)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = (gradient @ weight).addmm_(back, low)
            of_x = of_x.view(*gradients[0].shape[:-1], weight.shape[1]).to(ctx.given)
        return of_x, None, None, of_a, of_b, None, None


# -- dropout -----------------------------------------------------------------------------------------------------------


def _dropout_layers(model: Any) -> list[Any]:
    layers = [module for module in model.modules() if type(module) is torch.nn.Dropout and not module.inplace]
    for layer in layers:
        layer.forward = partial(_dropped, layer)
    return layers


def _dropped(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return dropout(x, layer.p) if layer.training and layer.p > 0 else x


def dropout(x: torch.Tensor, share: float) -> torch.Tensor:
    """x with a random `share` of its elements 0 and the others scaled so that the mean stays (on a processor).

    One 64-bit random number serves four elements.
    """
    zeros = min(round(share * _STEPS), _STEPS - 1)
    numbers = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.int16)[: x.numel()] >= zeros - _STEPS // 2
    return x * kept.to(x.dtype).mul_(_STEPS / (_STEPS - zeros)).view(x.shape)


# -- attention ---------------------------------------------------------------------------------------------------------


@contextmanager
def _fast_attention() -> Iterator[None]:
    """What transformers calls `sdpa` is `_attention` inside."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    usual = ALL_ATTENTION_FUNCTIONS["sdpa"]
    ALL_ATTENTION_FUNCTIONS.register("sdpa", _attention)
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS.register("sdpa", usual)


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    is_causal: bool | None = None,
    position_bias: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in transformers' calling convention: [rows, heads, tokens, width] in, [rows, tokens, heads, width] out.

    Long texts go to the fused kernel, and so does what has no mask and fewer queries than keys: it knows which.
    """
    from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

    if key.shape[2] > _SHORT or (attention_mask is None and query.shape[2] != key.shape[2]):
        out: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, is_causal, position_bias, **kwargs
        )
        return out
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    scores = torch.matmul(query if scale == 1.0 else query * scale, key.transpose(2, 3))
    if position_bias is not None:
        scores = scores + position_bias.to(scores.dtype)
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    if attention_mask is None and causal and query.shape[2] > 1:
        attention_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
    if attention_mask is not None:
        scores = scores + _additive(attention_mask, scores.dtype)
    shares = torch.softmax(scores, dim=-1)
    if dropout > 0:
        shares = _attention_dropout(shares, dropout)
    return torch.matmul(shares.to(value.dtype), value).transpose(1, 2).contiguous(), None


def _additive(mask: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """0 where a token is seen; elsewhere the lowest number, as -inf makes a row that sees nothing NaN."""
    if mask.dtype != torch.bool:
        return mask.to(dtype)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


_attention_dropout = dropout
