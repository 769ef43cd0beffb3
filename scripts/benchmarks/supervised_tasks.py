"""Real tasks with their own training rows: what `supervised.py` trains on and asks."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_task_prompts import TREC_LABELS

from prompt2model.records import OUT_OF_SCOPE

VALIDATION_SHARE, MOST_VALIDATION = 0.1, 1000
"""Share of the training rows that is kept for validation, and most rows; as the line does by default."""
SNLI_TEST = 300
"""Test rows of the SNLI task, which comes without a split; the same ones for every seed."""


@dataclass(frozen=True)
class Row:
    """A text and its label."""

    text: str
    label: str


@dataclass(frozen=True)
class LabelTask:
    """A task with a closed set of labels. `validation` is empty where the data has no rows of its own for it."""

    name: str
    instruction: str
    train: tuple[Row, ...]
    validation: tuple[Row, ...]
    test: tuple[Row, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels of the training rows, sorted."""
        return tuple(sorted({row.label for row in self.train}))

    def reduced(self, labels: int, train: int, test: int) -> LabelTask:
        """A small part for a smoke run: the first labels (out of scope among them), and so many rows."""
        kept = [*[label for label in self.labels if label != OUT_OF_SCOPE][:labels], OUT_OF_SCOPE]

        def some(rows: Iterable[Row], most: int) -> tuple[Row, ...]:
            own = [row for row in rows if row.label in kept]
            return tuple(random.Random(0).sample(own, min(most, len(own))))

        return LabelTask(
            self.name, self.instruction, some(self.train, train), some(self.validation, test), some(self.test, test)
        )


def load_task(name: str, data: Path) -> LabelTask:
    """One of the tasks from the folder of the benchmark data."""
    return _TASKS[name](data)


def split(task: LabelTask, rows: Sequence[Row], seed: int) -> tuple[list[Row], list[Row]]:
    """Training and validation rows: the task's own validation, or a share of each label drawn by seed.

    A label with five rows has one at least in validation, as in the line's own split.
    """
    rng = random.Random(f"{task.name}|validation|{seed}")
    if task.validation and rows == task.train:
        validation, train = list(task.validation), list(rows)
    else:
        share = min(VALIDATION_SHARE, MOST_VALIDATION / len(rows))
        validation, train = [], []
        for group in _by_label(rows).values():
            count = max(1 if len(group) >= 5 else 0, round(share * len(group)))
            rng.shuffle(group)
            validation += group[:count]
            train += group[count:]
    rng.shuffle(train)
    return train, validation


def few_rows(task: LabelTask, per_label: int, seed: int) -> list[Row]:
    """So many training rows of each label, or all of those it has, drawn by seed."""
    rng = random.Random(f"{task.name}|{per_label}|{seed}")
    drawn: list[Row] = []
    for group in _by_label(task.train).values():
        drawn += rng.sample(group, min(per_label, len(group)))
    rng.shuffle(drawn)
    return drawn


def _by_label(rows: Iterable[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.label, []).append(row)
    return dict(sorted(groups.items()))


def _trec6(data: Path) -> LabelTask:
    def rows(part: str) -> tuple[Row, ...]:
        return tuple(Row(row["text"], TREC_LABELS[row["label"]]) for row in _read(data, f"cls/trec6_{part}"))

    return LabelTask(
        "trec6", "Sort a question by the kind of answer that it asks for.", rows("train"), (), rows("test")
    )


def _banking77(data: Path) -> LabelTask:
    def rows(part: str) -> tuple[Row, ...]:
        return tuple(Row(row["text"], row["label"]) for row in _read(data, f"cls/banking77_{part}"))

    instruction = "Sort a message to a bank's help desk by what the customer wants."
    return LabelTask("banking77", instruction, rows("train"), (), rows("test"))


def _clinc150(data: Path) -> LabelTask:
    """150 intents and, as one label more, what belongs to none of them (arXiv 1909.02027)."""

    def rows(part: str) -> tuple[Row, ...]:
        inside = [Row(row["text"], row["label"]) for row in _read(data, f"cls/clinc150_{part}")]
        outside = [Row(row["text"], OUT_OF_SCOPE) for row in _read(data, f"cls/clinc150_oos_{part}")]
        return (*inside, *outside)

    instruction = "Sort what a user says to an assistant by what they want; out of scope if it is none of the labels."
    return LabelTask("clinc150", instruction, rows("train"), rows("val"), rows("test"))


def _snli(data: Path) -> LabelTask:
    """1,000 pairs of Super-NaturalInstructions' task190; this file has contradiction and neutral pairs only."""
    rows = [Row(row["input"], row["output"][0]) for row in _read(data, "superni/task190_snli_classification")[1:]]
    random.Random("snli-test").shuffle(rows)
    instruction = "Do the two sentences contradict each other (C), or can that not be determined (N)?"
    return LabelTask("snli", instruction, tuple(rows[:-SNLI_TEST]), (), tuple(rows[-SNLI_TEST:]))


_TASKS: dict[str, Callable[[Path], LabelTask]] = {
    "trec6": _trec6,
    "banking77": _banking77,
    "clinc150": _clinc150,
    "snli": _snli,
}
TASKS = tuple(_TASKS)


def _read(data: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]
