"""How far the student's confidence can be trusted, and from where on it may answer in the teacher's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from prompt2model.measures.answers import AnsweredRow
from prompt2model.records import Calibration, CalibrationBin, Metric, RouterLine, Routing
from prompt2model.statistics.bootstrap import Counts, Figures, bootstrap_interval
from prompt2model.statistics.shares import wilson_interval

_BINS = 10
_CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
LEAST_ANSWERS = 20
"""Validation answers above a confidence, below which nothing is concluded from them."""


def calibration(answers: Sequence[AnsweredRow], resamples: int, seed: int) -> Calibration | None:
    """Ten bins of equal width and the expected calibration error (Naeini et al. 2015; arXiv 1706.04599), in [0, 1].

    None where answers carry no probability. Unparsed and failed answers have none and are left out.
    """
    sure = [(line.confidence, line.outcome == "correct") for line in answers if line.confidence is not None]
    if not sure:
        return None
    confidence = np.array([value for value, _ in sure])
    right = np.array([float(value) for _, value in sure])
    place = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
    members = np.eye(_BINS)[place]

    def errors(counts: Counts) -> Figures:
        gaps: Figures = np.abs(counts @ (members * (confidence - right)[:, None])).sum(axis=1) / len(right)
        return gaps

    value = float(errors(np.ones((1, len(right)), dtype=np.int64))[0])
    low, high = bootstrap_interval(len(right), errors, resamples, seed)
    value, low, high = (round(number, 6) for number in (value, min(low, value), max(high, value)))
    error = Metric("expected_calibration_error", value, low, high, len(right))
    bins = [
        CalibrationBin(
            number / _BINS,
            (number + 1) / _BINS,
            int(inside.sum()),
            round(float(confidence[inside].mean()), 6),
            round(float(right[inside].mean()), 6),
        )
        for number in range(_BINS)
        if (inside := place == number).any()
    ]
    return Calibration(tuple(bins), error)


def routing(
    validation: Sequence[AnsweredRow],
    test: Sequence[AnsweredRow],
    teacher: Sequence[AnsweredRow],
    teacher_accuracy: float | None,
) -> Routing | None:
    """The router's table. `teacher`: its answers to some of the test's rows. None where answers have no probability.

    The confidence is chosen on validation rows: the lowest one from which on the student's share of right answers is
    at least the teacher's on the test, over 20 answers or more.
    """
    if not any(line.confidence is not None for line in test):
        return None
    chosen = None if teacher_accuracy is None else chosen_confidence(validation, teacher_accuracy)
    confidences = sorted({*_CONFIDENCES, *(() if chosen is None else (chosen,))})
    theirs = {line.id: line for line in teacher}
    return Routing(chosen, tuple(_line(confidence, test, theirs) for confidence in confidences))


def chosen_confidence(validation: Sequence[AnsweredRow], wanted: float) -> float | None:
    """The lowest confidence from which on at least the wanted share of answers is right; None where there is none."""
    sure = sorted(
        ((line.confidence, line.outcome == "correct") for line in validation if line.confidence is not None),
        reverse=True,
    )
    best, right = None, 0
    for number, (confidence, correct) in enumerate(sure, start=1):
        right += correct
        last_of_its_kind = number == len(sure) or sure[number][0] < confidence
        if last_of_its_kind and number >= LEAST_ANSWERS and right / number >= wanted:
            best = confidence
    return best


def _line(confidence: float, test: Sequence[AnsweredRow], teacher: Mapping[str, AnsweredRow]) -> RouterLine:
    taken = [line for line in test if line.confidence is not None and line.confidence >= confidence]
    same = [teacher[line.id] for line in taken if line.id in teacher]
    return RouterLine(
        confidence,
        _share("coverage", len(taken), len(test)),
        _right(taken),
        _right(same),
    )


def _right(answers: Sequence[AnsweredRow]) -> Metric | None:
    if not answers:
        return None
    return _share("accuracy", sum(line.outcome == "correct" for line in answers), len(answers))


def _share(name: str, count: int, rows: int) -> Metric:
    low, high = wilson_interval(count, rows)
    return Metric(name, round(count / rows, 6), round(low, 6), round(high, 6), rows, "wilson")
