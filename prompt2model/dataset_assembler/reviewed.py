"""What a person decided about the rows, laid over them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from prompt2model.artifacts import JsonlRows
from prompt2model.component import Progress
from prompt2model.errors import DataFileError, RunFolderError
from prompt2model.records import Example, ReviewedRow, make_example

DROPPED_BY_YOU = "dropped by you"


def load_review(path: Path | None) -> Mapping[str, ReviewedRow]:
    """The decisions by the id that the row had. Raises DataFileError when the file is missing or damaged."""
    if path is None:
        return {}
    try:
        return {reviewed.row.id: reviewed for reviewed in JsonlRows(path, ReviewedRow)}
    except (RunFolderError, OSError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"the review {path} (assemble_data.reviewed) is missing or damaged; write it again with "
            "`prompt2model review RUN --apply`, or take the setting out of the config"
        ) from error


def apply_review(
    rows: Iterable[Example], reviewed: Mapping[str, ReviewedRow], dropped: Counter[str], progress: Progress
) -> list[Example]:
    """The rows as the person wants them: those that were approved or corrected first, none that was dropped.

    A row of which only an equal one is left now, from elsewhere, is not touched.
    """
    approved, others, found = [], [], Counter[str]()
    for row in rows:
        decided = reviewed.get(row.id)
        if decided is None:
            others.append(row)
            continue
        found[decided.decision] += 1
        if decided.decision != "dropped":
            approved.append(_as_decided(row, decided))
    if found["dropped"]:
        dropped[DROPPED_BY_YOU] += found["dropped"]
    counts = ", ".join(f"{found[kind]} {kind}" for kind in ("approved", "corrected", "dropped"))
    gone = len(reviewed) - found.total()
    lost = f"; {gone} more are about rows that are not in the data any more" if gone else ""
    progress.say(f"  your decisions about rows: {counts}{lost}")
    return [*approved, *others]


def _as_decided(row: Example, decided: ReviewedRow) -> Example:
    """The row with the person's text. Its probabilities were a teacher's doubt, which is settled now."""
    if decided.decision == "approved":
        source = dataclasses.replace(row.source, review="approved")
        return dataclasses.replace(row, source=source, soft_label=None)
    references = row.references if decided.output == row.target else (decided.output,)
    source = dataclasses.replace(row.source, review="corrected")
    return make_example(decided.input, references, source, choices=row.choices, evidence=row.evidence)
