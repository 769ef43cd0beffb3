"""The teacher as it is prompted in the run, with other examples in its prompt, and asked a second time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from prompt2model.labelling.calibration import choose_calibration
from prompt2model.labelling.few_shot import FewShotPredictor
from prompt2model.labelling.teacher_predictor import teacher_predictor
from prompt2model.records import Demonstration, Example, Role, TaskSpec
from prompt2model.teacher.client import ChatClient, is_scorer

_SHOTS = 8
_SECOND_TEMPERATURE = 0.7
_ASKED_AGAIN = 1


@dataclass(frozen=True)
class PromptedTeacher:
    """A way to ask the teacher. `role` is its line in the report."""

    role: Role
    predictor: Any


class PromptedTeachers:
    """What the teacher's prompts have in common; built of training rows only."""

    def __init__(self, client: ChatClient, task: TaskSpec, train: Sequence[Example], rng: Random, seed: int) -> None:
        self.client, self.task, self.train, self.seed = client, task, train, seed
        self.calibration = choose_calibration(
            (Demonstration(row.input, row.target) for row in train), task.labels, rng, task.demonstrations
        )
        self._rng = rng

    def as_prompted(self) -> PromptedTeacher:
        """As the task's own prompt has it."""
        return PromptedTeacher("teacher", self._with(None))

    def otherwise(self) -> PromptedTeacher | None:
        """Without the prompt's demonstrations (zero-shot); where it has none, with some training rows (few-shot).

        None where no training row came from people.
        """
        if self.task.demonstrations:
            return PromptedTeacher("zero_shot", self._with(()))
        shots = choose_shots(self.train, self._rng)
        return PromptedTeacher("few_shot", self._with(shots)) if shots else None

    def again(self) -> Any | None:
        """The teacher once more: at temperature 0.7, demonstrations in another order.

        None where the answer cannot differ: labels are scored, and there is one order at most.
        """
        if is_scorer(self.client) and (self.task.labels or self.task.kind == "multiple_choice"):
            if len(self.task.demonstrations) < 2:
                return None
            return teacher_predictor(self.client, self.task, calibration=self.calibration, seed=self.seed + 1)
        shown = list(self.task.demonstrations)
        Random(self.seed + 1).shuffle(shown)
        return FewShotPredictor(
            self.client, self.task, shown, temperature=_SECOND_TEMPERATURE, draw=_ASKED_AGAIN, purpose="label"
        )

    def _with(self, demonstrations: Sequence[Demonstration] | None) -> Any:
        return teacher_predictor(
            self.client, self.task, demonstrations=demonstrations, calibration=self.calibration, seed=self.seed
        )


def choose_shots(train: Sequence[Example], rng: Random) -> tuple[Demonstration, ...]:
    """At most eight training rows that no teacher wrote, of as many different answers as there are."""
    rows = sorted(
        (row for row in train if row.source.kind in ("user", "retrieved") and row.input.strip()), key=lambda row: row.id
    )
    rng.shuffle(rows)
    by_answer: dict[str, list[Example]] = {}
    for row in rows:
        by_answer.setdefault(row.target, []).append(row)
    drawn: list[Example] = []
    while len(drawn) < _SHOTS and any(by_answer.values()):
        for group in by_answer.values():
            if group and len(drawn) < _SHOTS:
                drawn.append(group.pop())
    return tuple(Demonstration(row.input, row.target) for row in drawn)
