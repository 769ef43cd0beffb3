"""The student on every test, beside the majority baseline and the prompted teacher, all measured by the same lines.

Reference: the evaluator of Prompt2Model (arXiv 2308.12261): exact match, ChrF++ and BERTScore; here with accuracy and
macro-F1 for closed labels, intervals, and baselines on the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from pydantic import Field

from prompt2model.artifacts import encode_record, load_timing, write_atomically
from prompt2model.component import Component, ComponentConfig, Estimate, RunContext
from prompt2model.errors import BudgetExceededError
from prompt2model.labelling import PROMPTS, choose_calibration, fastest_teacher, teacher_predictor
from prompt2model.model_evaluator.answers import (
    AnsweredRow,
    answered_row,
    item_of,
    predictions_name,
    save_answers,
    stored_answers,
)
from prompt2model.model_evaluator.headline import headline, main_test, part_name, warnings
from prompt2model.model_evaluator.measuring import Measurer
from prompt2model.model_evaluator.teacher_rows import TeacherRows, choose_samples, plan_teacher_rows, teacher_use
from prompt2model.model_evaluator.timing import WatchedTeacher, keep_timing, measure
from prompt2model.predictor import MajorityPredictor, Predictor, load_predictor
from prompt2model.records import (
    ChosenModel,
    Comparison,
    Demonstration,
    EvaluationReport,
    Example,
    Rows,
    TaskSpec,
    TestSet,
    TrainedModel,
)
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.speed import is_embedded

REPORT_FILE = "report.json"
SCHEMA_VERSION = 1
_TEACHER_SINGLES, _TEACHER_BATCH = 10, 64
"""Items on which the embedded teacher's speed is measured."""

Role = Literal["student", "teacher", "majority", "base"]


class ModelEvaluatorConfig(ComponentConfig):
    """What the student is compared with, and how sure the figures are."""

    compare_majority: bool = Field(True, description="Measure the most frequent training answer as a baseline.")
    compare_teacher: bool = Field(True, description="Let the prompted teacher answer test rows too.")
    max_teacher_rows: int = Field(200, ge=1, description="Most test rows that the teacher answers, all tests together.")
    teacher_seconds: float = Field(
        120.0, gt=0, description="Fewer rows when the teacher would take longer than this, estimated; in seconds."
    )
    bootstrap: int = Field(1000, ge=100, description="Resamples behind every 95 % interval.")
    bertscore: bool = Field(True, description="Measure BERTScore where text is written.")
    timing: bool = Field(True, description="Measure latency and throughput on this machine.")


@dataclass(frozen=True)
class EvaluatorInputs:
    """What the evaluator works on. `train` gives the majority baseline its answer and calibrates the
    teacher's scores, nothing else; `base_model` gives the report its notes."""

    task: TaskSpec
    tests: tuple[TestSet, ...]
    train: Rows
    trained: TrainedModel
    base_model: ChosenModel


class ModelEvaluator(Component[EvaluatorInputs, EvaluationReport]):
    """Measures the student; failed and unparsed answers count as wrong and are counted apart."""

    name = "evaluate"
    produces = "report"
    Config = ModelEvaluatorConfig
    Inputs = EvaluatorInputs
    Output = EvaluationReport
    prompts = PROMPTS
    version = 2
    config: ModelEvaluatorConfig

    def estimate(self, inputs: EvaluatorInputs, context: RunContext) -> Estimate:
        """The teacher's calls; the student's own answers cost next to nothing."""
        tests = [tuple(test.rows) for test in inputs.tests]
        client = _teacher(context) if self.config.compare_teacher else None
        makes = EvaluationReport(context.folder, "", (), inputs.trained.labels, ())
        seconds = sum(map(len, tests)) / 50
        if client is None or not any(map(len, tests)):
            return Estimate(seconds=seconds, makes=makes)
        plan = self._plan(client, inputs.task, tests)
        return Estimate(
            teacher=(teacher_use(client, inputs.task, tests, plan.rows),),
            seconds=seconds,
            assumptions=(f"the teacher answers {plan.rows:,} of {plan.wanted:,} test rows",),
            makes=makes,
        )

    def run(self, inputs: EvaluatorInputs, context: RunContext) -> EvaluationReport:
        """Raises RunFolderError when the student cannot be loaded, TeacherError when the teacher cannot be asked."""
        return _Evaluation(self.config, inputs, context).report()

    def _plan(self, client: ChatClient, task: TaskSpec, tests: Sequence[Sequence[Example]]) -> TeacherRows:
        return plan_teacher_rows(client, task, tests, self.config.max_teacher_rows, self.config.teacher_seconds)


