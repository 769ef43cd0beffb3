"""What every metric shares: an `evaluate.Metric` whose figure comes with n and an interval."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import datasets

from prompt2model.measures.metrics.evaluate_library import evaluate
from prompt2model.records import Metric
from prompt2model.statistics.bootstrap import interval_without_spread

_NO_SPREAD = 1e-9


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with the ends of its 95 % interval and the name of the method that made them."""

    value: float
    low: float
    high: float
    interval: str = "bootstrap"


class IntervalMetric(evaluate.Metric):
    """A metric over texts: `compute(predictions=[text, …], references=[[text, …], …])`.

    A row without an answer has the empty text as its prediction; no row is ever left out. Returns a dict with the
    figure under the metric's name, `low`, `high`, `n` and `interval`. Nothing is loaded from a network.

    Intervals are Wilson's for shares of right answers and a bootstrap over the rows for the other figures. Where all
    resamples agree (all rows right, say), the bootstrap would claim certainty from however few rows; there
    the interval comes from `without_spread`.
    """

    key: ClassVar[str]
    description: ClassVar[str]
    citation: ClassVar[str] = ""
    most: ClassVar[float] = 1.0
    """The highest value; the lowest is 0."""

    def __init__(self, resamples: int = 1000, seed: int = 0) -> None:
        # `evaluate` makes a cache folder for every metric; one that keeps its rows in memory never opens it again.
        with tempfile.TemporaryDirectory(prefix="prompt2model-metric-") as scratch:
            super().__init__(keep_in_memory=True, cache_dir=scratch, seed=seed)
        self.resamples = resamples

    def _info(self) -> Any:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=self.description,
            citation=self.citation,
            inputs_description="predictions: texts; references: for every prediction all accepted texts",
            features=datasets.Features({"predictions": text, "references": datasets.List(text)}),
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, Any]:
        texts, accepted = list(predictions), [list(all_accepted) for all_accepted in references]
        figure = self.figure(texts, accepted)
        if figure.high - figure.low < _NO_SPREAD:
            figure = self.without_spread(figure.value, texts, accepted)
        return {
            self.key: figure.value,
            "low": figure.low,
            "high": figure.high,
            "n": len(predictions),
            "interval": figure.interval,
        }

    @abstractmethod
    def figure(self, predictions: list[str], references: list[list[str]]) -> Figure:
        """The value over all rows with its 95 % interval."""

    def without_spread(self, value: float, predictions: list[str], references: list[list[str]]) -> Figure:
        """The value with an interval that does not rest on differences between rows, because there are none."""
        return Figure(value, *interval_without_spread(value, len(predictions), self.most), interval="wilson")

    def measure(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> Metric:
        """The figure as a record, rounded to six digits. Raises ValueError without a row."""
        if not predictions:
            raise ValueError(f"{self.key} needs at least one row")
        found = self.compute(predictions=list(predictions), references=[list(accepted) for accepted in references])
        value, low, high = (round(float(found[name]), 6) for name in (self.key, "low", "high"))
        # A percentile interval of a skewed figure may miss its own value by a hair.
        return Metric(self.key, value, min(low, value), max(high, value), found["n"], found["interval"])
