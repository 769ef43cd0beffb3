"""Go, improve the prompt, or unlikely: what a few answers of the teacher say, and how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prompt2model.records import FeasibilityDecision, Metric, TaskSpec

STEADY = 0.9
"""Share of rows with the same answer twice below which a teacher wavers, as in the verdict of the evaluation."""
_FEW_ROWS = 20
_HALF_EXACT = 0.5


@dataclass(frozen=True)
class Evidence:
    """What the decision rests on.

    `agreement`: the teacher with the expected answers, in [0, 1], or ChrF++ in [0, 100] where text is written;
    `without_skill`: the same of an answer that takes no skill, which `instead` names. `wanted`: the figure that was
    asked for, in the unit of `agreement`. `unread`: answers that are none of the closed ones; `failed`: rows without
    an answer, by kind. `own_rows`: labelled rows at hand, where they are enough to learn from without a teacher.
    """

    task: TaskSpec
    agreement: Metric
    without_skill: float
    instead: str
    wanted: float | None = None
    exact_match: Metric | None = None
    self_agreement: Metric | None = None
    unread: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    own_rows: int = 0

    @property
    def needed(self) -> float:
        """The figure that the teacher must reach."""
        if self.wanted is not None:
            return self.wanted
        return ((100 if self.task.kind == "generation" else 1) + self.without_skill) / 2


def decide(evidence: Evidence) -> tuple[FeasibilityDecision, str]:
    """The decision, and the sentence that says what it rests on.

    Needed is `wanted`, else half way between an answer without skill (`without_skill`) and no mistake.

    `unlikely`: the teacher does worse than an answer without skill, or the whole 95 % interval lies below what is
    needed (written answers: below what is wanted).

    `improve_prompt`: the figure lies below what is needed, though the interval reaches it; written answers: the
    interval reaches down to an answer without skill; or a teacher of closed answers surely wavers: asked twice, the
    whole interval of its agreement with itself lies below .9. A student learns the wavering too.

    `go`: the figure reaches what is needed, or half of the written answers are exactly as expected. With few rows this
    is a first look, no proof: the interval says how sure.

    `unknown`: written answers between the two. Good titles may have few words in common with the expected ones, and bad
    dates many: a person has to look at them.
    """
    figure, said = evidence.agreement, _said(evidence)
    if figure.value < evidence.without_skill:
        return "unlikely", f"Unlikely to work as it is: {said}; {_floor(evidence)}."
    writes = evidence.task.kind == "generation"
    open_scale = writes and evidence.wanted is None
    if figure.high < evidence.needed and not open_scale:
        return "unlikely", f"Unlikely to work as it is: {said}; {_bar(evidence)}."
    if figure.value < evidence.needed and not open_scale:
        return "improve_prompt", f"Improve the prompt first: {said}; {_bar(evidence)}."
    if writes and figure.low <= evidence.without_skill:
        return "improve_prompt", f"Improve the prompt first: {said}, not surely more than no skill; {_floor(evidence)}."
    exact = evidence.exact_match.value if evidence.exact_match is not None else 0.0
    if figure.value < evidence.needed and exact < _HALF_EXACT:
        return "unknown", f"Look at its answers, for figures do not tell: {said}; {_floor(evidence)}."
    if (again := evidence.self_agreement) is not None and _wavers(evidence):
        return "improve_prompt", f"Improve the prompt first: {said}, but it wavers: {_twice(again)}."
    return "go", f"Go: {said}; {_bar(evidence)}."


def reasons(evidence: Evidence) -> tuple[str, ...]:
    """What is to know beside the figure."""
    lines = []
    if evidence.self_agreement is not None and not _wavers(evidence):
        lines.append(f"A{_twice(evidence.self_agreement)[1:]}.")
    if evidence.exact_match is not None:
        share = evidence.exact_match
        lines.append(f"{_percent(share.value)} of its answers are exactly as expected ({_interval(share, 100)} %).")
    if evidence.unread:
        lines.append(f"{evidence.unread} of its answers are none of the {_closed(evidence.task)}; they count as wrong.")
    if evidence.failed:
        kinds = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in evidence.failed.items())
        lines.append(f"Rows without an answer count as wrong ({kinds}).")
    if evidence.agreement.n < _FEW_ROWS:
        lines.append(f"{evidence.agreement.n} rows leave a wide interval; more test rows make it sure (--examples).")
    if evidence.own_rows:
        lines.append(
            f"There are {evidence.own_rows:,} labelled rows to learn from besides, so that the teacher matters less."
        )
    return tuple(lines)


def _wavers(evidence: Evidence) -> bool:
    again = evidence.self_agreement
    return evidence.task.kind != "generation" and again is not None and again.high < STEADY


def _said(evidence: Evidence) -> str:
    figure = evidence.agreement
    if evidence.task.kind == "generation":
        return (
            f"the teacher's answers to {figure.n} test rows reach ChrF++ {figure.value:.1f} of 100 (95 % interval "
            f"{_interval(figure, 1)})"
        )
    right = round(figure.value * figure.n)
    return (
        f"the teacher answers {right} of {figure.n} test rows as expected, {_percent(figure.value)} (95 % interval "
        f"{_interval(figure, 100)} %)"
    )


def _bar(evidence: Evidence) -> str:
    if evidence.wanted is not None:
        return f"{_amount(evidence, evidence.wanted)} is wanted"
    if evidence.task.kind == "generation":
        return _floor(evidence)
    floor = f"{evidence.instead} ({_percent(evidence.without_skill)})"
    return f"needed is {_percent(evidence.needed)}, half way between {floor} and no mistake"


def _floor(evidence: Evidence) -> str:
    return f"{evidence.instead} reaches {_amount(evidence, evidence.without_skill)}"


def _twice(again: Metric) -> str:
    return (
        f"asked twice, it gives the same answer to {_percent(again.value)} of {again.n} rows (95 % interval "
        f"{_interval(again, 100)} %)"
    )


def _closed(task: TaskSpec) -> str:
    return "labels" if task.labels else "choices"


def _amount(evidence: Evidence, value: float) -> str:
    return f"{value:.1f}" if evidence.task.kind == "generation" else _percent(value)


def _interval(metric: Metric, factor: int) -> str:
    return f"{factor * metric.low:.0f}–{factor * metric.high:.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
