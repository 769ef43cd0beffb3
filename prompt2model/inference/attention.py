"""Attention over a shared prefix and each row's own keys, without copying the prefix once per row.

Every row attends to the prefix (stored once) and to its own keys apart; the two partial results are put together by
their log-sum-exps, which is exact. Published as Hydragen (arXiv 2402.05099). Registered with transformers as an
attention implementation, so that every model that takes its attention from there runs with it unchanged.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from prompt2model.inference.kv_cache import SlotCache

NAME = "shared_prefix"


def register() -> str:
    """Make the implementation known to transformers; returns its name. Called again it changes nothing."""
    AttentionInterface.register(NAME, shared_attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    return NAME


def shared_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    slot_cache: SlotCache | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """`query` [rows, heads, tokens, size]; `key`, `value` [rows, key-value heads, own columns, size], without prefix.

    `attention_mask` [rows or 1, 1, tokens, own columns] is added to the scores; every token must see at least one
    column. None: causal, and nothing stands before these tokens. Returns [rows, tokens, heads, size]. Without
    `slot_cache` (the model used directly) it is plain attention.
    """
    if slot_cache is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    if kwargs.get("softcap") is not None or kwargs.get("s_aux") is not None or kwargs.get("position_bias") is not None:
        raise NotImplementedError("capped scores, attention sinks and position biases are not shared")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    if attention_mask is None:  # plain causal, nothing before it
        output, _ = sdpa_attention_forward(module, query.to(key.dtype), key, value, None, scaling=scale)
        return output.to(query.dtype), None
    rows, heads, tokens, size = query.shape
    groups = key.shape[1]
    dtype = query.dtype
    # Query heads that share a key head are laid side by side as more tokens of that head, so keys are never repeated.
    packed = query.reshape(rows, groups, heads // groups * tokens, size).to(key.dtype)
    mask = attention_mask if tokens == 1 else attention_mask.repeat(1, 1, heads // groups, 1)
    own, own_mass = _partial(packed, key, value, mask, scale)
    layer: int = module.layer_idx
    if slot_cache.reads_prefix:
        prefix_key, prefix_value = slot_cache.prefix_keys[layer], slot_cache.prefix_values[layer]
        together = packed.transpose(0, 1).reshape(1, groups, -1, size)
        shared, shared_mass = _partial(together, prefix_key, prefix_value, None, scale)
        shared = shared.view(groups, rows, -1, value.shape[-1]).transpose(0, 1)
        shared_mass = shared_mass.view(groups, rows, -1).transpose(0, 1)
        weight = torch.sigmoid(own_mass - shared_mass).unsqueeze(-1).to(own.dtype)
        own = torch.lerp(shared, own, weight)
    output = own.reshape(rows, heads, tokens, -1).transpose(1, 2).contiguous()
    return output.to(dtype), None


def _partial(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention output [rows, heads, tokens, size] and the log-sum-exp of its scores [rows, heads, tokens]."""
    if query.device.type == "cpu" and query.shape[2] > 8 and query.shape[-1] == value.shape[-1]:
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, False, attn_mask=mask, scale=scale
        )
    scores = torch.matmul(query * scale, key.transpose(2, 3)).float()
    if mask is not None:
        scores = scores + mask
    mass = torch.logsumexp(scores, dim=-1)
    weights = torch.exp(scores - mass.unsqueeze(-1)).to(value.dtype)
    return torch.matmul(weights, value), mass
