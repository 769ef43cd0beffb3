"""The user's own labelled files. They are trusted, so what is wrong with them is said and not passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.catalogue.row_reading import EMPTY_INPUT, EMPTY_OUTPUT, FOREIGN_LABEL, RowReader
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.collecting import numbered
from prompt2model.dataset_retriever.config import ColumnNames
from prompt2model.dataset_retriever.questions import check_label_map, settle_columns
from prompt2model.errors import DataFileError
from prompt2model.records import ChosenDataset, Example, Source, TaskSpec

MOST_FOREIGN = 0.2
"""A larger share of rows with labels outside the task is taken for a wrong column or a wrong file."""

_MOST_NAMED = 1000
_OTHERS = ""


@dataclass(frozen=True, slots=True)
class UserFile:
    """A file that was checked from end to end. `rows()` streams its examples.

    `taken`: the numbers of the rows to take, where the file has more than are wanted; None for all.
    """

    chosen: ChosenDataset
    dropped: Mapping[str, int]
    notes: tuple[str, ...]
    table: Table
    reader: RowReader
    source: Source
    taken: frozenset[int] | None

    def rows(self) -> Iterator[Example]:
        """The usable rows that are taken, in the order of the file."""
        for number, row in enumerate(self.table.rows):
            if self.taken is not None and number not in self.taken:
                continue
            example = self.reader.read(row, numbered(self.source, number))
            if isinstance(example, Example):
                yield example


def read_user_file(
    path: Path, named: ColumnNames, label_map: Mapping[str, str], task: TaskSpec, limit: int, context: RunContext
) -> UserFile:
    """Check one file; of more than `limit` usable rows an even random sample is taken (algorithm R).

    Raises DataFileError when a column is missing, no row is usable, or many labels are foreign.
    """
    check_label_map(path.name, label_map, task)
    table = read_table(path, (named.input, named.output))
    columns = settle_columns(str(path), table, task, named, context.chooser)
    reader = RowReader.for_table(table, columns, task, label_map)
    source = Source("user", dataset=path.name, split="train")
    dropped: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    first_foreign = ""
    usable, taken, rng = 0, list[int](), context.rng("data", path.name)
    for number, row in enumerate(context.progress.track(table.rows, f"reading {path.name}")):
        example = reader.read(row, source)
        if isinstance(example, Example):
            usable += 1
            if len(taken) < limit:
                taken.append(number)
            elif (place := rng.randrange(usable)) < limit:
                taken[place] = number
            continue
        dropped[example] += 1
        if example == FOREIGN_LABEL:
            label = reader.references(row)[0]
            # Rows that the label map leaves out on purpose are no fault of the file.
            if label not in label_map:
                first_foreign = first_foreign or f"row {number + 1} has {label[:60]!r}"
                # Only the most frequent are shown; a column of texts would fill the memory.
                foreign[label if label in foreign or len(foreign) < _MOST_NAMED else _OTHERS] += 1
    _refuse_useless(path, columns, task, usable, dropped, foreign, first_foreign)
    notes = []
    if usable > limit:
        dropped["over the row limit"] += usable - limit
        notes.append(
            f"{path.name}: {limit:,} of {usable:,} rows are taken, an even random sample; for more set max_data"
        )
    if foreign:
        listed = ", ".join(f"{label[:40]!r} ({count})" for label, count in foreign.most_common(5) if label != _OTHERS)
        notes.append(f"{path.name}: {foreign.total()} rows left out, their labels are not the task's: {listed}")
    chosen = ChosenDataset(path.name, "user", None, columns.spoken_input, columns.output, {"train": len(taken)})
    sample = frozenset(taken) if usable > limit else None
    return UserFile(chosen, dropped, tuple(notes), table, reader, source, sample)


def _refuse_useless(
    path: Path,
    columns: ColumnChoice,
    task: TaskSpec,
    usable: int,
    dropped: Counter[str],
    foreign: Counter[str],
    first: str,
) -> None:
    if foreign and foreign.total() > MOST_FOREIGN * (usable + foreign.total()):
        raise DataFileError(
            f"{path}: {foreign.total()} of {usable + foreign.total()} rows have a label in column "
            f"{columns.output!r} that the task does not have; the first is: {first}; the task's labels are "
            f"{', '.join(task.labels)}; correct the file, name another output_column, or set label_map"
        )
    if not usable and not dropped.keys() <= {EMPTY_INPUT, EMPTY_OUTPUT}:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in dropped.most_common())
        raise DataFileError(
            f"{path}: no row can be used with the columns {columns.spoken_input!r} and {columns.output!r}: {reasons}; "
            "correct the rows, or name other columns with input_column and output_column"
        )
    if not usable:
        raise DataFileError(
            f"{path}: no row has both an input in {columns.spoken_input!r} and an answer in {columns.output!r}; "
            "name other columns with input_column and output_column"
        )
