"""The table that a person edits in a spreadsheet: written, and read back whatever the spreadsheet made of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.data_files import read_table
from prompt2model.errors import DataFileError
from prompt2model.records import Example
from prompt2model.review.review import Review

NEEDED = ("id", "decision", "input", "output")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_ESCAPED_FORMULA = re.compile(r"'+[=+\-@\t\r]")
_LONGEST_CELL = 32767
"""Most UTF-16 units that a cell of the usual spreadsheets holds; they cut the rest without a word."""

_WORDS = {"approved": "keep", "corrected": "fix", "dropped": "drop"}


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of the table as it stands there. `place` names it for a person; `choices` is None without that column."""

    place: str
    id: str
    decision: str
    input: str
    output: str
    choices: str | None = None


def row_for(review: Review, row: Example, place: str = "") -> TableRow:
    """A row with what was decided about it so far."""
    decided = review.decided.get(row.id)
    shown = shown_choices(row)
    if decided is None:
        return TableRow(place, row.id, "", row.input, row.target, shown)
    return TableRow(place, row.id, _WORDS[decided.decision], decided.input, decided.output, shown)


def shown_choices(row: Example) -> str | None:
    """The choices, one a line; None where the row has none."""
    return "\n".join(row.choices) if row.choices else None


def shown_source(row: Example) -> str:
    """Where a row came from, in a word or two."""
    named = row.source.dataset if row.source.kind != "generated" else row.source.teacher
    return f"{row.source.kind}: {named}" if named else row.source.kind


def shown_probability(review: Review, row: Example) -> str:
    """P(label) in per cent, empty where it is not known."""
    probability = review.probability(row)
    return "" if probability is None else f"{probability:.1%}"


def write_rows(review: Review, rows: Iterable[Example]) -> int:
    """Write the table of these rows; how many there were. UTF-8 with the mark by which spreadsheets know it."""
    rows = tuple(rows)
    with_choices = any(row.choices for row in rows)
    with_probability = any(row.soft_label for row in rows)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    added = [name for name, wanted in (("choices", with_choices), ("probability", with_probability)) if wanted]
    writer.writerow([*NEEDED, *added, "source"])
    for row in rows:
        cells = row_for(review, row)
        line = [cells.id, cells.decision, escaped(cells.input), escaped(cells.output)]
        if with_choices:
            line.append(escaped(cells.choices or ""))
        if with_probability:
            line.append(shown_probability(review, row))
        writer.writerow([*line, escaped(shown_source(row))])
    write_atomically(review.table_file, text.getvalue().encode("utf-8-sig"))
    return len(rows)


def read_rows(path: Path) -> list[TableRow]:
    """The rows of an edited table, wherever its columns stand now. Raises DataFileError."""
    table = read_table(path, NEEDED)
    names = {name.strip().casefold(): name for name in table.columns}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise DataFileError(
            f"{path}: the column {', '.join(missing)} is missing; the table has to keep the columns "
            f"{', '.join(NEEDED)}, in any order"
        )
    rows = []
    # A spreadsheet counts the line of names as its first row.
    for number, cells in enumerate(table.rows, 2):
        if not any(cell.strip() for cell in cells.values()):
            continue
        identity, decision, text, output = (cells[names[name]] for name in NEEDED)
        choices = unescaped(cells[names["choices"]]) if "choices" in names else None
        rows.append(
            TableRow(f"row {number}", identity.strip(), decision.strip(), unescaped(text), unescaped(output), choices)
        )
    return rows


def escaped(text: str) -> str:
    """The text as a cell that no spreadsheet takes for a formula: one that looks like it gets an apostrophe first."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescaped(cell: str) -> str:
    """The text that `escaped` made a cell of."""
    return cell[1:] if _ESCAPED_FORMULA.match(cell) else cell


def same_text(before: str, cell: str) -> bool:
    """Whether a cell holds what was written to it: line ends, outer spaces and a cut at a cell's limit aside."""
    old, new = _plain(before), _plain(cell)
    cut = _utf16_units(cell) >= _LONGEST_CELL - 1 and _utf16_units(cell) < _utf16_units(before)
    return old == new or (cut and old.startswith(new))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
