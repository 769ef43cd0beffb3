"""Scores of different scales are added as told; equal ones say nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prompt2model.text_index.score_fusion import FusionWeights, fused_scores, standardised


def test_the_scale_of_a_score_does_not_matter() -> None:
    bm25, dense = np.array([3.0, 1.0, 2.0]), np.array([0.1, 0.9, 0.4])
    weights = FusionWeights(bm25=0.2, dense=1.0, prior=0.0)
    once = fused_scores(weights, bm25, dense)
    assert np.argsort(-once).tolist() == [1, 2, 0]
    assert fused_scores(weights, 1000 * bm25 - 7, dense / 50) == pytest.approx(once)


def test_the_prior_is_added_as_it_is() -> None:
    weights = FusionWeights(bm25=1.0, dense=1.0, prior=2.0)
    equal = np.ones(2)
    assert fused_scores(weights, equal, None, np.array([0.0, 0.5])).tolist() == [0.0, 1.0]


@given(st.lists(st.floats(-1e6, 1e6), max_size=20))
@example([699051.0051525708] * 3)
@example([1e5, 1e5, 1e5 + 1e-4])
def test_standardised_scores_have_mean_nought(values: list[float]) -> None:
    scores = standardised(np.array(values))
    assert len(scores) == len(values)
    assert np.isfinite(scores).all()
    assert values == [] or abs(scores.mean()) < 1e-6
