"""Two predictors on the same rows: is one better, by how much, and how many rows would tell.

Closed answers: McNemar's test (1947) on the rows where just one of the two is right, in its mid-p form (Fagerland,
Lydersen and Laake, 2013, doi 10.1186/1471-2288-13-91), which is less timid than the exact one and still says "better"
of equals in no more than 5 % of pairs; the difference with Tango's score interval (1998,
doi 10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B), which leaves out 0 wherever the test does.

Scores of written answers: the answers are swapped at random, row by row (approximate randomisation, Noreen, 1989;
Riezler and Maxwell, 2005, aclanthology.org/W05-0908), and the interval comes from a bootstrap that draws the same rows
for both (Koehn, 2004, aclanthology.org/W04-3250).

A verdict needs both, the test and the interval; where one of them does not tell, the interval is made to hold 0.
`scripts/benchmarks/intervals.py` measures how often all this is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt2model.records import PairedComparison
from prompt2model.statistics.bootstrap import (
    Figures,
    blocks,
    expanded_interval,
    interval_without_spread,
    resample_counts,
)
from prompt2model.statistics.shares import Z, heads_at_least, heads_exactly, paired_share_interval

CHANCE = 0.05
"""Below this probability of so large a difference by chance, two-sided, a difference is told."""
_POWER_POINT = NormalDist().inv_cdf(0.8)
_TIE = 1e-9
"""Swaps whose differences are this near to the one seen, as a share of it, are as large as it."""
Sums = NDArray[np.float64]
"""Row statistics, float64 [rows, statistics], or sums of them over rows, float64 [resamples, statistics]."""


def discordant(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> tuple[int, int]:
    """On how many rows only the one is right, and on how many only the other. Right or not, bool [rows] each."""
    return int(np.count_nonzero(one & ~other)), int(np.count_nonzero(other & ~one))


def compare_right(name: str, one: NDArray[np.bool_], other: NDArray[np.bool_]) -> PairedComparison:
    """Two predictors' right answers to the same rows, bool [rows] each. Raises ValueError as `compare_counts` does."""
    if len(one) != len(other):
        raise ValueError(f"answers to {len(one)} and {len(other)} rows are no pairs")
    return compare_counts(name, *discordant(one, other), len(one))


def compare_counts(name: str, won: int, lost: int, rows: int) -> PairedComparison:
    """The same from counts: on `won` of the rows only the one is right, on `lost` only the other.

    Raises ValueError without a row, or where the counts are none of so many rows.
    """
    if rows < 1 or min(won, lost) < 0 or won + lost > rows:
        raise ValueError(f"{won} won and {lost} lost of {rows} rows cannot be compared")
    low, high = paired_share_interval(won, lost, rows)
    apart, difference = (won + lost) / rows, (won - lost) / rows
    needed = None if won == lost else rows_for_shares(apart, difference)
    return _compared(name, rows, difference, (low, high), mid_p(won, lost), needed)


def compare_sums(
    name: str,
    one: Sums,
    other: Sums,
    figure: Callable[[Sums], Figures],
    most: float = 1.0,
    resamples: int = 2000,
    seed: int = 0,
) -> PairedComparison:
    """Two predictors by a metric that is a function of summed row statistics; the same rows are drawn for both.

    `one` and `other` are float64 [rows, statistics]; `figure` maps sums over rows, float64 [resamples, statistics], to
    figures in [0, most], float64 [resamples]. Raises ValueError where there is no row or the shapes differ.
    """
    rows = len(one)
    if not rows or one.shape != other.shape:
        raise ValueError(f"row statistics of shapes {one.shape} and {other.shape} cannot be compared")
    difference = float((figure(one.sum(axis=0)[None]) - figure(other.sum(axis=0)[None]))[0])
    drawn = (counts.astype(np.float64) for counts in resample_counts(rows, resamples, seed))
    values = np.concatenate([figure(counts @ one) - figure(counts @ other) for counts in drawn])
    interval, spread = expanded_interval(values, rows), float(values.std()) * math.sqrt(rows / max(rows - 1, 1))
    if spread <= _TIE * most:
        interval, spread = interval_without_spread(difference, rows, most, -most), 0.0
    needed = None
    if spread and abs(difference) > _TIE * most:
        needed = math.ceil(rows * ((Z + _POWER_POINT) * spread / difference) ** 2)
    p = swap_test(one, other, figure, resamples, seed)
    return _compared(name, rows, difference, interval, p, needed)


def compare_scores(
    name: str, one: Figures, other: Figures, most: float = 1.0, resamples: int = 2000, seed: int = 0
) -> PairedComparison:
    """Two predictors by the mean of one score in [0, most] per row, float64 [rows] each. See `compare_sums`."""
    rows = len(one)
    return compare_sums(name, one[:, None], other[:, None], lambda sums: sums[:, 0] / rows, most, resamples, seed)


def mid_p(won: int, lost: int) -> float:
    """McNemar's mid-p, two-sided: as in the exact test, but an outcome as likely as the one seen counts half."""
    apart, most = won + lost, max(won, lost)
    return min(1.0, 2 * heads_at_least(most, apart) - heads_exactly(most, apart))


def swap_test(one: Sums, other: Sums, figure: Callable[[Sums], Figures], resamples: int = 2000, seed: int = 0) -> float:
    """The two-sided p of a difference when it makes no difference which answer is whose; arguments as in
    `compare_sums`."""
    rows, whole, counterpart = len(one), one.sum(axis=0)[None], other.sum(axis=0)[None]
    seen = abs(float((figure(whole) - figure(counterpart))[0])) * (1 - _TIE)
    generator = np.random.default_rng([seed, rows])
    as_large = 0
    for size in blocks(rows, resamples):
        moved = generator.integers(0, 2, size=(size, rows)).astype(np.float64) @ (other - one)
        as_large += int(np.count_nonzero(np.abs(figure(whole + moved) - figure(counterpart - moved)) >= seen))
    return (1 + as_large) / (1 + resamples)


def rows_for_shares(apart: float, difference: float) -> int:
    """How many rows tell a difference of two shares four times in five, two-sided at 5 % (Connor, 1987,
    doi 10.2307/2531961). `apart`: the share of rows where just one of the two is right."""
    needed = Z * math.sqrt(apart) + _POWER_POINT * math.sqrt(max(apart - difference**2, 0.0))
    return math.ceil((needed / difference) ** 2)


def _compared(
    name: str, rows: int, difference: float, interval: tuple[float, float], p: float, needed: int | None
) -> PairedComparison:
    # Rounded before anything is said, so that what is said fits what is shown; -0.0 becomes 0.0.
    difference, low, high = (round(value, 6) + 0.0 for value in (difference, *interval))
    low, high = min(low, difference), max(high, difference)
    verdict: Literal["better", "worse", "cannot_tell"] = "cannot_tell"
    if p < CHANCE and low > 0:
        verdict = "better"
    elif p < CHANCE and high < 0:
        verdict = "worse"
    else:
        low, high = min(low, 0.0), max(high, 0.0)
    more_rows = None if needed is None or verdict != "cannot_tell" else max(needed, rows + 1)
    return PairedComparison(name, rows, difference, low, high, float(f"{p:.6g}"), verdict, more_rows)
