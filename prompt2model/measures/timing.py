"""Latency and throughput on this machine. The only figures that may differ between two runs of the same config."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import add_timing, load_timing
from prompt2model.records import Item, Prediction

if TYPE_CHECKING:
    from prompt2model.predictor import Predictor

SINGLE_ITEMS = 30
"""Most items that are answered one at a time."""
BATCH_ITEMS = 256
"""Most items that are answered together."""
_LEAST_BATCH = 64
_LEAST_SINGLES = 3
_SECONDS = 15.0
"""After this no further item is answered alone, and a batch is no larger than fits twice into it."""


def keep_timing(folder: Path, name: str, figures: Mapping[str, Any]) -> None:
    """Add one predictor's figures to the folder's timing.json."""
    add_timing(folder, {"machine": load_timing(folder).get("machine") or machine(), name: dict(figures)})


def measure(
    predictor: Predictor, items: Sequence[Item], singles: int = SINGLE_ITEMS, batch: int = BATCH_ITEMS
) -> dict[str, Any]:
    """p50 and p95 of single answers in milliseconds, and items per second answered together, after a warm-up.

    Few items are repeated until a batch is large enough to say something. A slow predictor gets fewer items, so that
    measuring takes about a minute at most. Only for predictors that compute every answer anew: a student, or a
    teacher without its ledger.
    """
    list(predictor.predict(items[:1]))
    seconds: list[float] = []
    for item in items[:singles]:
        started = time.perf_counter()
        list(predictor.predict([item]))
        seconds.append(time.perf_counter() - started)
        if sum(seconds) > _SECONDS and len(seconds) >= _LEAST_SINGLES:
            break
    wanted = max(min(len(items), batch), min(batch, _LEAST_BATCH))
    affordable = max(_LEAST_SINGLES, int(2 * _SECONDS * len(seconds) / sum(seconds)))
    together = list(islice(cycle(items), min(wanted, affordable)))
    started = time.perf_counter()
    list(predictor.predict(together))
    return figures(seconds, len(together), time.perf_counter() - started)


def figures(singles: Sequence[float], batch: int, batch_seconds: float) -> dict[str, Any]:
    """Seconds per single answer, and of a batch, as the figures that are kept."""
    import numpy as np

    p50, p95 = np.quantile(singles, [0.5, 0.95]) * 1000
    return {
        "p50_ms": round(float(p50), 3),
        "p95_ms": round(float(p95), 3),
        "single_items": len(singles),
        "items_per_second": round(batch / batch_seconds, 3),
        "batch_items": batch,
    }


class WatchedTeacher:
    """Takes the time while an endpoint answers the test's own rows, so that no call is made only to be timed.

    `answered()` counts the answers that were really given: one found in the ledger takes no time and is not counted.
    The first `singles` items are asked one at a time.
    """

    def __init__(self, predictor: Predictor, answered: Callable[[], int], singles: int = 10) -> None:
        self._predictor, self._answered, self._left = predictor, answered, singles
        self._singles: list[float] = []
        self._batch, self._batch_seconds = 0, 0.0

    def predict(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """One prediction per item, in their order."""
        alone, together = items[: self._left], items[self._left :]
        self._left -= len(alone)
        for item in alone:
            (prediction,), answered, seconds = self._ask([item])
            if answered:
                self._singles.append(seconds)
            yield prediction
        if together:
            predictions, answered, seconds = self._ask(together)
            if answered:
                self._batch += answered
                self._batch_seconds += seconds
            yield from predictions

    def figures(self) -> dict[str, Any] | None:
        """What was measured, None when too few answers were given anew."""
        if len(self._singles) < 3 or self._batch < 3:
            return None
        return figures(self._singles, self._batch, self._batch_seconds)

    def _ask(self, items: Sequence[Item]) -> tuple[list[Prediction], int, float]:
        before, started = self._answered(), time.perf_counter()
        predictions = list(self._predictor.predict(items))
        return predictions, self._answered() - before, time.perf_counter() - started


def machine() -> dict[str, Any]:
    """The machine in words: cores that this process may use, processor, and accelerator if there is one."""
    import torch

    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
