"""Intervals and tests of shares: so many of so many answers were right."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson_interval(right: int, rows: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share (Wilson, 1927)."""
    share, factor = right / rows, Z * Z / rows
    centre = (share + factor / 2) / (1 + factor)
    half = Z / (1 + factor) * math.sqrt(share * (1 - share) / rows + factor / (4 * rows))
    return max(0.0, centre - half), min(1.0, centre + half)


def heads_at_least(count: int, throws: int) -> float:
    """The probability of at least so many heads in so many throws of a fair coin: the one-sided exact sign test."""
    return sum(math.comb(throws, heads) for heads in range(count, throws + 1)) / 2**throws
