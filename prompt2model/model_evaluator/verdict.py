"""Whether to ship the student: ship, ship with a fallback below a confidence, or not yet; with reasons and next steps.

Good enough means: on real test rows, the interval of the paired difference to the teacher stays above a margin; or the
interval of the student's own figure stays above what the person wants. What cannot be told is not shipped, but may be
shipped in part: from the confidence on that was chosen on validation rows, where enough requests lie above it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompt2model.model_evaluator.headline import main_figure, main_metric, percent
from prompt2model.model_evaluator.slices import worst
from prompt2model.records import (
    Ceilings,
    Comparison,
    PairedComparison,
    Role,
    RouterLine,
    Slice,
    StudentAnalysis,
    TaskSpec,
    TestSet,
    Verdict,
)
from prompt2model.statistics.verdict_words import sentence

LEAST_COVERAGE = 0.3
"""Share of the requests that a student must take above its confidence to be worth a fallback."""
_FEW_ROWS = 100
_MANY_DOUBTFUL = 0.05
_UNSTEADY = 0.9
_LARGE_GAP = 0.05
_REAL_ROWS = "Give real rows with their answers: --examples gold.csv, 20 at least, better 100."
_SIMPLE: Mapping[Role, str] = {
    "tfidf": "a logistic regression on words (--base-model tfidf)",
    "nearest": "the answer of the nearest training row",
    "majority": "always giving the same answer",
    "base": "the base model before training",
}

_OTHERWISE: Mapping[Role, str] = {
    "zero_shot": "the teacher without examples",
    "few_shot": "the teacher with examples",
}


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on: the student's line on the main test, and paired comparisons with the others by role."""

    task: TaskSpec
    test: TestSet
    student: Comparison
    pairs: Mapping[Role, PairedComparison]
    analysis: StudentAnalysis
    ceilings: Ceilings


NOTHING_MEASURED = Verdict("not_yet", "Not yet: nothing was measured, because there is no test row.", (), (_REAL_ROWS,))


def decide(evidence: Evidence, margin: float, wanted: float | None) -> Verdict:
    """`margin`: how far below the teacher may be, as a share of the scale; `wanted`: the figure that is good enough."""
    reasons = _reasons(evidence)
    steps = next_steps(evidence)
    if evidence.test.origin == "synthetic":
        why = "Not yet: the student was measured on generated rows only, which say little about real inputs."
        return Verdict("not_yet", why, reasons, steps)
    good, why = _good_enough(evidence, margin, wanted)
    if good:
        return Verdict("ship", f"Ship: {why}.", reasons, steps)
    line = _fallback(evidence)
    if line is not None and line.student is not None:
        taken = (
            f"Ship with a fallback below confidence {line.confidence:.3g}: above it lie "
            f"{percent(line.coverage.value)} of the test rows, of which {percent(line.student.value)} are answered "
            "right; the others go to the teacher"
        )
        words = f"{taken}. Alone it is not shown to be good enough: {why}."
        return Verdict("ship_with_fallback", words, reasons, steps)
    return Verdict("not_yet", f"Not yet: {why}.", reasons, steps)


def _good_enough(evidence: Evidence, margin: float, wanted: float | None) -> tuple[bool, str]:
    """Whether it is shown, and what decides it, in words."""
    task, student = evidence.task, evidence.student
    figure = main_figure(task, student)
    scale = 1.0 if main_metric(task) == "chrf++" else 100.0
    unit = "ChrF++" if main_metric(task) == "chrf++" else "%"
    if wanted is not None:
        goal = wanted * (100.0 / scale if scale == 1.0 else 1.0)
        line = f"{scale * figure.value:.1f} {unit} ({scale * figure.low:.1f} to {scale * figure.high:.1f})"
        target = f"{100 * wanted:.1f} {unit} are wanted"
        if figure.low >= goal:
            return True, f"{target}, and it reaches {line}"
        if figure.high < goal:
            return False, f"{target}, and it reaches only {line}"
        return False, f"{target}; it reaches {line}, which does not tell with {figure.n} rows"
    teacher = evidence.pairs.get("teacher")
    if teacher is None:
        return False, (
            "there is no teacher to compare with and no figure that is good enough; set evaluate.wanted, or name a "
            "--teacher"
        )
    allowed = margin * (100.0 if scale == 1.0 else 1.0)
    words = sentence(teacher, "the small model", "the teacher")
    if teacher.verdict == "better":
        return True, words
    if teacher.low >= -allowed:
        return True, f"{words}; no more than {100 * margin:g} points behind it, which is the margin"
    return False, f"{words}; it may be more than {100 * margin:g} points behind it, which is the margin"


