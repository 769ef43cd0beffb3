"""Rows with the same input: one question must not count twice in a test, nor be asked with two right answers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from prompt2model.records import Example, TaskSpec, example_id
from prompt2model.text_index.near_duplicates import normalise_text

DUPLICATE = "duplicate"
JOINED = "same input with another answer, joined"


@dataclass(frozen=True, slots=True)
class Distinct:
    """Rows of which no two have the same input and answer.

    `contradictions`: the groups of those that share an input and have different closed answers. `dropped` counts
    what was left out.
    """

    rows: tuple[Example, ...]
    contradictions: tuple[tuple[Example, ...], ...]
    dropped: Counter[str]


def distinct_rows(rows: Iterable[Example], task: TaskSpec) -> Distinct:
    """Of equal inputs (case and spaces aside) the first; where text is written, with the answers of all."""
    groups: dict[tuple[str, ...], list[Example]] = {}
    dropped: Counter[str] = Counter()
    for row in rows:
        group = groups.setdefault((normalise_text(row.input), *row.choices), [])
        known = {reference for other in group for reference in other.references}
        if known.issuperset(row.references):
            dropped[DUPLICATE] += 1
        elif group and task.kind == "generation":
            dropped[JOINED] += 1
            group[0] = _joined(group[0], row)
        else:
            group.append(row)
    return Distinct(
        tuple(row for group in groups.values() for row in group),
        tuple(tuple(group) for group in groups.values() if len(group) > 1),
        dropped,
    )


def _joined(first: Example, other: Example) -> Example:
    references = tuple(dict.fromkeys((*first.references, *other.references)))
    return dataclasses.replace(
        first, id=example_id(first.input, references, first.source, first.choices), references=references
    )
