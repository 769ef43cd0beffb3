"""How many questions a predictor answers rightly, with Wilson's interval; what went wrong is counted by kind."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prompt2model.component import Progress
from prompt2model.measures.answers import answered_row, count_outcomes, item_of, save_answers
from prompt2model.predictor import Predictor
from prompt2model.records import Example
from prompt2model.statistics.shares import wilson_interval


@dataclass(frozen=True, slots=True)
class Score:
    """One predictor's line. correct + wrong + unparsed + failed = n; `accuracy` is correct/n, with a 95 % interval.

    `seconds`: what answering took, None where it was not timed here.
    """

    predictor: str
    n: int
    accuracy: float
    low: float
    high: float
    correct: int
    wrong: int
    unparsed: int
    failed: Mapping[str, int]
    seconds: float | None = None
    note: str = ""

    @classmethod
    def of_counts(
        cls, predictor: str, correct: int, wrong: int, unparsed: int, failed: Mapping[str, int], note: str = ""
    ) -> Score:
        """The line of counted outcomes."""
        n = correct + wrong + unparsed + sum(failed.values())
        low, high = wilson_interval(correct, n)
        return cls(predictor, n, correct / n, low, high, correct, wrong, unparsed, dict(failed), None, note)


def score(
    name: str,
    predictor: Predictor,
    rows: Sequence[Example],
    progress: Progress,
    keep: Path | None = None,
    note: str = "",
) -> Score:
    """Ask the predictor every question; its answers go into the file `keep`."""
    started = time.perf_counter()
    predictions = progress.track(predictor.predict(map(item_of, rows)), f"{name} answers", len(rows))
    answers = [answered_row(row, said, ()) for row, said in zip(rows, predictions, strict=True)]
    seconds = time.perf_counter() - started
    if keep is not None:
        save_answers(keep, answers)
    return replace(Score.of_counts(name, *count_outcomes(answers), note), seconds=round(seconds, 3))
