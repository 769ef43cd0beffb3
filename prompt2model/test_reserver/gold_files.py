"""The user's own gold rows (`--examples`): read as the rows to train on are, checked, never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.catalogue.named_columns import columns_of, require_both
from prompt2model.catalogue.row_reading import EMPTY_INPUT, EMPTY_OUTPUT, FOREIGN_LABEL, RowReader
from prompt2model.errors import DataFileError
from prompt2model.records import Example, Source, TaskSpec


def read_gold(path: Path, task: TaskSpec, input_column: str | None, output_column: str | None) -> list[Example]:
    """The gold rows of one file. Raises DataFileError for a missing column or a row that cannot be used."""
    table = read_table(path, (input_column, output_column))
    _check_named(table, (input_column, output_column))
    columns = require_both(table, columns_of(table, task, input_column, output_column))
    reader = RowReader.for_table(table, columns, task)
    rows: list[Example] = []
    for number, cells in enumerate(table.rows):
        example = reader.read(cells, Source("gold", dataset=path.name, row=number))
        if isinstance(example, str):
            raise DataFileError(f"{path}: row {number + 1} {_fault(example, reader.references(cells), task)}")
        rows.append(example)
    return rows


def _check_named(table: Table, named: Sequence[str | None]) -> None:
    try:
        for column in filter(None, named):
            table.require(column)
    except DataFileError as error:
        raise DataFileError(
            f"{error}; where --data and --examples differ, name the columns of --examples with "
            "--set reserve_tests.input_column=NAME and --set reserve_tests.output_column=NAME"
        ) from error


def _fault(reason: str, answers: Sequence[str], task: TaskSpec) -> str:
    if reason in (EMPTY_INPUT, EMPTY_OUTPUT):
        return f"has an empty cell ({reason}); fill it or take the row out"
    if reason == FOREIGN_LABEL:
        return (
            f"has the label {answers[0]!r}, which is none of the task's: {', '.join(task.labels)}; "
            "correct the row, or add the label to the task"
        )
    return f"cannot be used ({reason}); correct it or take it out"
