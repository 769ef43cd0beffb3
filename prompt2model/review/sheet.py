"""What the page shows and keeps: the rows a few at a time, edits that are not saved yet, saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from prompt2model.errors import Prompt2ModelError
from prompt2model.records import Example
from prompt2model.review.apply_table import summary, what_next
from prompt2model.review.deciding import decide
from prompt2model.review.review import Review, remember_table, save_decisions
from prompt2model.review.table import (
    TableRow,
    row_for,
    shown_choices,
    shown_probability,
    shown_source,
    write_rows,
)
from prompt2model.review.write_table import refuse_edited

COLUMNS = ("decision", "input", "output", "choices", "sure", "from", "id")
"""`sure` is P(label); the first three can be edited."""
EVERY_LABEL, EVERY_ROW = "all", "all"
UNDECIDED, LEAST_SURE = "not decided yet", "sure by less than 90 %"
_SURE = 0.9
_ROWS_SHOWN = 50
_PLACE_SHOWN = 40
_ADDED = "Rows cannot be added here. Give new ones to a run with --data, and open this page again."

Edits: TypeAlias = Mapping[str, tuple[str, str, str]]
"""(decision, input, output) by id, of rows that were touched since they were saved."""


@dataclass(frozen=True)
class View:
    """The rows on the screen, the number of the first of them, and a line about it."""

    rows: list[list[str]]
    start: int
    position: str


@dataclass(frozen=True)
class Saved:
    """What became of the edits. With `faults` nothing was saved."""

    message: str
    faults: tuple[str, ...] = ()


class Sheet:
    """A review on a page. Edits stay with the page until they are saved."""

    def __init__(self, review: Review, name: str) -> None:
        self.name = name
        self.task_labels = review.task.labels
        self._review = review
        self._rows = {row.id: row for row in review.rows}
        optional = {
            "choices": any(row.choices for row in review.rows),
            "sure": any(row.soft_label for row in review.rows),
        }
        self.columns = [name for name in COLUMNS if optional.get(name, True)]

    def labels(self) -> list[str]:
        """The labels that can be filtered by."""
        return list(self.task_labels)

    def selections(self) -> list[str]:
        """The ways to show only some rows."""
        return [EVERY_ROW, UNDECIDED, *([LEAST_SURE] if "sure" in self.columns else [])]

    def view(self, edits: Edits, start: int, label: str, which: str) -> View:
        """The rows from number `start` on, of those that are asked for."""
        wanted = [row for row in self._review.rows if self._is_wanted(row, edits, label, which)]
        start = start if start < len(wanted) else 0
        rows = wanted[start : start + _ROWS_SHOWN]
        position = f"{start + 1}–{start + len(rows)} of {len(wanted)}" if rows else "no such row"
        return View([self._cells(row, edits) for row in rows], start, position)

    def moved(self, start: int, pages: int) -> int:
        """The number of the first row so many pages on."""
        return max(0, start + pages * _ROWS_SHOWN)

    def absorb(self, edits: Edits, shown: list[list[Any]]) -> Edits:
        """The edits with those of the rows on the screen."""
        kept = dict(edits)
        for cells in shown:
            row = self._row_of(cells)
            if row is None:
                continue
            now = tuple("" if cell is None else str(cell) for cell in cells[:3])
            if now == self._saved(row):
                kept.pop(row.id, None)
            else:
                kept[row.id] = now[0], now[1], now[2]
        return kept

    def _row_of(self, cells: list[Any]) -> Example | None:
        """The run's row that a row on the screen shows."""
        return self._rows.get(cells[self.columns.index("id")]) if len(cells) == len(self.columns) else None

    def with_decision(self, edits: Edits, identity: str, word: str) -> Edits:
        """The edits with a decision about one row. Undo brings back the row as the run made it."""
        row = self._rows[identity]
        if word == "undo":
            return {**edits, identity: ("", row.input, row.target)}
        _, text, answer = edits.get(identity, self._saved(row))
        return {**edits, identity: (word, text, answer)}

    def input_of(self, edits: Edits, identity: str) -> str:
        """The input as it stands on the page."""
        return edits.get(identity, self._saved(self._rows[identity]))[1]

    def save(self, edits: Edits, shown: list[list[Any]]) -> Saved:
        """Check the rows as a table would be, make them a part of the run, and write the table anew."""
        review = self._review
        if any(self._row_of(cells) is None and any(cells) for cells in shown):
            return Saved("Nothing was saved.", (_ADDED,))
        try:
            refuse_edited(review)
            decided = decide(review, [self._line(row, edits) for row in review.rows])
            if decided.faults:
                return Saved("Nothing was saved. Please correct:", decided.faults)
            changed = save_decisions(review, decided.decisions)
            self._review = replace(review, decided=decided.decisions)
            write_rows(self._review, self._review.rows)
            remember_table(self._review)
        except Prompt2ModelError as error:
            return Saved("Nothing was saved.", (str(error),))
        return Saved(f"Saved: {summary(decided)}; {what_next(review, changed)}")

    def _is_wanted(self, row: Example, edits: Edits, label: str, which: str) -> bool:
        decision, _, answer = edits.get(row.id, self._saved(row))
        if label not in (EVERY_LABEL, answer):
            return False
        if which == UNDECIDED:
            return not decision and (row.id not in edits)
        probability = self._review.probability(row)
        return which != LEAST_SURE or (probability is not None and probability < _SURE)

    def _cells(self, row: Example, edits: Edits) -> list[str]:
        decision, text, answer = edits.get(row.id, self._saved(row))
        cells = {
            "decision": decision,
            "input": text,
            "output": answer,
            "choices": shown_choices(row) or "",
            "sure": shown_probability(self._review, row),
            "from": shown_source(row),
            "id": row.id,
        }
        return [cells[name] for name in self.columns]

    def _saved(self, row: Example) -> tuple[str, str, str]:
        line = row_for(self._review, row)
        return line.decision, line.input, line.output

    def _line(self, row: Example, edits: Edits) -> TableRow:
        decision, text, answer = edits.get(row.id, self._saved(row))
        shown = " ".join(row.input.split())
        place = shown if len(shown) <= _PLACE_SHOWN else f"{shown[: _PLACE_SHOWN - 1]}…"
        return TableRow(f"“{place}”", row.id, decision, text, answer)
