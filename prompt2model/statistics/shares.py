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
    ways = term = math.comb(throws, count)
    for heads in range(count, throws):
        term = term * (throws - heads) // (heads + 1)
        ways += term
    return ways / 2**throws


def heads_exactly(count: int, throws: int) -> float:
    """The probability of just so many heads in so many throws of a fair coin."""
    return math.comb(throws, count) / 2**throws


def paired_share_interval(won: int, lost: int, rows: int) -> tuple[float, float]:
    """Tango's 95 % score interval (1998) of the difference of two shares on the same rows.

    On `won` of the rows only the one is right, on `lost` only the other. The ends are found by halving.
    """
    seen = (won - lost) / rows
    return _farthest(won, lost, rows, seen, -1.0), _farthest(won, lost, rows, seen, 1.0)


def _farthest(won: int, lost: int, rows: int, seen: float, end: float) -> float:
    """The difference farthest from the one seen, towards `end`, that the score test does not refuse."""
    near, far = seen, end
    for _ in range(40):
        middle = (near + far) / 2
        if abs(_score(won, lost, rows, middle)) <= Z:
            near = middle
        else:
            far = middle
    return far


def _score(won: int, lost: int, rows: int, difference: float) -> float:
    """How many standard errors the difference seen lies from `difference`, when that is the true one."""
    # The most likely share of rows that only the other has right, given the difference: a quadratic's larger root.
    half = won + lost - (2 * rows - won + lost) * difference
    root = math.sqrt(max(half * half + 8 * rows * lost * difference * (1 - difference), 0.0))
    only_other = (half + root) / (4 * rows)
    variance = rows * (2 * only_other + difference * (1 - difference))
    away = won - lost - rows * difference
    if variance <= 0:
        return 0.0 if away == 0 else math.copysign(math.inf, away)
    return away / math.sqrt(variance)
