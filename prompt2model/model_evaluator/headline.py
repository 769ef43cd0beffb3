"""The report in one sentence, and the warnings that belong to it."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.records import MOST_TELLING, Comparison, Metric, TaskSpec, TestOrigin, TestSet

ORIGIN_WORDS: dict[TestOrigin, str] = {
    "gold": "test rows",
    "official": "official test rows",
    "held_out": "held-out test rows",
    "synthetic": "generated test rows",
}
"""How rows of each origin are called."""
_FEW_ROWS = 50
NOT_MEASURED = "Not measured: there is no test row. Give real ones with --examples FILE, 20 or more."


def main_test(tests: Sequence[TestSet]) -> TestSet | None:
    """The test that gives the headline: gold before official before held out before generated."""
    return min(tests, key=lambda test: MOST_TELLING.index(test.origin), default=None)


def main_metric(task: TaskSpec) -> str:
    """The metric of the headline."""
    return "chrf++" if task.kind == "generation" else "accuracy"


def headline(task: TaskSpec, comparisons: Sequence[Comparison], test: TestSet | None, always: str) -> str:
    """How good the student is on the main test, and the baselines beside it. `always`: the majority's answer."""
    lines = {line.role: line for line in comparisons if test is not None and line.test_set == test.name}
    student = lines.get("student")
    if test is None or student is None:
        return NOT_MEASURED
    others = []
    teacher = next((line for line in comparisons if line.role == "teacher" and is_part(line.test_set, test)), None)
    if teacher is not None:
        others.append(_teacher_part(task, teacher, student, comparisons))
    if (majority := lines.get("majority")) is not None:
        says, what = ("saying", "label") if task.kind == "classification" else ("writing", "answer")
        others.append(f"always {says} “{_short(always)}”, the most frequent training {what}, {_figure(task, majority)}")
    return f"{'; '.join([_student_part(task, student, test), *others])}."


def warnings(task: TaskSpec, tests: Sequence[TestSet], comparisons: Sequence[Comparison]) -> list[str]:
    """What a reader of the figures must know: synthetic rows, few rows, labels without a test row."""
    notes = []
    for test in tests:
        if test.origin == "synthetic":
            notes.append(
                f"The test “{test.name}” was written by the teacher, like the training rows: its figures say little "
                "about real inputs. Give 20 real rows or more with --examples FILE."
            )
        if len(test.rows) < _FEW_ROWS:
            notes.append(f"The test “{test.name}” has only {len(test.rows)} rows; mind the width of the intervals.")
        seen = {reference for row in test.rows for reference in row.references}
        if task.labels and (missing := [label for label in task.labels if label not in seen]):
            notes.append(f"No row of the test “{test.name}” has the label {_listed(missing)}.")
    whole = {test.name for test in tests}
    for line in comparisons:
        if line.role == "student" and line.test_set in whole and (lost := line.unparsed + sum(line.failed.values())):
            notes.append(
                f"{lost} of the student's {line.n} answers on “{line.test_set}” could not be used; all count as wrong."
            )
    return notes


def part_name(test: TestSet, count: int) -> str:
    """How a sample of a test is called; the test's own name when it is the whole test."""
    return test.name if count == len(test.rows) else f"{test.name}, {count} of {len(test.rows)}"


def is_part(name: str, test: TestSet) -> bool:
    """Whether a comparison's test is this one or a sample of it."""
    return name == test.name or (name.startswith(f"{test.name}, ") and name.endswith(f" of {len(test.rows)}"))


def main_figure(task: TaskSpec, line: Comparison) -> Metric:
    """The metric that the headline speaks of. Every comparison of the task has it."""
    return next(metric for metric in line.metrics if metric.name == main_metric(task))


def find_metric(line: Comparison, name: str) -> Metric | None:
    """A comparison's metric of that name."""
    return next((metric for metric in line.metrics if metric.name == name), None)


def percent(share: float, digits: int = 1) -> str:
    """A share as it stands in a sentence."""
    return f"{100 * share:.{digits}f} %"


def _student_part(task: TaskSpec, line: Comparison, test: TestSet) -> str:
    rows = f"{line.n} {ORIGIN_WORDS[test.origin]}"
    metric = main_figure(task, line)
    exact = find_metric(line, "exact_match")
    if task.kind != "generation":
        return (
            f"The small model answers {percent(metric.value)} of {rows} right "
            f"(95 % interval {100 * metric.low:.0f}–{percent(metric.high, 0)})"
        )
    same = f"; {percent(exact.value)} exactly as expected" if exact is not None else ""
    return (
        f"The small model's answers to {rows} reach ChrF++ {metric.value:.1f} of 100 "
        f"(95 % interval {metric.low:.0f}–{metric.high:.0f}{same})"
    )


def _teacher_part(task: TaskSpec, teacher: Comparison, student: Comparison, lines: Sequence[Comparison]) -> str:
    """The teacher's figure; where it saw fewer rows, with the student's on just these."""
    whose = "'s" if task.kind == "generation" else ""
    part = f"the teacher{whose} {_figure(task, teacher)}"
    same = next((line for line in lines if line.role == "student" and line.test_set == teacher.test_set), None)
    if teacher.n == student.n or same is None:
        return part
    rows = f"on {teacher.n} of them" if task.kind == "generation" else f"of the {teacher.n} it was asked"
    return f"{part} {rows} (there the small model{whose} {_figure(task, same)})"


def _figure(task: TaskSpec, line: Comparison) -> str:
    metric = main_figure(task, line)
    return f"{metric.value:.1f}" if task.kind == "generation" else percent(metric.value)


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39].rstrip()}…"


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(f"“{label}”" for label in labels[:6])
    return shown if len(labels) <= 6 else f"{shown} and {len(labels) - 6} more"
