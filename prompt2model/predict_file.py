"""Answer every row of a file with a trained model, streaming."""

from __future__ import annotations

import csv
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.errors import DataFileError
from prompt2model.predictor import Predictor, load_predictor
from prompt2model.records import Item, Prediction

_LIKELY_NAMES = ("input", "text", "sentence", "message", "question", "content", "body")


def predict_file(run: Path, file: Path, column: str | None = None, output: Path | None = None) -> None:
    """Write the file's rows as CSV with the columns `prediction`, `probability` and `failure` added.

    `column` holds the inputs; without it the only column, or one named like an input, is taken. A row without an
    answer keeps its place, with the failure's name; how many there are is said on stderr. An empty input is one.
    Raises DataFileError, RunFolderError.
    """
    table = read_table(file, (column,))
    name = _input_column(table, file, column)
    predictor = load_predictor(run)
    added = _free_names(table.columns)
    rows, failed = 0, Counter[str]()
    with _writer(output) as stream:
        writer = csv.writer(stream)
        writer.writerow([*table.columns, *added])
        for row, prediction in zip(table.rows, _answers(predictor, table, name), strict=True):
            rows += 1
            if prediction.failure:
                failed[prediction.failure] += 1
            best = f"{max(prediction.probabilities):.4f}" if prediction.probabilities else ""
            cells = (row.get(key, "") for key in table.columns)
            writer.writerow([*cells, prediction.text or "", best, prediction.failure or ""])
    if failed:
        kinds = ", ".join(f"{count} {kind}" for kind, count in failed.most_common())
        print(f"{failed.total()} of {rows} rows have no answer: {kinds}", file=sys.stderr)
    if output is not None:
        print(f"written to {output}", file=sys.stderr)


def _answers(predictor: Predictor, table: Table, name: str) -> Iterator[Prediction]:
    """One prediction per row; a model would give an empty input some label, so that it is never asked."""
    filled = predictor.predict(Item(row[name]) for row in table.rows if row[name].strip())
    for row in table.rows:
        yield next(filled) if row[name].strip() else Prediction(None, failure="empty")


def _input_column(table: Table, file: Path, column: str | None) -> str:
    if column is not None:
        if column not in table.columns:
            raise DataFileError(f"{file} has no column `{column}`; it has: {', '.join(table.columns)}")
        return column
    if len(table.columns) == 1:
        return table.columns[0]
    for name in _LIKELY_NAMES:
        for known in table.columns:
            if known.casefold() == name:
                return known
    raise DataFileError(f"{file}: which column holds the inputs? Add --column; it has: {', '.join(table.columns)}")


def _free_names(columns: tuple[str, ...]) -> list[str]:
    """The names of the added columns; one that the file already has gets `model_` before it."""
    return [f"model_{name}" if name in columns else name for name in ("prediction", "probability", "failure")]


@contextmanager
def _writer(output: Path | None) -> Iterator[IO[str]]:
    """Stdout, or a file that appears only when it is whole."""
    if output is None:
        yield sys.stdout
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(output)
