"""ChrF++: character and word n-gram F-score (Popović, 2017, https://aclanthology.org/W17-4770)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sacrebleu.metrics.chrf import CHRF

from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.statistics.bootstrap import Counts, Figures, bootstrap_interval

_CHARACTER_ORDER, _WORD_ORDER, _BETA = 6, 2, 2


class ChrfPlusPlus(IntervalMetric):
    """Corpus ChrF++ in [0, 100], as sacrebleu computes it with word_order=2.

    n-gram statistics are summed over the rows before the F-score is taken; a bootstrap sample sums them again. With
    several references, the best one of each row counts.
    """

    key = "chrf++"
    description = "Character n-gram F-score (order 6, with word order 2), 0 to 100."
    most = 100.0
    citation = "Popović, M. (2017). chrF++: words helping character n-grams. WMT 2017."

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric."""
        statistics = row_statistics(predictions, references)
        value = float(f_scores(statistics.sum(axis=0, keepdims=True))[0])

        def resampled(counts: Counts) -> Figures:
            # Whole numbers far below 2**53: float64 sums them exactly, in any order and on any number of cores.
            return f_scores(counts.astype(np.float64) @ statistics)

        return Figure(value, *bootstrap_interval(len(predictions), resampled, self.resamples, self.seed))


def row_statistics(predictions: list[str], references: list[list[str]]) -> NDArray[np.float64]:
    """sacrebleu's sentence statistics, [rows, 3 x orders]: n-grams of the answer, of the reference, in both."""
    rows = [statistics_of(text, tuple(accepted)) for text, accepted in zip(predictions, references, strict=True)]
    return np.array(rows, dtype=np.float64)


@lru_cache(maxsize=1 << 15)
def statistics_of(text: str, accepted: tuple[str, ...]) -> tuple[float, ...]:
    """One row's statistics, kept: an evaluation wants them for the row, the corpus and each paired comparison."""
    chrf = _chrf()
    ngrams = chrf._extract_reference_info([chrf._preprocess_segment(one) for one in accepted])
    return tuple(chrf._compute_segment_statistics(chrf._preprocess_segment(text), ngrams))


@lru_cache(maxsize=1)
def _chrf() -> Any:
    return CHRF(char_order=_CHARACTER_ORDER, word_order=_WORD_ORDER, beta=_BETA)


def f_scores(statistics: NDArray[np.float64]) -> Figures:
    """sacrebleu's F-score, 0 to 100, of each line of summed statistics (its effective order, no smoothing)."""
    answered, wanted, both = (statistics[:, part::3] for part in range(3))
    counted = (answered > 0) & (wanted > 0)
    order = np.maximum(counted.sum(axis=1), 1)
    precision = np.where(counted, both / np.maximum(answered, 1), 0.0).sum(axis=1) / order
    recall = np.where(counted, both / np.maximum(wanted, 1), 0.0).sum(axis=1) / order
    denominator = _BETA**2 * precision + recall
    return 100 * np.where(
        denominator > 0, (1 + _BETA**2) * precision * recall / np.where(denominator > 0, denominator, 1.0), 0.0
    )
