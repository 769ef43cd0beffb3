"""Macro-averaged F1 over closed labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prompt2model.measures.answers import is_right
from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.statistics.bootstrap import CONFIDENCE, Counts, Figures, bootstrap_interval

Labels = NDArray[np.int64]
_TAILS = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]


class MacroF1(IntervalMetric):
    """Mean of the labels' F1 in [0, 1], over the labels that the rows really have.

    The labels averaged over are the same for every predictor; a label that only a predictor names costs the recall
    of the right ones. Where a row has several right labels, the predicted one counts if it is among them, else the
    first. Equals `sklearn.metrics.f1_score(labels=sorted(set(gold)), average="macro", zero_division=0)`.

    Where all resamples agree, the interval is that of the posterior of the confusion matrix (Caelen, 2017,
    doi 10.1007/s10472-017-9564-8, after Goutte and Gaussier, 2005, doi 10.1007/978-3-540-31865-1_25): a Dirichlet
    distribution over its cells, whose prior adds one right answer, spread over the labels, and one wrong answer,
    spread over all confusions. A label with few rows makes it wide; with as many rows for each label it is close to
    Wilson's interval of the accuracy.
    """

    key = "macro_f1"
    description = "Mean of the labels' F1, over the labels that the rows have."

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric. A resample is averaged over the labels that it drew."""
        wanted, given, labels = _numbered(predictions, references)
        value = float(_macro_f1(np.ones((1, len(wanted)), dtype=np.int64), wanted, given, labels)[0])
        interval = bootstrap_interval(
            len(wanted), lambda counts: _macro_f1(counts, wanted, given, labels), self.resamples, self.seed
        )
        return Figure(value, *interval)

    def without_spread(self, value: float, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric."""
        wanted, given, labels = _numbered(predictions, references)
        right = np.eye(labels, labels + 1, dtype=bool)
        cells = np.where(right, 1 / labels, 1 / labels**2)
        np.add.at(cells, (wanted, given), 1)
        generator = np.random.default_rng([self.seed, len(wanted)])
        drawn = np.empty(self.resamples)
        for number in range(self.resamples):
            # Independent gamma variates are a Dirichlet draw but for their sum, which F1 does not depend on.
            matrix = generator.standard_gamma(cells)
            drawn[number] = np.mean(2 * matrix[right] / (matrix.sum(axis=1) + matrix.sum(axis=0)[:labels]))
        low, high = np.quantile(drawn, _TAILS)
        return Figure(value, min(value, float(low)), max(value, float(high)), interval="posterior")


def _numbered(predictions: list[str], references: list[list[str]]) -> tuple[Labels, Labels, int]:
    """Right labels and answers as numbers, and how many labels there are, which is the number of "none of them"."""
    answers = [text.strip() for text in predictions]
    gold = [
        answer if is_right(answer, accepted) else accepted[0].strip()
        for answer, accepted in zip(answers, references, strict=True)
    ]
    numbers = {label: number for number, label in enumerate(sorted(set(gold)))}
    wanted = np.array([numbers[label] for label in gold])
    given = np.array([numbers.get(label, len(numbers)) for label in answers])
    return wanted, given, len(numbers)


def _macro_f1(counts: Counts, wanted: Labels, given: Labels, labels: int) -> Figures:
    """Macro-F1 of each resample; `labels` is the number of labels, and the number of "none of them"."""
    of_label = np.eye(labels + 1, labels, dtype=np.float32)
    hit = of_label[wanted] * (wanted == given)[:, None]
    # Whole numbers below 2**24: float32 sums them exactly.
    drawn = counts.astype(np.float32)
    gold, answered, right = (drawn @ part for part in (of_label[wanted], of_label[given], hit.astype(np.float32)))
    seen = gold > 0
    scores = np.where(seen, 2 * right / np.maximum(gold + answered, 1), 0.0)
    return scores.sum(axis=1, dtype=np.float64) / seen.sum(axis=1)
