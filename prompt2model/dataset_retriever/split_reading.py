"""The rows of a data set, split by split: those to learn from, and official tests apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.collecting import collect
from prompt2model.dataset_retriever.opening import OpenedDataset
from prompt2model.records import Example, Source, TaskSpec


@dataclass
class ReadSplits:
    """The rows of one data set by its splits."""

    rows: list[Example] = field(default_factory=list)
    tests: list[list[Example]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)


def read_all_splits(
    opened: OpenedDataset,
    columns: ColumnChoice,
    label_map: Mapping[str, str],
    task: TaskSpec,
    limit: int,
    context: RunContext,
) -> ReadSplits:
    """At most `limit` rows of each split; an official test split is kept apart. Raises DataFileError."""
    card, read = opened.card, ReadSplits()
    for split, table in sorted(opened.splits.items()):
        for column in columns.inputs:
            table.require(column)
        if columns.output not in table.columns:
            # Competitions publish test inputs without their answers.
            read.dropped["split without answers"] += sum(1 for _ in table.rows)
            continue
        source = Source("retrieved", card.id, opened.config, split, None, card.licence or "")
        reader = RowReader.for_table(table, columns, task, label_map)
        rng = context.rng("rows", card.id, opened.config, split)
        rows = collect(table, reader, source, limit, rng, read.dropped, context.progress)
        read.counts[split] = len(rows)
        if split != "test":
            read.rows += rows
        elif rows:
            read.tests.append(rows)
    return read
