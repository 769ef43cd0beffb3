"""Scores of several kinds for the same documents, added up on one scale.

A weighted sum of standardised scores: plain reciprocal rank fusion (doi 10.1145/1571941.1572114) gives both rankings
the same say, which makes the better one worse where they differ much (scripts/benchmarks/dataset_retrieval.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Ranking = Literal["bm25", "dense", "fused"]


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """What a standard deviation of BM25 and of the cosine weighs, and what one unit of the prior does."""

    bm25: float
    dense: float
    prior: float


def fused_scores(
    weights: FusionWeights, bm25: np.ndarray, dense: np.ndarray | None = None, prior: np.ndarray | None = None
) -> np.ndarray:
    """float [n], higher is better; what is None adds nothing. `prior` is what is known before any query."""
    total = weights.bm25 * standardised(bm25)
    if dense is not None:
        total = total + weights.dense * standardised(dense)
    return total if prior is None else total + weights.prior * prior


def standardised(scores: np.ndarray) -> np.ndarray:
    """float64 [n] with mean 0 and standard deviation 1; zeros where all are equal."""
    import numpy as np

    spread = np.asarray(scores, dtype=np.float64)
    deviation = float(spread.std()) if len(spread) else 0.0
    # Equal numbers, too, can lie beside their mean by a rounding error.
    if not deviation > 1e-9 * float(np.abs(spread).max(initial=0.0)):
        return np.zeros(len(spread))
    return (spread - spread.mean()) / deviation
