"""The part of the report page that comes from the evaluation: figures, verdicts, confusions, single answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.measures.answers import AnsweredRow, load_answers
from prompt2model.model_evaluator.headline import (
    ORIGIN_WORDS,
    find_metric,
    is_part,
    main_figure,
    main_metric,
    main_test,
    percent,
)
from prompt2model.model_evaluator.paired import compare_stored
from prompt2model.records import Comparison, Dataset, EvaluationReport, Example, Metric, TaskSpec, TestSet
from prompt2model.statistics.verdict_words import sentence

METRIC_WORDS = {
    "accuracy": "Accuracy",
    "macro_f1": "Macro-F1",
    "exact_match": "Exact match",
    "exact_match_normalised": "Exact match, normalised",
    "chrf++": "ChrF++",
    "rouge_l": "ROUGE-L",
    "token_f1": "Token F1",
    "bertscore_f1": "BERTScore F1",
    "passes": "Passes your check",
}
ROLE_WORDS = {
    "student": "Small model",
    "teacher": "Teacher, prompted",
    "zero_shot": "Teacher, without examples",
    "few_shot": "Teacher, with examples",
    "base": "Base model, untrained",
    "tfidf": "Words, linear (TF-IDF)",
    "nearest": "Nearest training row",
    "majority": "Always the same answer",
}
MATRIX_LABELS = 30
"""Most labels of a confusion matrix; with more, the most confused pairs are listed."""
_PAIRS = 15
_SHOWN = 10
_LONGEST = 420
"""Letters of a text that the page shows."""
_TONES = {"better": "good", "worse": "bad", "cannot_tell": "open"}
NO_LABEL = "no usable answer"
OTHER_LABEL = "another label"


@dataclass(frozen=True, slots=True)
class Whisker:
    """A figure with its interval as text and as places on a scale from 0 to 100."""

    predictor: str
    role: str
    text: str
    interval: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A line of the comparison table; `figures` stand in the order of the table's metrics."""

    predictor: str
    role: str
    note: str
    n: int
    figures: tuple[tuple[str, str], ...]
    correct: int
    wrong: int
    unparsed: int
    failed: str


@dataclass(frozen=True, slots=True)
class TestResults:
    """All predictors on the same rows."""

    name: str
    origin: str
    n: int
    whiskers: tuple[Whisker, ...]
    rows: tuple[ComparisonRow, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows are right labels, columns are answers. `cells` hold (count, share of the row)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[tuple[int, float], ...], int], ...]


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """One test row with its answer."""

    input: str
    expected: str
    answered: str
    outcome: str
    confidence: str
    score: str


@dataclass(frozen=True)
class MainAnswers:
    """The student's answers to the test of the headline, with their rows; and the teacher's scores on theirs."""

    test: TestSet
    pairs: tuple[tuple[Example, AnsweredRow], ...]
    teacher: tuple[tuple[Example, AnsweredRow], ...]

    @classmethod
    def load(cls, report: EvaluationReport, dataset: Dataset) -> MainAnswers | None:
        """None when there is no test, or the student was not measured on it."""
        test = main_test([test for test in dataset.tests if len(test.rows)])
        if test is None:
            return None
        rows = {row.id: row for row in test.rows}
        found: dict[str, tuple[tuple[Example, AnsweredRow], ...]] = {}
        for line in report.comparisons:
            if line.test_set == test.name or (line.role == "teacher" and is_part(line.test_set, test)):
                answers = load_answers(report.folder / line.predictions)
                found[line.role] = tuple((rows[answer.id], answer) for answer in answers if answer.id in rows)
        return cls(test, found["student"], found.get("teacher", ())) if "student" in found else None


def metric_names(task: TaskSpec, comparisons: Sequence[Comparison]) -> list[str]:
    """The metrics that the page shows: exact match is left out where it is the accuracy, line for line."""
    names = list(dict.fromkeys(metric.name for line in comparisons for metric in line.metrics))
    values = [{metric.name: metric.value for metric in line.metrics} for line in comparisons]
    if task.kind != "generation" and all(line.get("exact_match") == line.get("accuracy") for line in values):
        return [name for name in names if name != "exact_match"]
    return names


def test_results(task: TaskSpec, comparisons: Sequence[Comparison]) -> list[TestResults]:
    """The comparisons, grouped by the rows they were made on."""
    names = metric_names(task, comparisons)
    groups: dict[str, list[Comparison]] = {}
    for line in sorted(comparisons, key=lambda line: list(ROLE_WORDS).index(line.role)):
        groups.setdefault(line.test_set, []).append(line)
    return [
        TestResults(
            name,
            ORIGIN_WORDS[lines[0].test_origin],
            lines[0].n,
            tuple(_whisker(line, main_figure(task, line)) for line in lines),
            tuple(_row(line, names) for line in lines),
        )
        for name, lines in groups.items()
    ]


def verdicts(task: TaskSpec, report: EvaluationReport, test: TestSet | None) -> list[tuple[str, str]]:
    """(tone, sentence): what can be said of the student against each baseline, compared row by row.

    Raises RunFolderError where the answers that the report names are not there.
    """
    said: list[tuple[str, str]] = []
    if test is None:
        return said
    for role, name in (("majority", "always giving the same answer"), ("teacher", "the teacher it learned from")):
        lines = report.comparisons
        other = next((line for line in lines if line.role == role and is_part(line.test_set, test)), None)
        same = [line for line in lines if line.role == "student" and other and line.test_set == other.test_set]
        if other is not None and same:
            found = compare_stored(task, test.rows, report.folder, same[0], other)
            words = sentence(found, "the small model", name)
            said.append((_TONES[found.verdict], f"{words[0].upper()}{words[1:]}."))
    return said


