"""The part of the report page that takes the student apart: weak parts, labels, confidence, and what bounds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompt2model.model_evaluator.headline import main_metric, percent
from prompt2model.model_evaluator.page_results import MainAnswers, ShownAnswer, figure_texts, shown
from prompt2model.model_evaluator.slices import worst
from prompt2model.records import (
    Ceilings,
    EvaluationReport,
    JudgeResult,
    LabelFigures,
    Metric,
    RouterLine,
    Routing,
    Slice,
    StudentAnalysis,
    TaskSpec,
)

_SUSPECTS = 10


@dataclass(frozen=True, slots=True)
class WeakPart:
    """One of the worst parts of the test, with some answers of it."""

    kind: str
    name: str
    n: int
    figure: str
    interval: str
    sure: bool
    examples: tuple[ShownAnswer, ...]


def weak_parts(analysis: StudentAnalysis, whole: Metric | None, answers: MainAnswers | None) -> list[WeakPart]:
    """The three worst parts. `sure`: the part's interval lies below the figure of the whole."""
    if whole is None or answers is None:
        return []
    pairs = {row.id: (row, answer) for row, answer in answers.pairs}
    return [
        WeakPart(
            one.kind,
            one.name,
            one.metric.n,
            *figure_texts(one.metric),
            one.metric.high < whole.value,
            tuple(shown(*pairs[row]) for row in one.wrong if row in pairs),
        )
        for one in worst(analysis.slices, whole)
    ]


def parts_table(parts: Sequence[Slice]) -> list[tuple[str, str, int, str, str]]:
    """(kind, name, rows, figure, interval) of every part."""
    return [(one.kind, one.name, one.metric.n, *figure_texts(one.metric)) for one in parts]


def labels_table(labels: Sequence[LabelFigures]) -> list[tuple[str, int, tuple[str, str], tuple[str, str]]]:
    """(label, rows, precision, recall), the figures with their intervals, the lowest recall first."""
    ordered = sorted(labels, key=lambda one: (one.recall is None, one.recall.value if one.recall else 0.0))
    return [(one.label, one.rows, _texts(one.precision), _texts(one.recall)) for one in ordered]


def router_table(routing: Routing | None) -> list[dict[str, Any]]:
    """The lines of the router's table; the chosen confidence is marked."""
    if routing is None:
        return []
    return [
        {
            "confidence": f"{line.confidence:.3g}",
            "chosen": line.confidence == routing.chosen,
            "coverage": _texts(line.coverage),
            "student": _texts(line.student),
            "teacher": _texts(line.teacher),
            "teacher_rows": line.teacher.n if line.teacher else 0,
        }
        for line in routing.lines
    ]


def router_sentence(routing: Routing | None) -> str:
    """What the chosen confidence means, in words."""
    if routing is None:
        return ""
    line = chosen_line(routing)
    if line is None:
        return (
            "On the validation rows there is no confidence from which on the small model is as good as the teacher is "
            "on the test (or there is no teacher): nothing can be left to it by confidence alone."
        )
    beside = f", where the teacher is right in {percent(line.teacher.value)}" if line.teacher else ""
    right = f" and is right in {percent(line.student.value)} of them{beside}" if line.student else ""
    return (
        f"From a confidence of {line.confidence:.3g} on, which was chosen on validation rows, the small model takes "
        f"{percent(line.coverage.value)} of the test rows{right}. The others would go to the teacher."
    )


def chosen_line(routing: Routing) -> RouterLine | None:
    """The line of the chosen confidence."""
    return next((line for line in routing.lines if line.confidence == routing.chosen), None)


def bounds(task: TaskSpec, report: EvaluationReport) -> list[str]:
    """Sentences on what bounds the figures: the teacher's own agreement, doubtful labels, generated rows."""
    return [
        text
        for text in (
            _judged(report.judge),
            _agreement(report.ceilings.self_agreement),
            _doubtful(report.ceilings),
            _gap(task, report.analysis.synthetic_gap),
        )
        if text
    ]


def suspects(ceilings: Ceilings, answers: MainAnswers | None) -> list[ShownAnswer]:
    """Some rows on which student and teacher agree against the label."""
    if answers is None:
        return []
    pairs = {row.id: (row, answer) for row, answer in answers.pairs}
    return [shown(*pairs[row]) for row in ceilings.suspects[:_SUSPECTS] if row in pairs]


def _agreement(metric: Metric | None) -> str:
    if metric is None:
        return ""
    value, interval = figure_texts(metric)
    return (
        f"Asked twice, the teacher gives the same answer to {value} of {metric.n} rows ({interval}): a student that "
        "learns from its answers can hardly agree with it more often."
    )


def _judged(result: JudgeResult | None) -> str:
    if result is None:
        return ""
    said = (
        f"{result.model} judged {result.n} pairs of answers: the small model's was better {result.won} times, the "
        f"teacher's {result.lost} times, neither {result.tied} times"
    )
    unread = f", and {result.unread} replies could not be read" if result.unread else ""
    if result.agreement is None:
        return f"{said}{unread}."
    value, interval = figure_texts(result.agreement)
    return f"{said}{unread}. With the places of the answers swapped it said the same in {value} ({interval})."


def _doubtful(ceilings: Ceilings) -> str:
    if not ceilings.suspects:
        return ""
    count = len(ceilings.suspects)
    return (
        f"On {count} of the {ceilings.asked} rows that both answered, the small model and the teacher agree on another "
        f"answer than the test's ({percent(count / ceilings.asked)}). Some of these labels may be wrong; look at them."
    )


def _gap(task: TaskSpec, gap: Metric | None) -> str:
    if gap is None:
        return ""
    unit, scale = ("ChrF++", 1) if main_metric(task) == "chrf++" else ("points", 100)
    value, low, high = (scale * number for number in (gap.value, gap.low, gap.high))
    lead = "better" if value > 0 else "worse"
    return (
        f"On generated rows the small model looks {abs(value):.1f} {unit} {lead} than on the real ones "
        f"(95 % interval of the difference {low:+.1f} to {high:+.1f})."
    )


def _texts(metric: Metric | None) -> tuple[str, str]:
    return ("", "") if metric is None else figure_texts(metric)


def content(
    task: TaskSpec, report: EvaluationReport, whole: Metric | None, answers: MainAnswers | None
) -> Mapping[str, Any]:
    """What the template shows of all this."""
    from prompt2model.model_evaluator.page_figures import calibration_picture

    analysis = report.analysis
    return {
        "weak_parts": weak_parts(analysis, whole, answers),
        "parts": parts_table(analysis.slices),
        "label_table": labels_table(analysis.labels),
        "calibration": analysis.calibration,
        "calibration_error": _texts(analysis.calibration.error if analysis.calibration else None),
        "calibration_picture": calibration_picture(analysis.calibration) if analysis.calibration else "",
        "router": router_table(analysis.routing),
        "router_sentence": router_sentence(analysis.routing),
        "bounds": bounds(task, report),
        "suspects": suspects(report.ceilings, answers),
    }
