"""How good predictors are on the same rows, where the student fails, how sure it is, and whether to ship it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompt2model.records.answers import Metric
from prompt2model.records.data import TestOrigin

SliceKind = Literal["label", "length", "source", "language", "confidence"]
Role = Literal["student", "teacher", "zero_shot", "few_shot", "base", "tfidf", "nearest", "majority"]
"""What a predictor is in a comparison. `teacher` is prompted as the run prompts it; `zero_shot` and `few_shot` are the
same model with other examples in its prompt; `base` is the student's base model before training."""


@dataclass(frozen=True, slots=True)
class PairedComparison:
    """One predictor against another on the same `n` rows, by the metric `name`.

    `difference` is the one's figure less the other's, with its 95 % interval, in the metric's unit; `p` is two-sided.
    The one is `better` or `worse` where p is below .05 and the interval leaves out 0; elsewhere the rows `cannot_tell`
    and the interval holds 0. Then `more_rows` is about how many rows in all would tell a difference as large as the
    one seen, four times in five; None where no difference is seen, or the verdict stands already.
    """

    name: str
    n: int
    difference: float
    low: float
    high: float
    p: float
    verdict: Literal["better", "worse", "cannot_tell"]
    more_rows: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one predictor did on one test set. correct + wrong + unparsed + failed = n."""

    predictor: str
    role: Role
    test_set: str
    test_origin: TestOrigin
    n: int
    metrics: tuple[Metric, ...]
    correct: int
    wrong: int
    unparsed: int
    failed: Mapping[str, int]
    predictions: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What bounds a student's figures from above, on the main test.

    `self_agreement`: of how many rows the teacher gives the same answer twice. `suspects`: ids of rows on which student
    and teacher agree on another answer than the row's, of `asked` that both answered; some of these are wrong labels.
    """

    self_agreement: Metric | None = None
    suspects: tuple[str, ...] = ()
    asked: int = 0


@dataclass(frozen=True, slots=True)
class JudgeResult:
    """The student's answers against another's, judged by a language model with the places swapped.

    `won`, `lost` and `tied` with `unread` (no reply that can be read) make `n`. `agreement`: how often both orders say
    the same; `wins`: the student's share of the pairs that one of the two won.
    """

    model: str
    other: Role
    n: int
    won: int
    lost: int
    tied: int
    unread: int
    agreement: Metric | None
    wins: Metric | None


@dataclass(frozen=True, slots=True)
class Slice:
    """The student on test rows that share something. `wrong` are ids of some rows that it answers wrong."""

    kind: SliceKind
    name: str
    metric: Metric
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label: of its `rows` how many are found (recall), of the answers that say it how many are right (precision).

    None where the label has no row, or is never answered.
    """

    label: str
    rows: int
    precision: Metric | None
    recall: Metric | None


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Answers with a confidence in (low, high]: their number, mean confidence, and the share that is right."""

    low: float
    high: float
    n: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence is from the share of right answers: `error` is the expected calibration error (ECE)."""

    bins: tuple[CalibrationBin, ...]
    error: Metric


@dataclass(frozen=True, slots=True)
class RouterLine:
    """What happens if the student answers from this confidence on, and the teacher below.

    `coverage` is the student's share of the test rows, `student` its accuracy on these, `teacher` that of the teacher
    on those of them that it was asked; both None where there is no such row.
    """

    confidence: float
    coverage: Metric
    student: Metric | None
    teacher: Metric | None


@dataclass(frozen=True, slots=True)
class Routing:
    """`chosen`: the lowest confidence from which on the student is as good on validation rows as the teacher is on the
    test; None where there is none. `lines`: fixed confidences, and the chosen one, on the test.
    """

    chosen: float | None
    lines: tuple[RouterLine, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to ship the student, in words, with the reasons and the best next steps, most telling first."""

    decision: Literal["ship", "ship_with_fallback", "not_yet"]
    sentence: str
    reasons: tuple[str, ...]
    next_steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StudentAnalysis:
    """The student on the main test, taken apart. `synthetic_gap`: its figure on generated rows less that on real ones.

    Each part is empty or None where the task, the answers or the rows do not give it.
    """

    slices: tuple[Slice, ...] = ()
    labels: tuple[LabelFigures, ...] = ()
    calibration: Calibration | None = None
    routing: Routing | None = None
    synthetic_gap: Metric | None = None


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """Every predictor on the same rows. `folder` holds report.json, predictions and timing.json.

    Latencies are in timing.json, apart from the metrics, because they are the only part that may differ between
    two runs of the same config.
    """

    folder: Path
    headline: str
    comparisons: tuple[Comparison, ...]
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    analysis: StudentAnalysis = StudentAnalysis()
    ceilings: Ceilings = Ceilings()
    judge: JudgeResult | None = None
    verdict: Verdict | None = None
