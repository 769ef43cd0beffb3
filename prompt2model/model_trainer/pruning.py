"""Stopping a training of a search early, when it does worse than others did at the same point.

The median stopping rule of Google Vizier (Golovin et al. 2017), read at the same share of the steps, because trainings
of a search differ in their number of epochs.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

from prompt2model.model_trainer.loop import Watch
from prompt2model.records import LossPoint

Curve: TypeAlias = tuple[tuple[float, ...], ...]
"""(share of the steps done, highest validation score until then) of a training, validation by validation."""

LEAST_RIVALS = 4
"""Fewest finished trainings to be compared with."""
_GRACE = 0.3
"""Share of the steps before which no training is stopped: the learning rate still rises, or has hardly fallen."""


class Pruned(Exception):  # noqa: N818
    """A training was stopped because it does worse than others did. No fault: whoever asked for it handles it."""

    def __init__(self, message: str, points: tuple[LossPoint, ...]) -> None:
        super().__init__(message)
        self.points = points


def curve_of(points: Sequence[LossPoint], epochs: int) -> Curve:
    """The curve of a training that was planned for so many epochs, and may have ended early."""
    validated = [(point.epoch, point.validation_score) for point in points if point.validation_score is not None]
    best = accumulate((score for _, score in validated), max)
    return tuple((min(1.0, epoch / epochs), score) for (epoch, _), score in zip(validated, best, strict=True))


def pruning(rivals: Sequence[Curve]) -> Watch | None:
    """What `fit` has to call after each validation; None where there are too few rivals."""
    if len(rivals) < LEAST_RIVALS:
        return None

    def watch(share: float, points: Sequence[LossPoint]) -> None:
        if not _GRACE <= share < 1:
            return
        beside = [reached for curve in rivals if (reached := _reached(curve, share)) is not None]
        best = max(point.validation_score for point in points if point.validation_score is not None)
        if len(beside) >= LEAST_RIVALS and best < statistics.median(beside):
            raise Pruned(f"stopped after {share:.0%} of the steps, below the median of {len(beside)}", tuple(points))

    return watch


def _reached(curve: Curve, share: float) -> float | None:
    """The best score at that share of the training, None before its first validation."""
    return next((score for at, score in reversed(curve) if at <= share), None)
