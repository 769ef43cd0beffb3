"""Which rows are read together, so that little is computed for padding."""

from __future__ import annotations

from collections.abc import Sequence

PASS_TOKENS = 32
"""What a forward pass costs beside its tokens, in tokens: weights are read from memory whatever the batch."""


def parts_of_similar_size(sizes: Sequence[int], most: int) -> list[range]:
    """Cut ascending sizes (tokens per row) into runs that cost least, each padded to its last and largest.

    A part is at most `most` tokens, padding included; a row that is longer stands alone.
    """
    costs, starts = [0], [0]
    for end, size in enumerate(sizes, 1):
        first = max(0, end - max(1, most // size))
        cost, start = min((costs[start] + PASS_TOKENS + (end - start) * size, start) for start in range(first, end))
        costs.append(cost)
        starts.append(start)
    parts, end = [], len(sizes)
    while end:
        parts.append(range(starts[end], end))
        end = starts[end]
    return parts[::-1]
