"""Two predictors on the same rows: tests equal scipy's and published values; verdicts are symmetric and coherent."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, permutation_test

from prompt2model.records import PairedComparison
from prompt2model.statistics.pairs import (
    compare_counts,
    compare_right,
    compare_scores,
    compare_sums,
    mid_p,
    rows_for_shares,
)
from prompt2model.statistics.verdict_words import sentence

TURNED = {"better": "worse", "worse": "better", "cannot_tell": "cannot_tell"}
OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)
SCORES = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1)), min_size=1, max_size=25)


def coherent(found: PairedComparison) -> None:
    """What every reader relies on: the interval holds the difference, and leaves out 0 where the verdict tells."""
    assert found.low <= found.difference <= found.high
    assert 0 < found.p <= 1
    assert (found.verdict == "better") == (found.low > 0)
    assert (found.verdict == "worse") == (found.high < 0)
    assert found.verdict == "cannot_tell" or found.p < 0.05
    if found.more_rows is not None:
        assert found.verdict == "cannot_tell"
        assert found.more_rows > found.n


def test_mid_p_equals_the_published_examples() -> None:
    # Fagerland, Lydersen and Laake (2013), table 8: airway hyper-responsiveness (1 against 7) and complete response.
    assert mid_p(1, 7) == pytest.approx(0.039, abs=5e-4)
    # The exact test counts the outcome seen in full.
    assert mid_p(1, 7) == pytest.approx(binomtest(1, 8).pvalue - 8 / 2**8)
    assert mid_p(0, 0) == mid_p(4, 4) == 1.0


def test_closed_answers_are_compared_row_by_row() -> None:
    one = np.array([True] * 150 + [False] * 50)
    other = np.array([True] * 130 + [False] * 70)
    found = compare_right("accuracy", one, other)
    assert (found.name, found.n, found.difference, found.verdict) == ("accuracy", 200, 0.1, "better")
    # The same shares without one row in common: cannot be told by far.
    apart = compare_right("accuracy", one, other[::-1])
    assert apart.difference == found.difference
    assert (apart.verdict, apart.p > found.p) == ("cannot_tell", True)


@given(OUTCOMES)
def test_verdicts_of_closed_answers_are_coherent_and_turn_with_the_pair(rows: list[tuple[bool, bool]]) -> None:
    one, other = np.array(rows).T
    found, back = compare_right("accuracy", one, other), compare_right("accuracy", other, one)
    coherent(found)
    assert (back.verdict, back.p, back.more_rows) == (TURNED[found.verdict], found.p, found.more_rows)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), abs=2e-6)


@settings(deadline=None, max_examples=40)
@given(SCORES)
def test_verdicts_of_scores_are_coherent_and_turn_with_the_pair(rows: list[tuple[float, float]]) -> None:
    one, other = np.array(rows).T
    found, back = (compare_scores("score", *pair, resamples=200) for pair in ((one, other), (other, one)))
    coherent(found)
    assert (back.verdict, back.p) == (TURNED[found.verdict], found.p)
    assert (back.more_rows or 0) == pytest.approx(found.more_rows or 0, rel=1e-3)
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), abs=2e-6)


@settings(max_examples=30)
@given(rows=st.integers(10, 80), lost=st.integers(0, 4))
def test_the_more_rows_are_won_the_surer_it_is(rows: int, lost: int) -> None:
    found = [compare_counts("accuracy", won, lost, rows) for won in range(lost, rows - lost + 1)]
    assert all(before.p >= after.p for before, after in pairwise(found))
    told = [one.verdict == "better" for one in found]
    assert told == sorted(told)


@pytest.mark.parametrize("rows", [1, 2, 30])
@pytest.mark.parametrize("right", [True, False])
def test_equal_answers_tell_nothing_and_no_interval_is_certain(rows: int, right: bool) -> None:
    same = np.full(rows, right)
    for found in (
        compare_right("accuracy", same, same),
        compare_scores("score", same.astype(float), same.astype(float), resamples=200),
    ):
        coherent(found)
        assert (found.difference, found.p, found.more_rows) == (0.0, 1.0, None)
        assert found.high == -found.low > 1.5 / (rows + 3)


def test_one_row_tells_nothing() -> None:
    found = compare_right("accuracy", np.array([True]), np.array([False]))
    assert (found.difference, found.verdict) == (1.0, "cannot_tell")
    assert found.more_rows is not None
    scored = compare_scores("score", np.array([1.0]), np.array([0.0]))
    assert (scored.difference, scored.verdict) == (1.0, "cannot_tell")


def test_all_right_against_all_wrong() -> None:
    found = compare_right("accuracy", np.ones(12, bool), np.zeros(12, bool))
    assert (found.difference, found.high, found.verdict) == (1.0, 1.0, "better")


def test_scores_are_tested_as_scipy_does_by_swapping() -> None:
    generator = np.random.default_rng(5)
    other = generator.random(12)
    one = other + generator.normal(0.08, 0.15, size=12)
    expected = permutation_test(
        (one, other), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True
    )
    found = compare_scores("score", one, other, resamples=20_000)
    assert found.p == pytest.approx(expected.pvalue, abs=0.01)
    assert found.difference == pytest.approx(float(np.mean(one - other)), abs=1e-6)


def test_a_corpus_figure_is_compared_by_its_sums() -> None:
    generator = np.random.default_rng(2)
    wanted = generator.integers(5, 15, size=60).astype(float)
    good, poor = (np.rint(wanted * generator.uniform(*ends, size=60)) for ends in ((0.5, 0.9), (0.4, 0.8)))
    found = [np.stack([right, wanted], axis=1) for right in (good, poor)]

    def share(sums: np.ndarray) -> np.ndarray:
        return sums[:, 0] / sums[:, 1]

    told = compare_sums("share", *found, share, resamples=2000)
    expected = (good - poor).sum() / wanted.sum()
    assert told.difference == pytest.approx(expected, abs=1e-6)
    assert told.verdict == "better"
    assert told == compare_sums("share", *found, share, resamples=2000)


def test_the_rows_that_would_tell_a_difference() -> None:
    # Connor (1987): a difference of .1 where the two disagree on a fifth of the rows needs 155 rows at 80 %.
    assert rows_for_shares(0.2, 0.1) == pytest.approx(155, abs=2)
    assert rows_for_shares(0.2, 0.1) == rows_for_shares(0.2, -0.1)
    small, large = compare_counts("accuracy", 8, 4, 50), compare_counts("accuracy", 6, 4, 50)
    assert small.more_rows is not None and large.more_rows is not None
    assert 50 < small.more_rows < large.more_rows
    assert compare_counts("accuracy", 40, 10, 100).more_rows is None


@pytest.mark.parametrize(("won", "lost", "rows"), [(1, 0, 0), (3, 3, 5), (-1, 2, 5)])
def test_counts_that_are_no_table_are_refused(won: int, lost: int, rows: int) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare_counts("accuracy", won, lost, rows)


def test_answers_to_other_rows_are_no_pairs() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        compare_right("accuracy", np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(ValueError, match="cannot be compared"):
        compare_scores("score", np.ones(3), np.ones(4))


def test_sentences() -> None:
    told = PairedComparison("accuracy", 200, 0.042, 0.01, 0.074, 0.01, "better", None)
    assert sentence(told, "the small model", "the teacher") == (
        "the small model is better than the teacher: +4.2 points (1.0 to 7.4) on the same 200 rows"
    )
    behind = PairedComparison("chrf++", 1, -4.25, -7.0, -1.0, 0.01, "worse", None)
    assert sentence(behind, "A", "B") == "A is worse than B: -4.2 points of ChrF++ (-7.0 to -1.0) on the same 1 row"
    open_ = PairedComparison("accuracy", 50, 0.04, -0.031, 0.11, 0.3, "cannot_tell", 304)
    assert sentence(open_, "the small model", "the teacher") == (
        "cannot tell with 50 rows whether the small model is better than the teacher (+4.0 points, -3.1 to 11.0); "
        "about 310 rows would, if the difference is as large as it looks"
    )
    level = PairedComparison("bertscore_f1", 1200, 0.0, -0.01, 0.012, 1.0, "cannot_tell", None)
    assert sentence(level, "A", "B") == (
        "cannot tell with 1,200 rows whether A is better than B (+0.000, -0.010 to 0.012)"
    )
