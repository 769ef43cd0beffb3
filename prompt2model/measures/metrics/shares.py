"""Shares of right answers: exact match and accuracy."""

from __future__ import annotations

from prompt2model.measures.answers import is_right
from prompt2model.measures.metrics.base import Figure, IntervalMetric
from prompt2model.statistics.shares import wilson_interval


class ExactMatch(IntervalMetric):
    """Share of answers that equal an accepted one, white space at both ends aside; in [0, 1]."""

    key = "exact_match"
    description = "Share of answers that equal an accepted one, white space at both ends aside."

    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """See IntervalMetric. Wilson's interval (1927): it covers the truth with few rows too."""
        right = sum(is_right(*row) for row in zip(predictions, references, strict=True))
        rows = len(predictions)
        return Figure(right / rows, *wilson_interval(right, rows), interval="wilson")


class Accuracy(ExactMatch):
    """Share of rows whose label is right, in [0, 1]; for closed answers. A row may have several right labels."""

    key = "accuracy"
    description = "Share of rows whose label is right; a row may have several right labels."
