"""Macro-averaged F1 over closed labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from prompt2model.model_evaluator.answers import is_right
from prompt2model.model_evaluator.metrics.base import Figure, IntervalMetric
from prompt2model.model_evaluator.metrics.bootstrap import Counts, Figures, bootstrap_interval

Labels = NDArray[np.int64]


class MacroF1(IntervalMetric):
    """Mean of the labels' F1 in [0, 1], over the labels that the rows really have.

    The labels averaged over are the same for every predictor; a label that only a predictor names costs the recall
    of the right ones. Where a row has several right labels, the predicted one counts if it is among them, else the
    first. Equals `sklearn.metrics.f1_score(labels=sorted(set(gold)), average="macro", zero_division=0)`.
    """

    key = "macro_f1"
    description = "Mean of the labels' F1, over the labels that the rows have."

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric. A resample is averaged over the labels that it drew."""
        answers = [text.strip() for text in predictions]
        gold = [
            answer if is_right(answer, accepted) else accepted[0].strip()
            for answer, accepted in zip(answers, references, strict=True)
        ]
        numbers = {label: number for number, label in enumerate(sorted(set(gold)))}
        outside = len(numbers)
        wanted = np.array([numbers[label] for label in gold])
        given = np.array([numbers.get(label, outside) for label in answers])
        everything = np.ones((1, len(gold)), dtype=np.int64)
        value = float(_macro_f1(everything, wanted, given, outside)[0])
        interval = bootstrap_interval(
            len(gold), lambda counts: _macro_f1(counts, wanted, given, outside), self.resamples, self.seed
        )
        return Figure(value, *interval)


def _macro_f1(counts: Counts, wanted: Labels, given: Labels, labels: int) -> Figures:
    """Macro-F1 of each resample; `labels` is the number of labels, and the number of "none of them"."""
    hit = wanted == given
    figures = np.empty(len(counts))
    for number, weights in enumerate(counts):
        gold = np.bincount(wanted, weights, labels + 1)[:labels]
        answered = np.bincount(given, weights, labels + 1)[:labels]
        right = np.bincount(wanted[hit], weights[hit], labels + 1)[:labels]
        drawn = gold > 0
        figures[number] = np.mean(2 * right[drawn] / (gold + answered)[drawn])
    return figures