class _Evaluation:
    """One run of the evaluator."""

    def __init__(self, config: ModelEvaluatorConfig, inputs: EvaluatorInputs, context: RunContext) -> None:
        self.config, self.inputs, self.context = config, inputs, context
        self.tests = [replace(test, rows=tuple(test.rows)) for test in inputs.tests if len(test.rows)]
        self.notes: list[str] = []
        self.comparisons: list[Comparison] = []
        self.measurer = Measurer(inputs.task, config.bootstrap, context.seed, config.bertscore, context.hub_allowed)

    def report(self) -> EvaluationReport:
        task = self.inputs.task
        student = load_predictor(self.inputs.trained.folder)
        answers = {"student": [self._on_test("student", student, test) for test in self.tests]}
        majority = self._majority()
        if majority is not None:
            answers["majority"] = [self._on_test("majority", majority, test) for test in self.tests]
        if self.tests and self.config.timing and "student" not in load_timing(self.context.folder):
            items = [item_of(row) for row in self.tests[0].rows]
            keep_timing(self.context.folder, "student", measure(student, items))
        self._compare_teacher(answers)
        main = main_test(self.tests)
        report = EvaluationReport(
            folder=self.context.folder,
            headline=headline(task, self.comparisons, main, majority.label if majority else ""),
            comparisons=tuple(self.comparisons),
            labels=self.inputs.trained.labels,
            notes=(
                *self.inputs.base_model.notes,
                *warnings(task, self.tests, self.comparisons),
                *self.notes,
                *self.measurer.notes,
            ),
        )
        write_atomically(self.context.folder / REPORT_FILE, _as_json(report))
        self.context.progress.say(f"  {report.headline}")
        return report

    def _majority(self) -> MajorityPredictor | None:
        if not self.config.compare_majority:
            return None
        if self.inputs.task.kind == "multiple_choice" and not self.inputs.trained.labels:
            self.notes.append("No majority baseline: every row has choices of its own.")
            return None
        return MajorityPredictor.fit(self.inputs.train, self.inputs.trained.labels)

    def _on_test(self, name: Role, predictor: Predictor, test: TestSet) -> list[AnsweredRow]:
        """The predictor's answers to all rows of a test, measured, kept, and entered as a comparison."""
        rows: tuple[Example, ...] = tuple(test.rows)
        path = predictions_name(name, test.name)
        answers = stored_answers(self.context.folder / path, rows) or self._ask(name, predictor, rows)
        self._enter(name, test, answers, path)
        return answers

    def _ask(self, name: Role, predictor: Any, rows: Sequence[Example]) -> list[AnsweredRow]:
        predictions = self.context.progress.track(
            predictor.predict([item_of(row) for row in rows]), f"{name} answers", len(rows)
        )
        labels = self.inputs.task.labels if name == "teacher" else self.inputs.trained.labels
        answers = [answered_row(row, said, labels) for row, said in zip(rows, predictions, strict=True)]
        return self.measurer.with_row_scores(answers, rows)

    def _enter(self, name: Role, test: TestSet, answers: Sequence[AnsweredRow], path: str, note: str = "") -> None:
        save_answers(self.context.folder / path, answers)
        self.comparisons.append(self.measurer.comparison(name, name, test, answers, path, note))

    def _compare_teacher(self, others: dict[str, list[list[AnsweredRow]]]) -> None:
        client = _teacher(self.context)
        if not self.config.compare_teacher or client is None or not self.tests:
            if self.tests and self.config.compare_teacher:
                self.notes.append("This run has no teacher, so the student is not compared with one.")
            return
        task, config = self.inputs.task, self.config
        tests: list[tuple[Example, ...]] = [tuple(test.rows) for test in self.tests]
        plan = plan_teacher_rows(client, task, tests, config.max_teacher_rows, config.teacher_seconds)
        samples = choose_samples(tests, plan, lambda number: self.context.rng("teacher rows", self.tests[number].name))
        calibration = choose_calibration(
            (Demonstration(row.input, row.target) for row in self.inputs.train),
            task.labels,
            self.context.rng("calibration"),
            task.demonstrations,
        )
        teacher: Any = teacher_predictor(client, task, calibration=calibration, seed=self.context.seed)
        watched = self._watched(client, teacher)
        for number, (test, rows) in enumerate(zip(self.tests, samples, strict=True)):
            if not rows:
                self.notes.append(f"The teacher answered no row of the test “{test.name}”: {plan.reason}.")
                continue
            part = _part(test, rows)
            try:
                self._teacher_on(watched or teacher, part, teacher.name)
            except BudgetExceededError as error:
                self.notes.append(f"The teacher is not compared on the test “{test.name}”: {error}.")
                continue
            if part is not test:
                self.notes.append(
                    f"The teacher answered {len(rows)} of the {len(test.rows)} rows of the test “{test.name}”, drawn "
                    f"at random: {plan.reason}. The others are compared with it on these rows too."
                )
                ids = {row.id for row in rows}
                for name, lines in others.items():
                    same = [line for line in lines[number] if line.id in ids]
                    self._enter(name, part, same, predictions_name(name, part.name), "on the teacher's rows")  # type: ignore[arg-type]
        self._time_teacher(client, watched)

    def _teacher_on(self, teacher: Any, part: TestSet, note: str) -> None:
        rows: tuple[Example, ...] = tuple(part.rows)
        path = predictions_name("teacher", part.name)
        answers = stored_answers(self.context.folder / path, rows) or self._ask("teacher", teacher, rows)
        self._enter("teacher", part, answers, path, note)

    def _watched(self, client: ChatClient, teacher: Predictor) -> WatchedTeacher | None:
        """An endpoint is timed while it answers the test's rows, where its ledger tells new answers from known ones."""
        if not self.config.timing or is_embedded(client) or not hasattr(client, "answered"):
            return None
        return WatchedTeacher(teacher, partial(getattr, client, "answered"))

    def _time_teacher(self, client: ChatClient, watched: WatchedTeacher | None) -> None:
        if not self.config.timing or "teacher" in load_timing(self.context.folder):
            return
        figures = watched.figures() if watched is not None else None
        if is_embedded(client):
            # Straight to the model: it costs nothing, and an answer from the ledger would look fast.
            bare = fastest_teacher(getattr(client, "inner", client), self.inputs.task)
            items = [item_of(row) for row in self.tests[0].rows]
            figures = measure(bare, items, _TEACHER_SINGLES, _TEACHER_BATCH)
        if figures is not None:
            keep_timing(self.context.folder, "teacher", {"model": client.model, **figures})


def _teacher(context: RunContext) -> ChatClient | None:
    """The teacher, None when the run has none."""
    return context.teachers.get("labeller") or context.teachers.get("teacher")


def _part(test: TestSet, rows: Sequence[Example]) -> TestSet:
    """The test itself when these are all its rows, else the sample as a test of its own."""
    return test if len(rows) == len(test.rows) else TestSet(part_name(test, len(rows)), test.origin, tuple(rows))


def _as_json(report: EvaluationReport) -> str:
    """The figures for other programs; no path, so that equal runs have equal files."""
    content = encode_record(report)
    del content["folder"]
    return json.dumps({"schema_version": SCHEMA_VERSION, **content}, ensure_ascii=False, indent=1) + "\n"
