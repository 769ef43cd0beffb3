"""The teacher's answers in figures, beside those of an answer that ignores its input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from prompt2model.measures.answers import AnsweredRow
from prompt2model.records import Disagreement, Example, Metric, TaskSpec
from prompt2model.statistics.shares import wilson_interval

_KEPT = 10
"""Rows that are kept of those answered otherwise than expected."""


def accuracy(name: str, answers: Sequence[AnsweredRow]) -> Metric:
    """Share of right answers; those that are missing or cannot be read are wrong."""
    right = sum(line.outcome == "correct" for line in answers)
    low, high = wilson_interval(right, len(answers))
    return Metric(name, round(right / len(answers), 6), round(low, 6), round(high, 6), len(answers), "wilson")


def agreement(task: TaskSpec, rows: Sequence[Example], answers: Sequence[AnsweredRow], seed: int) -> Metric:
    """Accuracy in [0, 1]; where text is written, corpus ChrF++ in [0, 100]."""
    if task.kind != "generation":
        return accuracy("accuracy", answers)
    from prompt2model.measures.metrics import ChrfPlusPlus

    return ChrfPlusPlus(seed=seed).measure([line.text for line in answers], [row.references for row in rows])


def without_skill(task: TaskSpec, rows: Sequence[Example], rng: Random) -> tuple[float, str]:
    """What an answer that takes no skill reaches by the same figure, and that answer in words.

    The most frequent answer; a guess among the choices; where text is written, the expected answer of another row. (To
    repeat the input is no such answer: by ChrF++ the input of a title is nearer to it than many a good title.)
    """
    if task.kind == "multiple_choice" and all(row.choices for row in rows):
        return sum(1 / len(row.choices) for row in rows) / len(rows), "guessing"
    if task.kind != "generation":
        label, count = Counter(answer for row in rows for answer in set(row.references)).most_common(1)[0]
        return count / len(rows), f"always saying “{label}”"
    from prompt2model.measures.metrics.chrf import f_scores, row_statistics

    mixed = list(rows)
    rng.shuffle(mixed)
    others = [row.target for row in (*mixed[1:], mixed[0])]
    statistics = row_statistics(others, [list(row.references) for row in mixed])
    figure = float(f_scores(statistics.sum(axis=0, keepdims=True))[0])
    return figure, "giving the expected answer of another row"


def disagreements(task: TaskSpec, rows: Sequence[Example], answers: Sequence[AnsweredRow]) -> tuple[Disagreement, ...]:
    """Rows answered otherwise than expected; where text is written, the least alike first."""
    wrong = [(row, line) for row, line in zip(rows, answers, strict=True) if line.outcome != "correct"]
    if task.kind == "generation" and wrong:
        from prompt2model.measures.metrics.chrf import f_scores, row_statistics

        statistics = row_statistics([line.text for _, line in wrong], [list(row.references) for row, _ in wrong])
        scores = f_scores(statistics)
        wrong = [wrong[number] for number in sorted(range(len(wrong)), key=lambda number: (scores[number], number))]
    return tuple(Disagreement(row.id, row.input, row.references, line.text or line.raw) for row, line in wrong[:_KEPT])
