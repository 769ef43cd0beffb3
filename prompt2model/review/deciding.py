"""What a person's table means: decisions about rows, or faults that a person has to settle."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prompt2model.catalogue.labels import LabelMatcher
from prompt2model.records import Example, ReviewedRow, TaskSpec
from prompt2model.review.review import Review
from prompt2model.review.table import TableRow, same_text, shown_choices

DECISIONS = ("keep", "drop", "fix", "undo")
_MOST_LABELS_NAMED = 12
_ID_SHOWN = 40


@dataclass(frozen=True)
class Decided:
    """All decisions after a table was read, earlier ones too, or its faults.

    `missing` counts rows of the run that the table does not hold: nothing is decided about them.
    """

    decisions: Mapping[str, ReviewedRow]
    faults: tuple[str, ...]
    missing: int

    def count(self, decision: str) -> int:
        """How many rows were `approved`, `corrected` or `dropped`."""
        return sum(one.decision == decision for one in self.decisions.values())


def decide(review: Review, table: Iterable[TableRow]) -> Decided:
    """Read the table's rows against the run's. A fault is one line that names its row."""
    known = {row.id: row for row in review.rows}
    decisions, faults = dict(review.decided), []
    places: dict[str, str] = {}
    reader = _Reader(review.task)
    for line in table:
        row = known.get(line.id)
        if row is None:
            faults.append(f"{line.place}: {_unknown(line.id)}")
        elif line.id in places:
            faults.append(f"{line.place}: the id {line.id} stands in {places[line.id]} too; delete one of the two")
        else:
            places[line.id] = line.place
            decisions.pop(line.id, None)
            read = reader.read(row, line)
            if isinstance(read, str):
                faults.append(f"{line.place} (id {line.id}): {read}")
            elif read is not None:
                decisions[line.id] = read
    return Decided(decisions, tuple(faults), len(known.keys() - places.keys()))


def _unknown(identity: str) -> str:
    if not identity:
        return "the id is empty; rows cannot be added here: give new ones to a run with --data"
    return (
        f"no row to review has the id {identity[:_ID_SHOWN]!r}; restore the id, or delete the row "
        "(new rows go to a run with --data)"
    )


class _Reader:
    """Reads one row of the table."""

    def __init__(self, task: TaskSpec) -> None:
        self._task = task
        self._matcher = LabelMatcher(task.labels)

    def read(self, row: Example, line: TableRow) -> ReviewedRow | str | None:
        """The decision, None when there is none, or what is wrong."""
        decision = line.decision.casefold()
        if decision not in ("", *DECISIONS):
            return f"the decision {line.decision[:_ID_SHOWN]!r} is not known; write keep, drop, fix, undo, or nothing"
        if decision == "undo":
            return None
        if decision == "drop":
            return ReviewedRow(row, "dropped", row.input, row.target)
        if not line.input.strip() or not line.output.strip():
            empty = "input" if not line.input.strip() else "output"
            return f"the {empty} is empty; write it, or write drop as the decision"
        if line.choices is not None and not same_text(shown_choices(row) or "", line.choices):
            return "the choices cannot be changed here; restore them, or write drop as the decision"
        text = row.input if same_text(row.input, line.input) else line.input.strip()
        answer = row.target if same_text(row.target, line.output) else self._answer(row, line.output.strip())
        if answer is None:
            return self._not_an_answer(row, line.output.strip())
        if (text, answer) != (row.input, row.target):
            return ReviewedRow(row, "corrected", text, answer)
        if decision == "fix":
            return "the decision is fix, but nothing was changed; correct the input or the output, or write keep"
        return ReviewedRow(row, "approved", text, answer) if decision == "keep" else None

    def _answer(self, row: Example, text: str) -> str | None:
        if row.choices:
            return LabelMatcher(row.choices).match(text)
        return self._matcher.match(text) if self._task.labels else text

    def _not_an_answer(self, row: Example, text: str) -> str:
        offered = row.choices or self._task.labels
        kind = "choices of the row" if row.choices else "labels of the task"
        near = difflib.get_close_matches(text, offered, n=1)
        if near:
            hint = f"did you mean {near[0]!r}?"
        else:
            more = ", …" if len(offered) > _MOST_LABELS_NAMED else ""
            hint = f"they are: {', '.join(offered[:_MOST_LABELS_NAMED])}{more}"
        return f"the output {text[:_ID_SHOWN]!r} is none of the {kind}; {hint}"
