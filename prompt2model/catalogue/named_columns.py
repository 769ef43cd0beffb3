"""The columns of one table: those that a person names, and a proposal for the rest."""

from __future__ import annotations

from collections.abc import Sequence

from prompt2model.catalogue.columns import ColumnChoice, propose_columns
from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.input_parts import named_parts
from prompt2model.errors import DataFileError
from prompt2model.records import TaskSpec

_SAMPLE_ROWS = 500


def columns_of(table: Table, task: TaskSpec, input: str | None, output: str | None) -> ColumnChoice:
    """The named columns, and the likeliest ones for what is not named; `output` is empty where there is one only.

    `input` may name several columns: `premise + hypothesis`.
    Raises DataFileError when a named column is not there or no row is.
    """
    inputs = named_inputs(table, input)
    if output is not None:
        table.require(output)
    sample = table.sample(_SAMPLE_ROWS)
    if not sample:
        raise DataFileError(f"{table.path}: the file holds no row below its header; add rows")
    try:
        named = inputs if output is None else (*inputs, output)
        proposed = propose_columns(table.columns, sample, task, table.list_columns, named)
        if not inputs and output is None:
            return proposed
        if output is None:
            output, reason = _other_output(table, task, sample, inputs, proposed), proposed.reason
        elif not inputs:
            inputs, reason = _other_inputs(table, task, sample, output, proposed), proposed.reason
        else:
            reason = "they were named"
    except DataFileError as error:
        raise DataFileError(f"{table.path}: {error}") from error
    return with_inputs(ColumnChoice("", output, reason, proposed.choices), inputs, proposed)


def named_inputs(table: Table, named: str | None) -> tuple[str, ...]:
    """The input columns that a person names: one, or several with ` + ` between them.

    Raises DataFileError when one is not there.
    """
    if named is None:
        return ()
    if named in table.columns or "+" not in named:
        return (table.require(named),)
    return tuple(table.require(part.strip()) for part in named.split("+"))


def with_inputs(columns: ColumnChoice, inputs: Sequence[str], proposed: ColumnChoice) -> ColumnChoice:
    """`columns` with these inputs; shown as proposed where they are the proposed ones, else under their names."""
    parts = proposed.parts if tuple(inputs) == proposed.inputs else named_parts(inputs)
    if len(inputs) == 1 and not any(part.before for part in parts):
        parts = ()
    return ColumnChoice(inputs[0], columns.output, columns.reason, columns.choices, parts)


def _other_output(
    table: Table, task: TaskSpec, sample: list[dict[str, str]], inputs: Sequence[str], proposed: ColumnChoice
) -> str:
    """The likeliest output among the columns that are left; empty where none is."""
    if proposed.output not in inputs:
        return proposed.output
    left = [column for column in table.columns if column not in inputs]
    if not left:
        return ""
    rest = propose_columns(left, sample, task, table.list_columns)
    return rest.output or rest.input


def _other_inputs(
    table: Table, task: TaskSpec, sample: list[dict[str, str]], output: str, proposed: ColumnChoice
) -> tuple[str, ...]:
    """The likeliest inputs among the columns that are left; the output itself where none is."""
    if output not in proposed.inputs:
        return proposed.inputs
    left = [column for column in table.columns if column != output]
    return propose_columns(left, sample, task, table.list_columns).inputs if left else (output,)


def require_both(table: Table, columns: ColumnChoice) -> ColumnChoice:
    """`columns` themselves. Raises DataFileError when there is no column of answers, or one column is to be both."""
    if not columns.output:
        raise DataFileError(
            f"{table.path}: has only one column with text ({columns.input!r}); rows with an input and an output are "
            "needed: add a column with the answers"
        )
    if columns.output in columns.inputs:
        raise DataFileError(f"{table.path}: input and output are the same column {columns.output!r}; name two columns")
    return columns
