"""`prompt2model review RUN`: write the table."""

from __future__ import annotations

from pathlib import Path

from prompt2model.errors import DataFileError
from prompt2model.review.review import Review, is_edited, open_review, remember_table
from prompt2model.review.table import write_rows

_WHAT_TO_DO = """\
Open it in a spreadsheet. Correct an input or an output where it stands; in the column `decision` you may write
  keep   the row is right: it counts as your own from now on
  drop   the row is left out
  undo   take back what was decided before
Rows that you leave alone stay as they are. Save it as CSV (UTF-8), then: prompt2model review {run} --apply
The same on a page: prompt2model review {run} --page"""


def write_table(run: Path, most: int | None = None) -> None:
    """Write `review.csv` into the run and say what to do with it.

    `most`: only so many rows, the first of those that nothing was decided about. Raises DataFileError when the table
    that is there was edited, and whatever `open_review` raises.
    """
    review = open_review(run)
    refuse_edited(review)
    rows = review.rows
    if most is not None:
        rows = tuple(row for row in rows if row.id not in review.decided)[:most]
    written = write_rows(review, rows)
    remember_table(review)
    what = "all rows but the test rows" if written == len(review.rows) else f"{written} of {len(review.rows)} rows"
    print(f"{review.table_file}: {what}, those most worth a look first")
    print(_WHAT_TO_DO.format(run=run))


def refuse_edited(review: Review) -> None:
    """Raises DataFileError when the table was edited and the run does not know of it."""
    if is_edited(review):
        raise DataFileError(
            f"{review.table_file} was edited and not applied yet; apply it with `prompt2model review "
            f"{review.store.folder} --apply`, or delete it to get a new one"
        )
