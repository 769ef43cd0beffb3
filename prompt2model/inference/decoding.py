"""Generating for many requests at once: rows of unequal length, each leaving the batch when it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from prompt2model.inference.kv_cache import SlotCache
from prompt2model.inference.parts import parts_of_similar_size
from prompt2model.inference.prefixes import group_by_prefix
from prompt2model.inference.runner import ModelRunner
from prompt2model.inference.sampling import RowSampler, next_tokens
from prompt2model.inference.stopping import Answer

PREFILL_TOKENS = 1024
"""Most tokens, padding included, that one forward pass reads."""
HEAD_MEMBERS, HEAD_GAIN = 3, 16
"""Rows, and tokens, that a beginning shared by some rows must have to be read once for them."""
CACHE_BYTES = 2 << 30
"""Most memory for the keys and values of the rows' own tokens."""


@dataclass
class Row:
    """One request in the making. `prompt`: its tokens after the shared prefix; `limit`: most new tokens.

    `read`: tokens of `prompt` that were read for this row; of what rows share, the first one bears all.
    """

    index: int
    prompt: Sequence[int]
    limit: int
    sampler: RowSampler
    answer: Answer
    new_tokens: int = 0
    read: int = 0
    last_token: int = -1
    finish: Literal["stop", "length"] | None = None

    @property
    def stored(self) -> int:
        """Tokens of this row whose keys and values are in the cache: all but the last."""
        return len(self.prompt) + self.new_tokens - 1

    def take(self, token: int, end_tokens: frozenset[int]) -> None:
        """Add a token and decide whether the row is done."""
        self.new_tokens += 1
        self.last_token = token
        if token in end_tokens or self.answer.add(token):
            self.finish = "stop"
        elif self.new_tokens >= self.limit:
            self.finish = "length"


def decode(
    runner: ModelRunner, prefix: SlotCache, rows: Sequence[Row], end_tokens: frozenset[int], batch_size: int
) -> Iterator[Row]:
    """Run rows to their ends; yields a row after each of its tokens (`finish` is set after its last).

    Free slots are filled again from the waiting rows once a quarter of them is free, the rows with the most tokens to
    come first, so that the batch stays full until the end. What happens depends only on the arguments.
    """
    waiting = sorted(rows, key=lambda row: (-(len(row.prompt) + row.limit), row.index))
    slots = _slot_count(runner, waiting, batch_size)
    cache = runner.new_cache(slots, prefix)
    active: list[Row] = []
    while waiting or active:
        free = slots - len(active)
        if waiting and (not active or 4 * free >= slots):
            for start, group in _by_head(waiting[:free], runner.shares_prefix):
                if start:
                    runner.prefill_head(group[0].prompt[:start], cache, len(active), len(group))
                for row in group:
                    row.read = len(row.prompt) - (start if row is not group[0] else 0)
                for part in _parts(group, start):
                    logits = runner.prefill([row.prompt for row in part], cache, len(active), start)
                    active += part
                    yield from _take(part, next_tokens(logits, [row.sampler for row in part]), end_tokens)
            waiting = waiting[free:]
        else:
            logits = runner.step([row.last_token for row in active], [row.stored for row in active], cache)
            yield from _take(active, next_tokens(logits, [row.sampler for row in active]), end_tokens)
        _close_gaps(active, cache)


def _take(rows: Sequence[Row], tokens: Sequence[int], end_tokens: frozenset[int]) -> Iterator[Row]:
    for row, token in zip(rows, tokens, strict=True):
        row.take(token, end_tokens)
        yield row


def _slot_count(runner: ModelRunner, rows: Sequence[Row], batch_size: int) -> int:
    widest = max((len(row.prompt) + row.limit for row in rows), default=1)
    fitting = CACHE_BYTES // (runner.bytes_per_column() * widest)
    return max(1, min(batch_size, len(rows), fitting))


def _by_head(rows: Sequence[Row], sharing: bool) -> Iterator[tuple[int, list[Row]]]:
    """Rows that begin alike together, and how many tokens they share."""
    if not sharing:
        yield 0, list(rows)
        return
    for group in group_by_prefix([row.prompt for row in rows], HEAD_MEMBERS, HEAD_GAIN):
        yield group.length, [rows[member] for member in group.members]


def _parts(rows: Sequence[Row], start: int) -> Iterator[list[Row]]:
    """Rows with a similar number of tokens after `start`, each part at most `PREFILL_TOKENS` wide in all."""
    by_length = sorted(rows, key=lambda row: (len(row.prompt), row.index))
    for part in parts_of_similar_size([len(row.prompt) - start for row in by_length], PREFILL_TOKENS):
        yield [by_length[place] for place in part]


def _close_gaps(active: list[Row], cache: SlotCache) -> None:
    """Take finished rows out; the last row moves into each gap, so that the rows stay in the first slots."""
    for slot in range(len(active) - 1, -1, -1):
        if active[slot].finish is not None:
            last = len(active) - 1
            if slot != last:
                cache.move(last, slot)
                active[slot] = active[last]
            active.pop()
