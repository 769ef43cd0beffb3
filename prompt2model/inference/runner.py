"""One forward pass of a causal language model over a batch behind a shared prefix."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from transformers import PreTrainedModel

from prompt2model.errors import WeightsError
from prompt2model.inference import attention
from prompt2model.inference.kv_cache import SlotCache


class ModelRunner:
    """Runs a model's layers with a `SlotCache`; knows whether the model's attention can share a prefix.

    On the processor keys and values are kept in float32: there attention in bfloat16 is several times slower. When the
    runner is built it compares its own results with the plain model's on a few tokens, so a model whose layers work
    otherwise (recurrent layers, attention with biases) is refused and never computed wrongly. Raises WeightsError then.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.config = self.model.config.get_text_config(decoder=True)
        self.device: torch.device = self.model.device
        self.dtype: torch.dtype = self.model.dtype
        self._decoder = self.model.get_decoder()
        self._head = self.model.get_output_embeddings()
        self.shares_prefix = False
        self._choose_attention()

    @property
    def _cache_dtype(self) -> torch.dtype | None:
        return torch.float32 if self.shares_prefix and self.device.type == "cpu" else None

    @property
    def context_length(self) -> int:
        """Most tokens of prompt and answer together; for layers that look back only so far, that window."""
        config = self.config
        limits = [getattr(config, "max_position_embeddings", None), getattr(config, "n_positions", None)]
        limits.append(getattr(config, "sliding_window", None))
        return min([limit for limit in limits if limit], default=1 << 20)

    def bytes_per_column(self) -> int:
        """Memory of one token's keys and values in all layers."""
        config = self.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        width = 4 if self._cache_dtype is torch.float32 else torch.finfo(self.dtype).bits // 8
        return 2 * config.num_hidden_layers * heads * size * width

    def new_cache(self, slots: int = 0, prefix: SlotCache | None = None) -> SlotCache:
        """An empty cache with that many slots, behind the prefix of another."""
        cache = SlotCache(slots, self._cache_dtype)
        return cache.with_prefix_of(prefix) if prefix is not None else cache

    def prefix(self, tokens: Sequence[int]) -> SlotCache:
        """A cache that holds only the prefix `tokens`."""
        cache = self.new_cache()
        if tokens:
            cache.plan_prefix()
            self._forward(torch.tensor([list(tokens)], device=self.device), None, None, cache)
        return cache

    def prefill(self, rows: Sequence[Sequence[int]], cache: SlotCache, first: int, start: int = 0) -> torch.Tensor:
        """Read rows of tokens into the slots from `first` on; the logits after each last token [rows, V].

        The slots hold the first `start` tokens of the rows already.
        """
        lengths = torch.tensor([len(row) - start for row in rows], device=self.device)
        hidden = self._fill([row[start:] for row in rows], cache, first, start)
        return self.logits(hidden[torch.arange(len(rows), device=self.device), lengths - 1])

    def prefill_head(self, tokens: Sequence[int], cache: SlotCache, first: int, rows: int) -> None:
        """Read tokens that `rows` rows begin with, once, into the slots of them all. Needs `shares_prefix`."""
        self._fill([tokens], cache, first, 0)
        cache.spread(first, rows, len(tokens))

    def _fill(self, rows: Sequence[Sequence[int]], cache: SlotCache, first: int, start: int) -> torch.Tensor:
        ids = self.padded(rows)
        width = ids.shape[1]
        cache.plan_prefill(first, len(rows), start, width)
        mask = self.causal_mask(width, start) if cache.prefix_length or start else None
        positions = cache.prefix_length + start + torch.arange(width, device=self.device).expand(len(rows), -1)
        return self._forward(ids, positions, mask, cache)

    def step(self, tokens: Sequence[int], lengths: Sequence[int], cache: SlotCache) -> torch.Tensor:
        """One more token for the rows in the first slots, which hold `lengths` tokens so far; the logits [rows, V]."""
        own = torch.tensor(lengths, device=self.device)
        seen = max(lengths) + 1
        cache.plan_step(own, seen)
        visible = torch.arange(seen, device=self.device) <= own.unsqueeze(-1)
        ids = torch.tensor(tokens, device=self.device).unsqueeze(-1)
        positions = (cache.prefix_length + own).unsqueeze(-1)
        hidden = self._forward(ids, positions, self.as_mask(visible)[:, None, None], cache)
        return self.logits(hidden[:, -1])

    def read(self, ids: torch.Tensor, positions: torch.Tensor, visible: torch.Tensor, cache: SlotCache) -> torch.Tensor:
        """Hidden states [rows, tokens, size] of tokens behind the cache's prefix; nothing is stored.

        `visible` [rows, tokens, tokens] says which token sees which; `positions` count from the prompt's beginning.
        """
        cache.plan_once()
        return self._forward(ids, positions, self.as_mask(visible).unsqueeze(1), cache)

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Scores of the vocabulary [..., V], with the scaling and capping that some families apply."""
        with torch.no_grad():
            return self._adjusted(self._head(hidden))

    def token_logits(self, hidden: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor | None:
        """Scores [n] of one token each after hidden states [n, size], in float32 whatever the model's format.

        In bfloat16 scores lie up to .1 apart, too coarse to compare answers. None where the output layer is not plain.
        """
        if type(self._head) is not torch.nn.Linear:
            return None
        with torch.no_grad():
            scores = (hidden.float() * self._head.weight[tokens].float()).sum(dim=-1)
            if self._head.bias is not None:
                scores = scores + self._head.bias[tokens].float()
            return self._adjusted(scores)

    def _adjusted(self, scores: torch.Tensor) -> torch.Tensor:
        if (scale := getattr(self.config, "logit_scale", None)) is not None:
            scores = scores * scale
        if (divisor := getattr(self.config, "logits_scaling", None)) is not None:
            scores = scores / divisor
        if (cap := getattr(self.config, "final_logit_softcapping", None)) is not None:
            scores = torch.tanh(scores / cap) * cap
        return scores

    def padded(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Rows of tokens as one tensor, filled up on the right with zeros (which no real token sees)."""
        width = max(len(row) for row in rows)
        return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=self.device)

    def causal_mask(self, width: int, start: int = 0) -> torch.Tensor:
        """[1, 1, width, start + width]: of tokens that stand behind `start` others."""
        visible = torch.ones(width, start + width, dtype=torch.bool, device=self.device).tril(diagonal=start)
        return self.as_mask(visible)[None, None]

    def as_mask(self, visible: torch.Tensor) -> torch.Tensor:
        """What is added to attention scores: 0 where visible, minus infinity elsewhere."""
        mask = torch.zeros(visible.shape, dtype=self._cache_dtype or self.dtype, device=self.device)
        return mask.masked_fill_(~visible, float("-inf"))

    def _forward(
        self, ids: torch.Tensor, positions: torch.Tensor | None, mask: torch.Tensor | None, cache: SlotCache
    ) -> torch.Tensor:
        extra: dict[str, Any] = {"slot_cache": cache} if self.shares_prefix else {}
        if positions is not None:
            extra["position_ids"] = positions
        with torch.no_grad():
            output = self._decoder(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **extra)
        return output.last_hidden_state

    def _choose_attention(self) -> None:
        before = copy.copy(self.model.config._attn_implementation)
        reasons = []
        for implementation in (attention.register(), before):
            self.shares_prefix = implementation == attention.NAME
            try:
                self.model.set_attn_implementation(implementation)
                if self._agrees_with_model():
                    return
                reasons.append("its results differ")
            except (TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError, IndexError) as error:
                reasons.append(f"{type(error).__name__}: {error}".splitlines()[0][:120])
        raise WeightsError(
            f"models of type {self.model.config.model_type} do not run in the local engine ({reasons[-1]}); "
            "choose another decoder, or serve this one behind an OpenAI-compatible address"
        )

    def _agrees_with_model(self) -> bool:
        tokens = [(7 * index + 11) % min(self.config.vocab_size, 1000) for index in range(12)]
        with torch.no_grad():
            plain = self.model(torch.tensor([tokens], device=self.device), use_cache=False)
        expected = plain.logits[0, 6:].float()
        prefix = self.prefix(tokens[:6] if self.shares_prefix else [])
        begin = prefix.prefix_length
        cache = self.new_cache(slots=2, prefix=prefix)
        # Two rows of unequal length, so that padding, positions and unequal lengths are all exercised.
        found = [self.prefill([tokens[begin:9], tokens[begin:7]], cache, 0)]
        for index in range(9, 12):
            lengths = [index - begin, index - begin - 2]
            found.append(self.step([tokens[index], tokens[index - 2]], lengths, cache))
        first = torch.stack([logits[0] for logits in found]).float() - expected[2:6]
        second = torch.stack([logits[1] for logits in found]).float() - expected[0:4]
        allowed = 0.02 if self.dtype is torch.float32 else 0.2
        return bool(max(first.abs().mean(), second.abs().mean()) < allowed * expected.std())
