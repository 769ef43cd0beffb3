"""Which test rows the teacher answers before anything is generated: some of those that the evaluator asks it anyway.

An endpoint's answers to them are then in the ledger, and nothing is paid twice. A teacher that scores answers is
calibrated on other rows later, which costs no money and some time here: `seconds` bounds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.component import RunContext
from prompt2model.feasibility.config import FeasibilityConfig, FeasibilityInputs
from prompt2model.labelling import PromptedTeachers
from prompt2model.labelling.teacher_rows import rows_for_teacher, seconds_per_row
from prompt2model.records import MOST_TELLING, Example, TestSet
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.teacher.speed import is_embedded

LEAST_ROWS = 5
"""Fewer rows tell nothing."""
_MORE_ROWS = "give 20 or more with their answers: --examples FILE"


@dataclass(frozen=True)
class Sample:
    """The teacher with the rows that it answers; those of the main test are asked `twice`, as in the evaluation.

    `lack` says why there is none, and what to do.
    """

    rows: tuple[Example, ...] = ()
    twice: tuple[Example, ...] = ()
    teachers: PromptedTeachers | None = None
    lack: str = ""

    @property
    def calls(self) -> int:
        """Answers that are asked for, those that calibrate scores included."""
        scored = self.teachers is not None and is_scorer(self.teachers.client)
        calibrating = len(self.teachers.calibration) if self.teachers is not None and scored else 0
        return len(self.rows) + len(self.twice) + calibrating


def choose_sample(
    client: ChatClient | None, inputs: FeasibilityInputs, config: FeasibilityConfig, context: RunContext
) -> Sample:
    """Rows of the most telling tests, never of a generated one; fewer where a teacher that runs here is too slow."""
    if not config.rows:
        return Sample(lack="check_feasibility.rows is 0")
    if client is None:
        return Sample(lack="the run has no teacher")
    tests = sorted(
        (test for test in inputs.tests if test.origin != "synthetic" and len(test.rows)),
        key=lambda test: MOST_TELLING.index(test.origin),
    )
    total = sum(len(test.rows) for test in tests)
    if total < LEAST_ROWS:
        many = "no test row" if not total else f"only {total} test row{'s' if total > 1 else ''}"
        return Sample(lack=f"there is {many}; {_MORE_ROWS}")
    most = min(config.rows, config.max_teacher_rows)
    if most < LEAST_ROWS:
        return Sample(lack=f"{most} rows tell nothing; let check_feasibility.rows be {LEAST_ROWS} or more")
    teachers, most = _affordable(client, inputs, _drawn(tests, most, context), config.seconds, context)
    if most < LEAST_ROWS:
        return Sample(
            lack=f"{LEAST_ROWS} test rows would take {client.model} longer than {config.seconds:g} seconds; raise "
            "check_feasibility.seconds"
        )
    rows = _drawn(tests, most, context)
    if inputs.task.kind != "multiple_choice" and len({row.target for row in rows}) == 1:
        return Sample(lack=f"all {len(rows)} test rows have the same answer ({rows[0].target}); {_MORE_ROWS}")
    again = teachers.again() is not None
    return Sample(rows, rows[: min(most, len(tests[0].rows))] if again else (), teachers)


def _drawn(tests: Sequence[TestSet], most: int, context: RunContext) -> tuple[Example, ...]:
    """At most so many rows, test by test."""
    drawn: list[Example] = []
    for test in tests:
        drawn += rows_for_teacher(test, min(len(test.rows), most - len(drawn)), context)
    return tuple(drawn)


def _affordable(
    client: ChatClient,
    inputs: FeasibilityInputs,
    rows: tuple[Example, ...],
    seconds: float,
    context: RunContext,
) -> tuple[PromptedTeachers, int]:
    """The teacher and how many of the rows it may answer. Its calibration is left out where no time is left for it."""
    task, scores = inputs.task, is_scorer(client)
    calibrating = tuple(inputs.available) if scores and inputs.task.labels else ()
    for train in (calibrating, ()):
        teachers = PromptedTeachers(client, task, train, context.rng("calibration"), context.seed)
        if not is_embedded(client):
            return teachers, len(rows)
        answers = int(seconds / seconds_per_row(client, task, rows)) - (len(teachers.calibration) if scores else 0)
        most = min(len(rows), answers // (2 if teachers.again() is not None else 1))
        if most >= LEAST_ROWS:
            break
    return teachers, most
