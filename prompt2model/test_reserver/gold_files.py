"""The user's own gold rows (`--examples`): read, checked, never trained on."""

from __future__ import annotations

from pathlib import Path

from prompt2model.catalogue.data_files import Table, propose_columns, read_table
from prompt2model.errors import DataFileError
from prompt2model.records import Example, Source, TaskSpec, TestSet, make_example

_ROWS_TO_LOOK_AT = 50


def read_gold(path: Path, task: TaskSpec, input_column: str | None, output_column: str | None) -> TestSet:
    """The gold rows of one file. Raises DataFileError for a missing column, an empty cell or an unknown label."""
    table = read_table(path)
    column, target = _columns(table, task, input_column, output_column)
    labels = {label.casefold(): label for label in task.labels}
    rows: dict[str, Example] = {}
    for number, cells in enumerate(table.rows):
        text, answer = cells[column].strip(), cells[target].strip()
        if not text or not answer:
            raise DataFileError(f"{path}: row {number + 1} has an empty cell; fill it or take the row out")
        if task.labels and answer.casefold() not in labels:
            raise DataFileError(
                f"{path}: row {number + 1} has the label {answer!r}, which is none of the task's: "
                f"{', '.join(task.labels)}; correct the row, or add the label to the task"
            )
        source = Source("gold", dataset=path.name, row=number)
        example = make_example(text, (labels.get(answer.casefold(), answer),), source)
        if text in rows and rows[text].target != example.target:
            raise DataFileError(f"{path}: row {number + 1} repeats an earlier input with another answer; settle which")
        rows.setdefault(text, example)
    if not rows:
        raise DataFileError(f"{path} has no rows")
    return TestSet(name=path.stem, origin="gold", rows=tuple(rows.values()))


def _columns(table: Table, task: TaskSpec, input_column: str | None, output_column: str | None) -> tuple[str, str]:
    for wanted in (input_column, output_column):
        if wanted is not None and wanted not in table.columns:
            raise DataFileError(f"{table.path} has no column `{wanted}`; it has: {', '.join(table.columns)}")
    if input_column and output_column:
        return input_column, output_column
    sample = [row for _, row in zip(range(_ROWS_TO_LOOK_AT), table.rows, strict=False)]
    proposed = propose_columns(table.columns, sample, task)
    return input_column or proposed.input, output_column or proposed.output
