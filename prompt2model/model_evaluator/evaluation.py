"""One evaluation: every predictor on the same rows, measured, kept, and compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

from prompt2model.artifacts import encode_record, load_timing, write_atomically
from prompt2model.component import RunContext
from prompt2model.errors import BudgetExceededError
from prompt2model.labelling import PromptedTeacher, PromptedTeachers, fastest_teacher
from prompt2model.labelling.teacher_rows import (
    choose_samples,
    plan_teacher_rows,
    rows_for_teacher,
    sample_rows,
    share_rows,
    teacher_of,
)
from prompt2model.measures.answers import (
    AnsweredRow,
    answered_row,
    item_of,
    load_answers,
    predictions_name,
    save_answers,
    stored_answers,
)
from prompt2model.measures.self_agreement import self_agreement
from prompt2model.measures.timing import WatchedTeacher, keep_timing, measure
from prompt2model.model_evaluator.analysis import analyse, synthetic_gap
from prompt2model.model_evaluator.baselines import BASELINES, Baselines
from prompt2model.model_evaluator.ceilings import suspect_labels
from prompt2model.model_evaluator.config import EvaluatorInputs, ModelEvaluatorConfig
from prompt2model.model_evaluator.headline import headline, is_part, main_test, part_name, warnings
from prompt2model.model_evaluator.judge import judge_pairs
from prompt2model.model_evaluator.measuring import Measurer
from prompt2model.model_evaluator.paired import compare_stored
from prompt2model.model_evaluator.user_check import UserCheck
from prompt2model.model_evaluator.verdict import NOTHING_MEASURED, Evidence, decide
from prompt2model.predictor import Predictor, load_predictor
from prompt2model.records import (
    Ceilings,
    ChosenModel,
    Comparison,
    EvaluationReport,
    Example,
    JudgeResult,
    PairedComparison,
    Role,
    StudentAnalysis,
    TestSet,
    Verdict,
)
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.speed import is_embedded

REPORT_FILE = "report.json"
SCHEMA_VERSION = 2
_TEACHER_SINGLES, _TEACHER_BATCH = 10, 64
"""Items on which the embedded teacher's speed is measured."""
_ENOUGH = 5
"""Answers below which it says nothing that all are equal."""
_MOST_VALIDATION = 1000
"""Validation rows that the student answers, so that a confidence can be chosen."""
_TEACHERS: tuple[Role, ...] = ("teacher", "zero_shot", "few_shot")


