"""What bounds a student's figures from above: a teacher that contradicts itself, and test labels that are wrong."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.model_evaluator.answers import AnsweredRow, is_right
from prompt2model.records import Example, Kind, Metric
from prompt2model.statistics.shares import wilson_interval


def self_agreement(kind: Kind, first: Sequence[AnsweredRow], second: Sequence[AnsweredRow]) -> Metric | None:
    """Share of rows with the same answer twice, of those answered twice; None where there are none.

    Texts are the same but for case, punctuation and white space.
    """
    from prompt2model.model_evaluator.metrics.text_tokens import normalised_answer

    pairs = [(one.text, other.text) for one, other in zip(first, second, strict=True) if one.text and other.text]
    if not pairs:
        return None
    if kind == "generation":
        pairs = [(normalised_answer(one), normalised_answer(other)) for one, other in pairs]
    same = sum(one == other for one, other in pairs)
    low, high = wilson_interval(same, len(pairs))
    return Metric("self_agreement", round(same / len(pairs), 6), round(low, 6), round(high, 6), len(pairs), "wilson")


def suspect_labels(
    rows: Sequence[Example], student: Sequence[AnsweredRow], teacher: Sequence[AnsweredRow]
) -> tuple[str, ...]:
    """Ids of rows on which both give the same answer and it is not the row's: look at these labels first."""
    return tuple(
        row.id
        for row, ours, theirs in zip(rows, student, teacher, strict=True)
        if ours.text and ours.text == theirs.text and not is_right(ours.text, row.references)
    )