def _fallback(evidence: Evidence) -> RouterLine | None:
    routing = evidence.analysis.routing
    if routing is None or routing.chosen is None or "teacher" not in evidence.pairs:
        return None
    line = next(one for one in routing.lines if one.confidence == routing.chosen)
    return line if line.coverage.value >= LEAST_COVERAGE and line.student is not None else None


def _reasons(evidence: Evidence) -> tuple[str, ...]:
    """The comparisons that matter beside the one that decides."""
    said = []
    for role, name in _SIMPLE.items():
        pair = evidence.pairs.get(role)
        if pair is not None and pair.verdict != "better":
            said.append(f"A plainer way may do as well: {sentence(pair, 'the small model', name)}.")
    for role, name in _OTHERWISE.items():
        pair = evidence.pairs.get(role)
        if pair is not None and pair.verdict == "worse":
            said.append(f"The teacher can do better: {sentence(pair, 'the small model', name)}.")
    return tuple(said)


def next_steps(evidence: Evidence) -> tuple[str, ...]:
    """What would help most, best first."""
    steps: list[str] = []
    student, test, ceilings = evidence.student, evidence.test, evidence.ceilings
    if test.origin == "synthetic":
        steps.append(_REAL_ROWS)
    teacher = evidence.pairs.get("teacher")
    if teacher is not None and teacher.verdict == "cannot_tell" and teacher.more_rows and test.origin != "synthetic":
        steps.append(f"More test rows: about {teacher.more_rows:,} in all would tell the two apart (--examples).")
    elif student.n < _FEW_ROWS and test.origin != "synthetic":
        steps.append(f"More test rows: {student.n} leave a wide interval (--examples).")
    weak = [one for one in worst(evidence.analysis.slices, main_figure(evidence.task, student)) if _told(one, evidence)]
    if weak:
        kinds = "; ".join(f"{one.kind} {one.name}" for one in weak)
        steps.append(f"More training rows of the kinds it is weak in: {kinds} (--data, --inputs or --generate).")
    if ceilings.asked and len(ceilings.suspects) >= _MANY_DOUBTFUL * ceilings.asked:
        steps.append(f"Look at the labels of {len(ceilings.suspects)} test rows that student and teacher both deny.")
    again = ceilings.self_agreement
    if again is not None and again.value < _UNSTEADY:
        steps.append(
            f"A clearer prompt: the teacher agrees with itself on {percent(again.value)} of the rows, and a student "
            "learns its wavering too."
        )
    gap = evidence.analysis.synthetic_gap
    if gap is not None and gap.low > 0 and gap.value >= _LARGE_GAP * (100 if gap.name.startswith("chrf") else 1):
        steps.append("Real inputs for the teacher to label (--inputs): it does clearly better on generated ones.")
    if teacher is not None and teacher.verdict == "worse":
        steps.append("A larger or another base model: --bake-off compares several on the same rows.")
    return tuple(steps)


def _told(one: Slice, evidence: Evidence) -> bool:
    """Whether a part is worse than the whole by more than chance explains."""
    return one.metric.high < main_figure(evidence.task, evidence.student).value


def verdict_lines(verdict: Verdict) -> Sequence[str]:
    """The verdict for a terminal."""
    return (
        verdict.sentence,
        *(f"  {line}" for line in verdict.reasons),
        *(f"  next: {line}" for line in verdict.next_steps),
    )
