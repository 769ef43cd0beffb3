"""What becomes of a data set whose labels or inputs are not the task's: inputs to label, or whole rows to rewrite.

Whole rows: the data-set transformer of DataTune (arXiv 2404.14361). Tests published with such a data set are tests of
another task, and their inputs are left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Literal

from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.catalogue.whole_rows import WholeRowReader
from prompt2model.component import Option, RunContext
from prompt2model.dataset_retriever.collecting import ReadsRows, collect
from prompt2model.dataset_retriever.config import ColumnNames
from prompt2model.dataset_retriever.opening import OpenedDataset
from prompt2model.dataset_retriever.unlabelled_files import InputReader
from prompt2model.errors import DataFileError
from prompt2model.labelling import speaks_plain
from prompt2model.records import ChosenDataset, Example, Source, TaskSpec

Use = Literal["inputs", "transform", "none"]


def ask_use(opened: OpenedDataset, columns: ColumnChoice, context: RunContext) -> Use:
    """What a person wants of a data set without a usable row; without a person, its inputs."""
    options = [
        Option("inputs", f"its inputs ({columns.spoken_input}) are like the task's: the teacher labels them"),
        Option("transform", "the teacher rewrites its rows into inputs of the task, and labels them"),
        Option("none", "leave it out"),
    ]
    writer = context.teachers.get("generator") or context.teachers.get("teacher")
    if writer is not None and speaks_plain(writer):
        del options[1]
    name = opened.card.id
    question = f"No row of {name} has an answer of the task. What of it shall be used?"
    picked = context.chooser.choose_one(f"unfitting:{name}", question, options, "inputs")
    return "inputs" if picked == "inputs" else "transform" if picked == "transform" else "none"


def take_inputs(
    opened: OpenedDataset, columns: ColumnChoice, task: TaskSpec, limit: int, context: RunContext, dropped: Counter[str]
) -> tuple[list[Example], ChosenDataset]:
    """At most `limit` inputs, for the teacher to label. Raises DataFileError when there is none."""

    def reader(table: Table) -> ReadsRows:
        for column in columns.inputs:
            table.require(column)
        return InputReader(RowReader.for_table(table, columns, task))

    rows = list(_collected(opened, reader, "labelled", limit, context, dropped))
    return rows, _chosen(opened, columns.spoken_input, rows)


def take_whole_rows(
    opened: OpenedDataset, named: ColumnNames, limit: int, context: RunContext, dropped: Counter[str]
) -> tuple[list[Example], ChosenDataset]:
    """At most `limit` rows, for the teacher to rewrite: the columns that are named, else all.

    Raises DataFileError when there is none.
    """
    wanted = [name for name in (named.input, named.output) if name] or list(opened.sample_table.columns)

    def reader(table: Table) -> ReadsRows:
        return WholeRowReader([column for column in wanted if column in table.columns])

    for column in wanted:
        opened.sample_table.require(column)
    rows = list(_collected(opened, reader, "transformed", limit, context, dropped))
    return rows, _chosen(opened, ", ".join(wanted), rows)


def _collected(
    opened: OpenedDataset,
    reader: Callable[[Table], ReadsRows],
    kind: Literal["labelled", "transformed"],
    limit: int,
    context: RunContext,
    dropped: Counter[str],
) -> Iterator[Example]:
    """Rows of every split but the test's, an even random sample of more than `limit`."""
    card, left, reasons = opened.card, limit, Counter[str]()
    for split, table in sorted(opened.splits.items()):
        if split == "test":
            continue
        source = Source(kind, card.id, opened.config, split, None, card.licence or "")
        rng = context.rng("unfitting", card.id, opened.config, split)
        rows = collect(table, reader(table), source, left, rng, reasons, context.progress)
        left -= len(rows)
        yield from rows
    if left == limit:
        why = ", ".join(f"{reason} ({count})" for reason, count in reasons.items()) or "it has a test split only"
        raise DataFileError(f"data set {card.id} gives no input: {why}; set its columns, or choose another one")
    dropped.update({f"inputs: {reason}": count for reason, count in reasons.items()})


def _chosen(opened: OpenedDataset, columns: str, rows: list[Example]) -> ChosenDataset:
    card = opened.card
    counts = Counter(row.source.split for row in rows)
    return ChosenDataset(card.id, card.origin, card.licence, columns, "", dict(counts), opened.config)