def confusion(answers: MainAnswers, labels: Sequence[str]) -> Confusion | None:
    """The confusion matrix of closed labels, or None where there are none or too many."""
    wanted = _ordered(labels, [example.target for example, _ in answers.pairs])
    if not labels or len(wanted) > MATRIX_LABELS:
        return None
    counts = Counter((_gold(example, answer), _said(answer, wanted)) for example, answer in answers.pairs)
    columns = [*wanted, *(extra for extra in (OTHER_LABEL, NO_LABEL) if any(said == extra for _, said in counts))]
    rows = []
    for gold in wanted:
        total = sum(counts[gold, said] for said in columns)
        cells = tuple((counts[gold, said], counts[gold, said] / total if total else 0.0) for said in columns)
        rows.append((gold, cells, total))
    return Confusion(tuple(columns), tuple(rows))


def confused_pairs(answers: MainAnswers) -> list[tuple[str, str, int]]:
    """(right label, answer, how often), the most frequent mistakes first."""
    wrong = [(example.target, _said(answer, None)) for example, answer in answers.pairs if answer.outcome != "correct"]
    counts = sorted(Counter(wrong).items(), key=lambda pair: (-pair[1], pair[0]))
    return [(gold, said, count) for (gold, said), count in counts[:_PAIRS]]


def shown_answers(answers: MainAnswers) -> tuple[list[ShownAnswer], list[ShownAnswer]]:
    """Ten right and ten wrong answers: right ones evenly from the test, of the wrong ones the surest."""
    right = [pair for pair in answers.pairs if pair[1].outcome == "correct"]
    wrong = [pair for pair in answers.pairs if pair[1].outcome != "correct"]
    if any(answer.confidence is not None for _, answer in wrong):
        wrong = sorted(wrong, key=lambda pair: -(pair[1].confidence or 0.0))[:_SHOWN]
    return [shown(*pair) for pair in _evenly(right)], [shown(*pair) for pair in _evenly(wrong)]


def lengths_and_scores(answers: MainAnswers) -> dict[str, list[tuple[int, float]]]:
    """For the plot of text tasks: length of the expected answer and ChrF++ of the given one."""
    return {
        name: [(len(example.target), answer.scores["chrf++"]) for example, answer in pairs if "chrf++" in answer.scores]
        for name, pairs in (("small model", answers.pairs), ("teacher", answers.teacher))
    }


def figure_texts(metric: Metric) -> tuple[str, str]:
    """A metric's value and interval in the unit that readers know."""
    if metric.name.endswith("chrf++"):
        return f"{metric.value:.1f}", f"{metric.low:.1f}–{metric.high:.1f}"
    if metric.name in ("bertscore_f1", "expected_calibration_error"):
        return f"{metric.value:.3f}", f"{metric.low:.3f}–{metric.high:.3f}"
    return percent(metric.value), f"{100 * metric.low:.1f}–{percent(metric.high)}"


def clipped(text: str, most: int = _LONGEST) -> str:
    """A text as it is shown: its beginning when it is long."""
    return text if len(text) <= most else f"{text[:most].rstrip()} …"


def _whisker(line: Comparison, metric: Metric) -> Whisker:
    scale = 1.0 if metric.name == "chrf++" else 100.0
    text, interval = figure_texts(metric)
    places = (round(scale * value, 2) for value in (metric.value, metric.low, metric.high))
    return Whisker(ROLE_WORDS[line.role], line.role, text, interval, *places)


def _row(line: Comparison, names: Sequence[str]) -> ComparisonRow:
    figures = [find_metric(line, name) for name in names]
    failed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in line.failed.items())
    return ComparisonRow(
        ROLE_WORDS[line.role],
        line.role,
        line.note,
        line.n,
        tuple(figure_texts(metric) if metric is not None else ("", "") for metric in figures),
        line.correct,
        line.wrong,
        line.unparsed,
        failed or "0",
    )


def _ordered(labels: Sequence[str], seen: Sequence[str]) -> list[str]:
    return [*labels, *sorted(set(seen) - set(labels))]


def _gold(example: Example, answer: AnsweredRow) -> str:
    return answer.text if answer.outcome == "correct" else example.target


def _said(answer: AnsweredRow, labels: Sequence[str] | None) -> str:
    if answer.outcome in ("unparsed", "failed"):
        return NO_LABEL
    return answer.text if labels is None or answer.text in labels else OTHER_LABEL


def _evenly(pairs: Sequence[tuple[Example, AnsweredRow]]) -> list[tuple[Example, AnsweredRow]]:
    if len(pairs) <= _SHOWN:
        return list(pairs)
    return [pairs[number * len(pairs) // _SHOWN] for number in range(_SHOWN)]


def shown(example: Example, answer: AnsweredRow) -> ShownAnswer:
    said = answer.text
    if answer.outcome == "unparsed":
        said = answer.raw
    elif answer.outcome == "failed":
        said = f"no answer ({(answer.failure or 'empty').replace('_', ' ')})"
    choices = "".join(f"\n· {choice}" for choice in example.choices)
    return ShownAnswer(
        clipped(example.input + choices),
        clipped(" / ".join(example.references)),
        clipped(said),
        answer.outcome,
        percent(answer.confidence, 0) if answer.confidence is not None else "",
        f"{answer.scores['chrf++']:.0f}" if "chrf++" in answer.scores else "",
    )


def score_name(task: TaskSpec) -> str:
    """How the metric of the headline is called on the page."""
    return METRIC_WORDS[main_metric(task)]
