"""Rows of a split as examples, at most so many, and files of them."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from prompt2model.artifacts import JsonlRows, dump_line
from prompt2model.catalogue.data_files import Table
from prompt2model.component import Progress
from prompt2model.records import Example, Source


class ReadsRows(Protocol):
    """Makes an example of a row, or says why there is none."""

    def read(self, row: dict[str, str], source: Source) -> Example | str:
        """The example, or the reason."""
        ...


def collect(
    table: Table,
    reader: ReadsRows,
    source: Source,
    limit: int,
    rng: random.Random,
    dropped: Counter[str],
    progress: Progress,
) -> list[Example]:
    """Usable rows in their order; of more than `limit` an even random sample (reservoir sampling, algorithm R).

    `source` is completed with the row's number. Reasons for leaving rows out are counted in `dropped`.
    """
    kept: list[tuple[int, Example]] = []
    usable = 0
    for number, row in enumerate(progress.track(table.rows, f"reading {table.path.name}")):
        example = reader.read(row, numbered(source, number))
        if isinstance(example, str):
            dropped[example] += 1
            continue
        usable += 1
        if len(kept) < limit:
            kept.append((number, example))
            continue
        place = rng.randrange(usable)
        if place < limit:
            kept[place] = (number, example)
    if usable > limit:
        dropped["over the row limit"] += usable - limit
    return [example for _, example in sorted(kept, key=lambda pair: pair[0])]


def numbered(source: Source, row: int) -> Source:
    """The source with the number of its row, counted from 0."""
    return Source(source.kind, source.dataset, source.config, source.split, row, source.licence)


def write_examples(path: Path, examples: Iterable[Example]) -> JsonlRows[Example]:
    """The examples as a file, there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.writelines(dump_line(example) + "\n" for example in examples)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return JsonlRows(path)
