"""The bootstrap's intervals hold what they say, with few rows too."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from prompt2model.statistics.bootstrap import expanded_tail, interval_without_spread, mean_interval, t_point
from prompt2model.statistics.shares import wilson_interval


@pytest.mark.parametrize("freedom", [3, 5, 19, 49, 999])
def test_student_s_points_equal_scipy(freedom: int) -> None:
    assert t_point(freedom) == pytest.approx(t.ppf(0.975, freedom), rel=2e-3)


def test_tails_are_thinner_with_few_rows() -> None:
    # Hesterberg (2015) gives .0161 and .0218 for 20 and 50 rows.
    assert expanded_tail(1) == 0.0
    assert expanded_tail(2) < expanded_tail(20) < expanded_tail(50) < expanded_tail(1000) < 0.025
    assert expanded_tail(10**6) == pytest.approx(0.025, abs=1e-5)


def test_the_interval_of_a_mean_covers_the_truth_with_few_rows() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for repeat in range(500):
        low, high = mean_interval(generator.normal(3.0, 1.0, size=8), resamples=400, seed=repeat)
        covered += low <= 3.0 <= high
    # Percentiles of 8 rows cover in about 89 %.
    assert covered / 500 > 0.92


def test_where_nothing_spreads_the_interval_is_wilsons() -> None:
    assert interval_without_spread(1.0, 20) == pytest.approx(wilson_interval(20, 20))
    assert interval_without_spread(0.0, 20) == pytest.approx(wilson_interval(0, 20))
    low, high = interval_without_spread(0.0, 20, 100.0, -100.0)
    assert -low == high == pytest.approx(100 * wilson_interval(0, 20)[1])
