"""The columns of one table: those that a person names, and a proposal for the rest."""

from __future__ import annotations

from prompt2model.catalogue.columns import ColumnChoice, propose_columns
from prompt2model.catalogue.data_files import Table
from prompt2model.errors import DataFileError
from prompt2model.records import TaskSpec

_SAMPLE_ROWS = 500


def columns_of(table: Table, task: TaskSpec, input: str | None, output: str | None) -> ColumnChoice:
    """The named columns, and the likeliest ones for what is not named; `output` is empty where there is one only.

    Raises DataFileError when a named column is not there or no row is.
    """
    for column in filter(None, (input, output)):
        table.require(column)
    sample = table.sample(_SAMPLE_ROWS)
    if not sample:
        raise DataFileError(f"{table.path}: the file holds no row below its header; add rows")
    try:
        proposed = propose_columns(table.columns, sample, task)
        if input and output:
            return ColumnChoice(input, output, "they were named", proposed.choices)
        if not input and not output:
            return proposed
        # Propose the other one among the columns that are left.
        left = [column for column in table.columns if column not in (input, output)]
        if not left:
            return ColumnChoice(input or output or "", "", "the only column")
        other = proposed.output if input else proposed.input
        if other not in left:
            rest = propose_columns(left, sample, task)
            other = (rest.output or rest.input) if input else rest.input
    except DataFileError as error:
        raise DataFileError(f"{table.path}: {error}") from error
    return ColumnChoice(input or other, output or other, proposed.reason, proposed.choices)


def require_both(table: Table, columns: ColumnChoice) -> ColumnChoice:
    """`columns` themselves. Raises DataFileError when there is no column of answers, or one column is to be both."""
    if not columns.output:
        raise DataFileError(
            f"{table.path}: has one column only ({columns.input!r}); rows with an input and an output are needed: "
            "add a column with the answers"
        )
    if columns.input == columns.output:
        raise DataFileError(f"{table.path}: input and output are the same column {columns.input!r}; name two columns")
    return columns