class Evaluation:
    """One run of the evaluator."""

    def __init__(self, config: ModelEvaluatorConfig, inputs: EvaluatorInputs, context: RunContext) -> None:
        self.config, self.inputs, self.context = config, inputs, context
        self.tests = [replace(test, rows=tuple(test.rows)) for test in inputs.tests if len(test.rows)]
        self.notes: list[str] = []
        self.comparisons: list[Comparison] = []
        self.baselines = Baselines(
            inputs.task,
            tuple(inputs.train),
            inputs.trained.labels,
            ChosenModel(inputs.trained.base, inputs.trained.family, (), {}),
            lambda name: context.rng("baseline", name),
        )
        self.whole: dict[Role, list[list[AnsweredRow]]] = {}
        """Answers to all rows of each test, by role."""
        self.ceilings = Ceilings()
        self.judged: JudgeResult | None = None
        self.measurer = Measurer(
            inputs.task,
            config.bootstrap,
            context.seed,
            config.bertscore,
            context.hub_allowed,
            UserCheck(config.check) if config.check else None,
        )

    def report(self) -> EvaluationReport:
        task = self.inputs.task
        student = load_predictor(self.inputs.trained.folder)
        self.whole["student"] = [self._on_test("student", student, test) for test in self.tests]
        self._note_one_answer()
        wanted = [role for role in BASELINES if self.tests and getattr(self.config, f"compare_{role}")]
        made = self.baselines.make(wanted)
        for role, predictor in made.items():
            if role not in self.baselines.slow:
                self.whole[role] = [self._on_test(role, predictor, test) for test in self.tests]
        if self.tests and self.config.timing and "student" not in load_timing(self.context.folder):
            items = [item_of(row) for row in self.tests[0].rows]
            keep_timing(self.context.folder, "student", measure(student, items))
        samples = self._compare_teacher()
        if "base" in made and "base" in self.baselines.slow:
            self._on_samples(made["base"], samples)
        main = main_test(self.tests)
        analysis = StudentAnalysis() if main is None else self._analysis(student, main)
        verdict = NOTHING_MEASURED if main is None else self._verdict(main, analysis)
        majority = getattr(made.get("majority"), "label", "")
        report = EvaluationReport(
            folder=self.context.folder,
            headline=headline(task, self.comparisons, main, majority),
            comparisons=tuple(self.comparisons),
            labels=self.inputs.trained.labels,
            notes=(
                *self.inputs.base_model.notes,
                *self.baselines.notes,
                *warnings(task, self.tests, self.comparisons),
                *self.notes,
                *self.measurer.notes,
            ),
            analysis=analysis,
            ceilings=self.ceilings,
            judge=self.judged,
            verdict=verdict,
        )
        write_atomically(self.context.folder / REPORT_FILE, _as_json(report))
        self.context.progress.say(f"  {report.headline}")
        self.context.progress.say(f"  {verdict.sentence}")
        return report

    def _note_one_answer(self) -> None:
        """A student that always says the same has learned nothing, however good its figure."""
        for test, answers in zip(self.tests, self.whole["student"], strict=True):
            said = {line.text for line in answers if line.text}
            if len(answers) >= _ENOUGH and len(said) == 1:
                self.notes.append(f"The small model gives every row of the test “{test.name}” the same answer.")

    def _analysis(self, student: Predictor, main: TestSet) -> StudentAnalysis:
        held: tuple[Example, ...] = tuple(islice(self.inputs.validation, _MOST_VALIDATION))
        path = self.context.folder / predictions_name("student", "validation")
        answers = (stored_answers(path, held) or self._ask("student", student, held)) if held else []
        if held:
            save_answers(path, answers)
        line = next((one for one in self.comparisons if one.role == "teacher" and is_part(one.test_set, main)), None)
        teacher = [] if line is None else list(load_answers(self.context.folder / line.predictions))
        analysis = analyse(
            self.inputs.task,
            self.inputs.trained.labels,
            main,
            self.whole["student"][self.tests.index(main)],
            answers,
            teacher,
            self.config.bootstrap,
            self.context.seed,
        )
        return replace(analysis, synthetic_gap=synthetic_gap(self.inputs.task, self.tests, self.comparisons))

    def _verdict(self, main: TestSet, analysis: StudentAnalysis) -> Verdict:
        lines = [line for line in self.comparisons if is_part(line.test_set, main)]
        students = {line.test_set: line for line in lines if line.role == "student"}
        task, folder, rows = self.inputs.task, self.context.folder, tuple(main.rows)
        pairs: dict[Role, PairedComparison] = {
            # The last line of a role is the one on the fewest rows, the teacher's.
            line.role: compare_stored(task, rows, folder, students[line.test_set], line)
            for line in lines
            if line.role != "student" and line.test_set in students
        }
        evidence = Evidence(task, main, students[main.name], pairs, analysis, self.ceilings)
        return decide(evidence, self.config.margin, self.config.wanted)

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
        labels = self.inputs.task.labels if name in _TEACHERS else self.inputs.trained.labels
        answers = [answered_row(row, said, labels) for row, said in zip(rows, predictions, strict=True)]
        return self.measurer.with_row_scores(answers, rows)

    def _enter(self, name: Role, test: TestSet, answers: Sequence[AnsweredRow], path: str, note: str = "") -> None:
        save_answers(self.context.folder / path, answers)
        self.comparisons.append(self.measurer.comparison(name, name, test, answers, path, note))

    def _compare_teacher(self) -> list[list[Example]]:
        """The teacher, prompted in several ways, on a sample of each test; the rows that it was asked."""
        client = teacher_of(self.context)
        if not self.config.compare_teacher or client is None or not self.tests:
            if self.tests and self.config.compare_teacher:
                self.notes.append("This run has no teacher, so the student is not compared with one.")
            return []
        task, config = self.inputs.task, self.config
        tests: list[tuple[Example, ...]] = [tuple(test.rows) for test in self.tests]
        plan = plan_teacher_rows(client, task, tests, config.max_teacher_rows, config.teacher_seconds)
        samples = choose_samples(self.tests, plan, self.context)
        ways = PromptedTeachers(
            client, task, tuple(self.inputs.train), self.context.rng("calibration"), self.context.seed
        )
        prompted = ways.as_prompted()
        watched = self._watched(client, prompted.predictor)
        for number, (test, rows) in enumerate(zip(self.tests, samples, strict=True)):
            if not rows:
                self.notes.append(f"The teacher answered no row of the test “{test.name}”: {plan.reason}.")
                continue
            part = _part(test, rows)
            try:
                answers = self._teacher_on(prompted, part, watched)
            except BudgetExceededError as error:
                self.notes.append(f"The teacher is not compared on the test “{test.name}”: {error}.")
                continue
            if part is not test:
                self.notes.append(
                    f"The teacher answered {len(rows)} of the {len(test.rows)} rows of the test “{test.name}”, drawn "
                    f"at random: {plan.reason}. The others are compared with it on these rows too."
                )
                self._others_on(part, number)
            if test is main_test(self.tests):
                self._teacher_again(ways, test, part, answers)
                self._judge(client, part, answers)
        self._time_teacher(client, watched)
        return samples

    def _teacher_on(self, way: PromptedTeacher, part: TestSet, watched: Any = None) -> list[AnsweredRow]:
        rows: tuple[Example, ...] = tuple(part.rows)
        path = predictions_name(way.role, part.name)
        answers = stored_answers(self.context.folder / path, rows) or self._ask(
            way.role, watched or way.predictor, rows
        )
        self._enter(way.role, part, answers, path, way.predictor.name)
        return answers

    def _teacher_again(
        self, ways: PromptedTeachers, main: TestSet, part: TestSet, first: Sequence[AnsweredRow]
    ) -> None:
        """On the rows of the main test: other examples in the prompt, and once more for the teacher's own agreement."""
        student = {line.id: line for line in self.whole["student"][self.tests.index(main)]}
        rows: tuple[Example, ...] = tuple(part.rows)
        suspects = suspect_labels(rows, [student[line.id] for line in first], first)
        self.ceilings = replace(self.ceilings, suspects=suspects, asked=len(rows))
        try:
            if self.config.compare_shots and (way := ways.otherwise()) is not None:
                self._teacher_on(way, part)
            if (again := ways.again()) is not None and self.config.self_agreement_rows:
                some = rows_for_teacher(main, min(len(rows), self.config.self_agreement_rows), self.context)
                path = self.context.folder / predictions_name("teacher again", part.name)
                second = stored_answers(path, some) or self._ask("teacher", again, some)
                save_answers(path, second)
                said = {line.id: line for line in first}
                found = self_agreement(self.inputs.task.kind, [said[row.id] for row in some], second)
                self.ceilings = replace(self.ceilings, self_agreement=found)
        except BudgetExceededError as error:
            self.notes.append(f"The teacher was not asked a second time: {error}.")

    def _judge(self, teacher: ChatClient, part: TestSet, theirs: Sequence[AnsweredRow]) -> None:
        if not self.config.judge:
            return
        client = self.context.teachers.get("judge") or teacher
        some = tuple(part.rows)[: self.config.judge_rows]
        ours = {line.id: line for line in self.whole["student"][self.tests.index(main_test(self.tests))]}  # type: ignore[arg-type]
        try:
            self.judged = judge_pairs(
                client, self.inputs.task, some, [ours[row.id] for row in some], theirs[: len(some)], "teacher"
            )
        except BudgetExceededError as error:
            self.notes.append(f"No answer was judged: {error}.")

    def _others_on(self, part: TestSet, number: int) -> None:
        """Enter what the others answered to the rows of a sample."""
        ids = {row.id for row in part.rows}
        for role, lines in self.whole.items():
            same = [line for line in lines[number] if line.id in ids]
            self._enter(role, part, same, predictions_name(role, part.name), "on the teacher's rows")

    def _on_samples(self, predictor: Predictor, samples: Sequence[Sequence[Example]]) -> None:
        """A slow predictor on the teacher's rows; on a sample of its own where there is no teacher."""
        if not samples:
            shares = share_rows([len(test.rows) for test in self.tests], self.config.max_base_rows)
            samples = [
                sample_rows(tuple(test.rows), share, self.context.rng("base rows", test.name))
                for test, share in zip(self.tests, shares, strict=True)
            ]
        for number, (test, rows) in enumerate(zip(self.tests, samples, strict=True)):
            some = rows[: self.config.max_base_rows]
            if not some:
                continue
            part = _part(test, some)
            known = {line.test_set for line in self.comparisons}
            path = predictions_name("base", part.name)
            answers = stored_answers(self.context.folder / path, some) or self._ask("base", predictor, some)
            self._enter("base", part, answers, path)
            if part.name not in known:
                self._others_on(part, number)

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


def _part(test: TestSet, rows: Sequence[Example]) -> TestSet:
    """The test itself when these are all its rows, else the sample as a test of its own."""
    return test if len(rows) == len(test.rows) else TestSet(part_name(test, len(rows)), test.origin, tuple(rows))


def _as_json(report: EvaluationReport) -> str:
    """The figures for other programs; no path, so that equal runs have equal files."""
    content = encode_record(report)
    del content["folder"]
    return json.dumps({"schema_version": SCHEMA_VERSION, **content}, ensure_ascii=False, indent=1) + "\n"
