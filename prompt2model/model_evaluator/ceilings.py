"""Test labels that may be wrong, which bound a student's figures from above."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.measures.answers import AnsweredRow, is_right
from prompt2model.records import Example


def suspect_labels(
    rows: Sequence[Example], student: Sequence[AnsweredRow], teacher: Sequence[AnsweredRow]
) -> tuple[str, ...]:
    """Ids of rows on which both give the same answer and it is not the row's: look at these labels first."""
    return tuple(
        row.id
        for row, ours, theirs in zip(rows, student, teacher, strict=True)
        if ours.text and ours.text == theirs.text and not is_right(ours.text, row.references)
    )
