"""Keys and values of a batch in which every row has its own length, behind a prefix that all rows share."""

from __future__ import annotations

from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

_GROWTH = 64
"""Columns added at least when the buffers grow."""


class SlotCache(Cache):
    """One buffer per layer, `[slots, key-value heads, columns, head size]`; row i of the batch lives in slot i.

    Before each forward pass the engine says what is to happen with the new keys and values: `plan_prefix` (they become
    the prefix), `plan_prefill` (they fill slots behind what these hold), `plan_step` (one column per row, each at its
    own length) or `plan_once` (they are used and forgotten). The prefix is stored once, with one row, and never
    expanded: `shared_attention` reads it beside what `update` returns. `dtype` is that of the stored keys and values;
    None keeps the model's.
    """

    def __init__(self, slots: int, dtype: torch.dtype | None = None) -> None:
        super().__init__(layer_class_to_replicate=DynamicLayer)
        self.slots = slots
        self.dtype = dtype
        self.columns = 0
        self.keys: list[torch.Tensor] = []
        self.values: list[torch.Tensor] = []
        self.prefix_keys: list[torch.Tensor] = []
        self.prefix_values: list[torch.Tensor] = []
        self._plan = "once"
        self._rows: torch.Tensor | slice = slice(0, 0)
        self._lengths: torch.Tensor | None = None
        self._start = self._seen = 0

    def with_prefix_of(self, other: SlotCache) -> SlotCache:
        """This cache, reading the other's prefix."""
        self.prefix_keys, self.prefix_values = other.prefix_keys, other.prefix_values
        return self

    @property
    def reads_prefix(self) -> bool:
        """Whether the tokens of the next forward pass come after a prefix."""
        return self._plan != "prefix" and bool(self.prefix_keys)

    @property
    def prefix_length(self) -> int:
        return self.prefix_keys[0].shape[2] if self.prefix_keys else 0

    def plan_prefix(self) -> None:
        self._plan = "prefix"

    def plan_once(self) -> None:
        self._plan = "once"

    def plan_prefill(self, first: int, rows: int, start: int, width: int) -> None:
        """The next forward pass fills `width` columns from `start` on in the slots `first … first + rows`."""
        self._plan, self._rows = "prefill", slice(first, first + rows)
        self._start, self._seen = start, start + width
        self._reserve(self._seen)

    def plan_step(self, lengths: torch.Tensor, seen: int) -> None:
        """The next forward pass adds a column to the first rows, at `lengths` [rows]; `seen`: their maximum + 1."""
        self._plan, self._lengths, self._seen = "step", lengths, seen
        self._rows = torch.arange(len(lengths), device=lengths.device)
        self._reserve(seen)

    def spread(self, source: int, rows: int, columns: int) -> None:
        """Copy the first columns of one slot into the `rows - 1` slots behind it."""
        for buffer in (*self.keys, *self.values):
            buffer[source + 1 : source + rows, :, :columns] = buffer[source, :, :columns]

    def move(self, source: int, target: int) -> None:
        """Copy one slot over another."""
        for buffer in (*self.keys, *self.values):
            buffer[target] = buffer[source]

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Called by the model's attention layers; returns the keys and values to attend to, without the prefix."""
        if self.dtype is not None:
            key_states, value_states = key_states.to(self.dtype), value_states.to(self.dtype)
        if self._plan == "prefix":
            self.prefix_keys.append(key_states.contiguous())
            self.prefix_values.append(value_states.contiguous())
        if self._plan in ("prefix", "once"):
            return key_states, value_states
        if layer_idx == len(self.keys):
            shape = (self.slots, key_states.shape[1], self.columns, key_states.shape[3])
            self.keys.append(key_states.new_zeros(shape))
            self.values.append(value_states.new_zeros((*shape[:3], value_states.shape[3])))
        keys, values = self.keys[layer_idx], self.values[layer_idx]
        if self._plan == "prefill":
            keys[self._rows, :, self._start : self._seen] = key_states
            values[self._rows, :, self._start : self._seen] = value_states
            if not self._start:
                return key_states, value_states
            return keys[self._rows, :, : self._seen], values[self._rows, :, : self._seen]
        keys[self._rows, :, self._lengths] = key_states[:, :, 0]
        values[self._rows, :, self._lengths] = value_states[:, :, 0]
        rows = key_states.shape[0]
        return keys[:rows, :, : self._seen], values[:rows, :, : self._seen]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.prefix_length

    def _reserve(self, columns: int) -> None:
        if columns <= self.columns:
            return
        self.columns = max(columns, self.columns + max(_GROWTH, self.columns // 2))
        self.keys = [_widened(buffer, self.columns) for buffer in self.keys]
        self.values = [_widened(buffer, self.columns) for buffer in self.values]


def _widened(buffer: torch.Tensor, columns: int) -> torch.Tensor:
    wide = buffer.new_zeros((*buffer.shape[:2], columns, buffer.shape[3]))
    wide[:, :, : buffer.shape[2]] = buffer
    return wide
