"""The student on the main test, taken apart: parts, labels, confidence, and real rows against generated ones."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.languages import detect_language
from prompt2model.measures.answers import AnsweredRow
from prompt2model.model_evaluator.headline import main_metric, main_test
from prompt2model.model_evaluator.routing import calibration, routing
from prompt2model.model_evaluator.slices import label_figures, slices
from prompt2model.records import Comparison, Metric, StudentAnalysis, TaskSpec, TestSet

_UNKNOWN_LANGUAGE = "not told by the text"


def analyse(
    task: TaskSpec,
    labels: Sequence[str],
    test: TestSet,
    student: Sequence[AnsweredRow],
    validation: Sequence[AnsweredRow],
    teacher: Sequence[AnsweredRow],
    resamples: int,
    seed: int,
) -> StudentAnalysis:
    """`student` answered all rows of the test, `teacher` some of them, `validation` are the student's own there."""
    answered = list(zip(test.rows, student, strict=True))
    right = sum(line.outcome == "correct" for line in teacher)
    accuracy = right / len(teacher) if teacher and task.kind != "generation" else None
    return StudentAnalysis(
        slices=slices(task, answered, lambda text: detect_language(text, 2) or _UNKNOWN_LANGUAGE),
        labels=label_figures(labels, answered) if task.kind == "classification" else (),
        calibration=calibration(student, resamples, seed),
        routing=routing(validation, student, teacher, accuracy),
    )


def synthetic_gap(task: TaskSpec, tests: Sequence[TestSet], comparisons: Sequence[Comparison]) -> Metric | None:
    """The student's main figure on generated rows less that on real ones, with an interval for independent samples.

    Its ends: the distances of each figure to the ends of its own interval, added as squares (Newcombe, "Interval
    estimation for the difference between independent proportions", 1998). None unless both were measured.
    """
    real, made = main_test(tests), next((test for test in tests if test.origin == "synthetic"), None)
    if real is None or made is None or real.origin == "synthetic":
        return None
    name = main_metric(task)
    lines = {line.test_set: line for line in comparisons if line.role == "student"}
    ours, theirs = (
        next((metric for metric in lines[test.name].metrics if metric.name == name), None) for test in (made, real)
    )
    if ours is None or theirs is None:
        return None
    gap = ours.value - theirs.value
    low = gap - ((ours.value - ours.low) ** 2 + (theirs.high - theirs.value) ** 2) ** 0.5
    high = gap + ((ours.high - ours.value) ** 2 + (theirs.value - theirs.low) ** 2) ** 0.5
    return Metric(f"{name}_gap", round(gap, 6), round(low, 6), round(high, 6), ours.n + theirs.n, "newcombe")
