"""Intervals of shares equal scipy's and published values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from prompt2model.statistics.shares import heads_at_least, heads_exactly, paired_share_interval, wilson_interval

TABLES = st.integers(1, 300).flatmap(
    lambda rows: st.tuples(st.just(rows), st.integers(0, rows)).flatmap(
        lambda known: st.tuples(st.just(known[0]), st.just(known[1]), st.integers(0, known[0] - known[1]))
    )
)
"""(rows, won, lost)."""


@given(rows=st.integers(1, 2000), share=st.floats(0, 1))
def test_wilson_equals_scipy(rows: int, share: float) -> None:
    right = round(share * rows)
    expected = binomtest(right, rows).proportion_ci(method="wilson")
    assert wilson_interval(right, rows) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(throws=st.integers(0, 400), share=st.floats(0, 1))
def test_heads_equal_scipy(throws: int, share: float) -> None:
    count = round(share * throws)
    assert heads_at_least(count, throws) == pytest.approx(binom.sf(count - 1, throws, 0.5), rel=1e-9)
    assert heads_exactly(count, throws) == pytest.approx(binom.pmf(count, throws, 0.5), rel=1e-9)


def test_paired_interval_equals_published_examples() -> None:
    # Tango (1998): 44 pairs of contact lenses, of which one came clean by the other method only.
    assert paired_share_interval(0, 1, 44) == pytest.approx((-0.118, 0.060), abs=1e-3)
    # Fagerland, Lydersen and Laake (2014): airways of 21 children before and after a transplantation.
    assert paired_share_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=1e-3)


@given(TABLES)
def test_paired_interval_holds_the_difference_and_turns_with_the_pair(table: tuple[int, int, int]) -> None:
    rows, won, lost = table
    low, high = paired_share_interval(won, lost, rows)
    assert -1 <= low <= (won - lost) / rows <= high <= 1
    assert paired_share_interval(lost, won, rows) == pytest.approx((-high, -low), abs=1e-6)
    more = paired_share_interval(10 * won, 10 * lost, 10 * rows)
    assert more[1] - more[0] < high - low


@given(TABLES)
def test_paired_interval_moves_with_every_row_won(table: tuple[int, int, int]) -> None:
    rows, won, lost = table
    if lost:
        below, above = paired_share_interval(won, lost, rows), paired_share_interval(won + 1, lost - 1, rows)
        assert below[0] <= above[0] + 1e-9
        assert below[1] <= above[1] + 1e-9
