"""`prompt2model review RUN --apply`: make an edited table a part of the run."""

from __future__ import annotations

import sys
from pathlib import Path

from prompt2model.errors import DataFileError
from prompt2model.review.deciding import Decided, decide
from prompt2model.review.review import Review, open_review, remember_table, save_decisions
from prompt2model.review.table import read_rows

_MOST_FAULTS = 50
_CHANGES_SHOWN = 5
_TEXT_SHOWN = 60


def apply_table(run: Path, file: Path | None = None) -> None:
    """Take over the decisions of a table, `review.csv` of the run by default; the run goes on with `resume`.

    Faults are said on stderr, one a line, and then nothing is changed. Raises DataFileError, RunFolderError.
    """
    review = open_review(run)
    path = file or review.table_file
    if not path.exists():
        raise DataFileError(f"there is no table {path}; `prompt2model review {run}` writes one")
    decided = decide(review, read_rows(path))
    if decided.faults:
        for fault in decided.faults[:_MOST_FAULTS]:
            print(" ".join(fault.split()), file=sys.stderr)
        more = f" (the first {_MOST_FAULTS} are shown)" if len(decided.faults) > _MOST_FAULTS else ""
        count = f"{len(decided.faults)} rows have a fault" if len(decided.faults) > 1 else "1 row has a fault"
        raise DataFileError(f"{path}: {count}{more}; nothing was changed: correct the table and apply it again")
    changed = save_decisions(review, decided.decisions)
    if path.resolve() == review.table_file.resolve():
        remember_table(review)
    _show_corrections(review, decided)
    print(summary(decided))
    print(what_next(review, changed))


def summary(decided: Decided) -> str:
    """All decisions in numbers."""
    counts = ", ".join(f"{decided.count(kind)} {kind}" for kind in ("approved", "corrected", "dropped"))
    text = f"decided so far: {counts}"
    if decided.missing:
        text += f"; rows that the table does not hold stay as they are ({decided.missing})"
    return text


def what_next(review: Review, changed: bool) -> str:
    """How to go on."""
    if not changed:
        return "nothing new: the run knew all of it"
    return f"go on with: prompt2model resume {review.store.folder}"


def _show_corrections(review: Review, decided: Decided) -> None:
    """Some of what is new, so that what a spreadsheet changed unasked is seen."""
    new = [
        one
        for identity, one in decided.decisions.items()
        if one.decision == "corrected" and review.decided.get(identity) != one
    ]
    for one in new[:_CHANGES_SHOWN]:
        for name, before, after in (("input", one.row.input, one.input), ("output", one.row.target, one.output)):
            if before != after:
                print(f"  {one.row.id} {name}: {_shown(before)} → {_shown(after)}")
    if len(new) > _CHANGES_SHOWN:
        print(f"  … and {len(new) - _CHANGES_SHOWN} more corrected rows")


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_SHOWN else f"{line[: _TEXT_SHOWN - 1]}…"
