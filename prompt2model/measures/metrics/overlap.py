"""Overlap of words between answer and reference: token F1 (arXiv 1606.05250) and ROUGE-L (Lin, 2004)."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np

from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.measures.metrics.text_tokens import answer_tokens, normalised_answer, word_tokens
from prompt2model.statistics.bootstrap import mean_interval

_MILLIONTH = 1_000_000


class MeanOfRows(IntervalMetric):
    """A metric that is the mean of one score per row, in [0, 1]; the best reference of each row counts.

    An empty answer scores 0.
    """

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric."""
        # Millionths as whole numbers: their sums are exact, whatever the order.
        scores = np.rint(np.array(self.row_scores(predictions, references)) * _MILLIONTH).astype(np.int64)
        low, high = mean_interval(scores, self.resamples, self.seed)
        return Figure(float(scores.mean()) / _MILLIONTH, low / _MILLIONTH, high / _MILLIONTH)

    def row_scores(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> list[float]:
        """The score of each row."""
        return [
            max((self.score(text, one) for one in accepted), default=0.0) if text.strip() else 0.0
            for text, accepted in zip(predictions, references, strict=True)
        ]

    @abstractmethod
    def score(self, answer: str, reference: str) -> float:
        """How well one answer matches one reference, in [0, 1]."""


class NormalisedExactMatch(MeanOfRows):
    """Share of answers that equal an accepted one but for case, punctuation, English articles and white space."""

    key = "exact_match_normalised"
    description = "Share of answers that equal an accepted one but for case, punctuation, articles and white space."
    citation = "Rajpurkar, P. et al. (2016). SQuAD: 100,000+ Questions for Machine Comprehension of Text. EMNLP 2016."

    def score(self, answer: str, reference: str) -> float:
        """See MeanOfRows."""
        return float(normalised_answer(answer) == normalised_answer(reference))


class TokenF1(MeanOfRows):
    """Mean F1 of the words that answer and reference share, counted, whatever their order."""

    key = "token_f1"
    description = "Mean F1 of the words that answer and reference share, whatever their order."
    citation = "Rajpurkar, P. et al. (2016). SQuAD: 100,000+ Questions for Machine Comprehension of Text. EMNLP 2016."

    def score(self, answer: str, reference: str) -> float:
        """See MeanOfRows."""
        said, wanted = answer_tokens(answer), answer_tokens(reference)
        return _f1(sum((Counter(said) & Counter(wanted)).values()), len(said), len(wanted))


class RougeL(MeanOfRows):
    """Mean F1 of the longest common subsequence of words, as rouge-score computes it, without a stemmer."""

    key = "rouge_l"
    description = "Mean F1 of the longest common subsequence of words."
    citation = "Lin, C.-Y. (2004). ROUGE: A Package for Automatic Evaluation of Summaries. ACL workshop."

    def score(self, answer: str, reference: str) -> float:
        """See MeanOfRows."""
        said, wanted = word_tokens(answer), word_tokens(reference)
        return _f1(longest_common_subsequence(said, wanted), len(said), len(wanted))


def longest_common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Its length, by one whole number as a row of bits (Hyyrö, 2004): time grows with `one` alone for short texts."""
    places: dict[str, int] = {}
    for number, word in enumerate(other):
        places[word] = places.get(word, 0) | 1 << number
    every = (1 << len(other)) - 1
    row = every
    for word in one:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & every
    return len(other) - row.bit_count()


def _f1(shared: int, said: int, wanted: int) -> float:
    return 2 * shared / (said + wanted) if shared else 0.0
