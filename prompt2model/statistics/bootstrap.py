"""Bootstrap intervals over rows (Efron and Tibshirani, 1993), expanded for few rows.

Every resample is a vector of counts: how often each row was drawn. A metric that is a function of summed row
statistics needs one matrix product for all resamples.

The percentiles are those of Hesterberg's expanded interval (2015, arXiv 1411.5279): a bootstrap of n rows
spreads too little by the factor sqrt((n - 1)/n), and takes the normal's points where Student's belong. Both vanish
with many rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from prompt2model.statistics.shares import Z, wilson_interval

Counts = NDArray[np.int64]
"""Draws of each row, int64 [resamples, rows]; each line sums to the number of rows."""
Figures = NDArray[np.float64]

CONFIDENCE = 0.95
_CELLS = 4_000_000
"""Most counts held at once."""


def blocks(rows: int, resamples: int) -> Iterator[int]:
    """Sizes of blocks of resamples, so that a block of one number per row fits in memory."""
    block = max(1, min(resamples, _CELLS // max(rows, 1)))
    for start in range(0, resamples, block):
        yield min(block, resamples - start)


def resample_counts(rows: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Blocks of count vectors; the same arguments give the same draws, so predictors are resampled alike."""
    generator = np.random.default_rng([seed, rows])
    for size in blocks(rows, resamples):
        drawn = generator.integers(0, rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)


def bootstrap_interval(
    rows: int, figure: Callable[[Counts], Figures], resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of `figure` over the resamples; `figure` maps counts to one value per resample."""
    return expanded_interval(
        np.concatenate([figure(counts) for counts in resample_counts(rows, resamples, seed)]), rows
    )


def expanded_interval(values: Figures, rows: int) -> tuple[float, float]:
    """The expanded percentiles of a figure's resamples, float64 [resamples], over so many rows."""
    tail = expanded_tail(rows)
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def expanded_tail(rows: int) -> float:
    """The share of resamples beyond each end of the 95 % interval: .025 for many rows, less for few."""
    if rows < 2:
        return 0.0
    return NormalDist().cdf(-math.sqrt(rows / (rows - 1)) * t_point(rows - 1))


def t_point(freedom: int) -> float:
    """The 97.5 % point of Student's t distribution, by Fisher and Cornish's expansion (1960).

    Off by less than .2 % from 3 degrees of freedom on, by 1 % for 2, 11 % for 1.
    """
    z, v = Z, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92_160 * v**4)
    )


def mean_interval(values: NDArray, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """The bootstrap interval of the mean of one value per row."""
    return expanded_interval(resampled_means(values, resamples, seed), len(values))


def resampled_means(values: NDArray, resamples: int, seed: int) -> Figures:
    """The mean of one value per row in every resample, float64 [resamples]."""
    blocks_of_counts = resample_counts(len(values), resamples, seed)
    return np.concatenate([counts @ values / len(values) for counts in blocks_of_counts])


def interval_without_spread(value: float, rows: int, most: float = 1.0, least: float = 0.0) -> tuple[float, float]:
    """A 95 % interval of a mean of scores in [least, most] where every row has the score `value`: nothing spreads.

    With 95 % confidence at least Wilson's share n/(n + 1.96²) of all rows scores like those seen; the others may score
    anything. For scores that are right or wrong this is Wilson's interval itself.
    """
    alike, _ = wilson_interval(rows, rows)
    return alike * value + (1 - alike) * least, alike * value + (1 - alike) * most
