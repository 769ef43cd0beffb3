"""The user's own inputs without answers: a teacher labels them later. Read as a stream; at most so many are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.catalogue.named_columns import columns_of, with_inputs
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.catalogue.text_encoding import encoding_of, open_text
from prompt2model.component import Chooser, RunContext
from prompt2model.dataset_retriever.collecting import collect
from prompt2model.dataset_retriever.questions import column_options
from prompt2model.errors import DataFileError
from prompt2model.records import Example, Source, TaskSpec, make_example

_LINES = "line"


@dataclass(frozen=True, slots=True)
class InputReader:
    """Reads the input of a row, whatever else the row holds."""

    reader: RowReader

    def read(self, row: dict[str, str], source: Source) -> Example | str:
        """An example without references, or why the row has no input."""
        item = self.reader.item(row)
        return item if isinstance(item, str) else make_example(item.input, (), source, choices=item.choices)


def read_unlabelled_file(
    path: Path,
    named: str | None,
    task: TaskSpec,
    limit: int,
    context: RunContext,
    dropped: Counter[str],
) -> tuple[list[Example], ColumnChoice]:
    """At most `limit` inputs of a file, an even random sample of more, and the columns that they were made of.

    A `.txt` has one input a line.

    Raises DataFileError when the file cannot be read or holds no input.
    """
    table = _lines(path) if path.suffix.casefold() == ".txt" else read_table(path, (named,))
    columns = _columns(table, named, task, context.chooser)
    reader = InputReader(RowReader.for_table(table, columns, task))
    source, rng = Source("labelled", path.name), context.rng("inputs", path.name)
    inputs = collect(table, reader, source, limit, rng, dropped, context.progress)
    if not inputs:
        lacking = " with two choices or more" if task.kind == "multiple_choice" else ""
        raise DataFileError(
            f"{path}: there is no input{lacking} in {columns.spoken_input!r}; name another input_column"
        )
    return inputs, columns


def _columns(table: Table, named: str | None, task: TaskSpec, chooser: Chooser) -> ColumnChoice:
    if table.columns == (_LINES,):
        return ColumnChoice(_LINES, "", "one input a line")
    proposed = columns_of(table, task, named, None)
    if named is not None or len(table.columns) == 1:
        return proposed
    question = f"Which column of {table.path} is the input? Several are joined. Proposed, because {proposed.reason}."
    picked = chooser.choose_many(f"columns:{table.path}:input", question, column_options(table), proposed.inputs)
    return with_inputs(ColumnChoice("", "", proposed.reason, proposed.choices), picked or proposed.inputs, proposed)


@dataclass(frozen=True, slots=True)
class _TextLines:
    path: Path
    encoding: str

    def __iter__(self) -> Iterator[dict[str, str]]:
        with open_text(self.path, self.encoding) as file:
            for line in file:
                yield {_LINES: line}


def _lines(path: Path) -> Table:
    if not path.is_file():
        raise DataFileError(f"{path}: does not exist; give the path of a text file with one input a line")
    return Table(path, (_LINES,), _TextLines(path, encoding_of(path)))
