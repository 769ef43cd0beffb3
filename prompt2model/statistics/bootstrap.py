"""Percentile bootstrap intervals over rows (Efron and Tibshirani, 1993).

Every resample is a vector of counts: how often each row was drawn. A metric that is a function of summed row
statistics needs one matrix product for all resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from prompt2model.statistics.shares import wilson_interval

Counts = NDArray[np.int64]
"""Draws of each row, int64 [resamples, rows]; each line sums to the number of rows."""
Figures = NDArray[np.float64]

CONFIDENCE = 0.95
_CELLS = 4_000_000
"""Most counts held at once."""


def resample_counts(rows: int, resamples: int, seed: int) -> Iterator[Counts]:
    """Blocks of count vectors; the same arguments give the same draws, so predictors are resampled alike."""
    generator = np.random.default_rng([seed, rows])
    block = max(1, min(resamples, _CELLS // max(rows, 1)))
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = generator.integers(0, rows, size=(size, rows))
        drawn += np.arange(size)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows)


def bootstrap_interval(
    rows: int, figure: Callable[[Counts], Figures], resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 2.5 % and 97.5 % points of `figure` over the resamples; `figure` maps counts to one value per resample."""
    values = np.concatenate([figure(counts) for counts in resample_counts(rows, resamples, seed)])
    low, high = np.quantile(values, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def mean_interval(values: NDArray, resamples: int = 1000, seed: int = 0) -> tuple[float, float]:
    """The bootstrap interval of the mean of one value per row."""
    return bootstrap_interval(len(values), lambda counts: counts @ values / len(values), resamples, seed)


def interval_without_spread(value: float, rows: int, most: float = 1.0) -> tuple[float, float]:
    """A 95 % interval of a mean of scores in [0, most] where every row has the score `value`, so that nothing spreads.

    With 95 % confidence at least Wilson's share n/(n + 1.96²) of all rows scores like those seen; the others may score
    anything. For scores that are right or wrong this is Wilson's interval itself.
    """
    alike, _ = wilson_interval(rows, rows)
    return alike * value, alike * value + (1 - alike) * most
