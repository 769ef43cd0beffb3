"""Answer every row of a file with a trained model, streaming."""

from __future__ import annotations

import csv
import itertools
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from prompt2model.catalogue.data_files import Table, read_table
from prompt2model.catalogue.input_layouts import columns_to_answer
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.console import ConsoleProgress
from prompt2model.evidence import PredictorWithEvidence, evidence_of_student
from prompt2model.predictor import Predictor, StudentSpec, load_predictor
from prompt2model.records import Item, Prediction, TaskSpec


def predict_file(
    run: Path, file: Path, columns: Sequence[str] = (), output: Path | None = None, evidence: Path | None = None
) -> None:
    """Write the file's rows as CSV with the columns `prediction`, `probability` and `failure` added.

    Rows become inputs as in training: from the same columns, put together in the same way. `columns` name them where
    they are called otherwise. A row without an answer keeps its place, with the failure's name; how many there are is
    said on stderr. An input with an empty part is one, and so is a question with fewer than two answers to choose
    from. A model that reads evidence finds it where it did in training, or in `evidence`.

    Raises ConfigError, DataFileError, EvidenceError, RunFolderError.
    """
    table = read_table(file, columns)
    student = load_predictor(run)
    reader = _reader(table, student.spec, columns)
    retriever = evidence_of_student(student.spec.evidence, run, evidence, ConsoleProgress())
    predictor = student if retriever is None else PredictorWithEvidence(student, retriever)
    added = _free_names(table.columns)
    rows, failed = 0, Counter[str]()
    with _writer(output) as stream:
        writer = csv.writer(stream)
        writer.writerow([*table.columns, *added])
        for row, prediction in _answered(predictor, table, reader):
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


def _reader(table: Table, spec: StudentSpec, columns: Sequence[str]) -> RowReader:
    """Reads the inputs of the table's rows as the student's training rows were read."""
    task = TaskSpec(spec.instruction, (), spec.kind, spec.labels, spec.language, "")
    return RowReader(task, columns_to_answer(table, spec.layouts, spec.kind, columns), table.list_columns)


def _answered(predictor: Predictor, table: Table, reader: RowReader) -> Iterator[tuple[dict[str, str], Prediction]]:
    """Every row with its prediction; a model would give an empty input some label, so that it is never asked."""
    rows, ahead = itertools.tee((row, reader.item(row)) for row in table.rows)
    answers = predictor.predict(item for _, item in ahead if isinstance(item, Item))
    for row, item in rows:
        yield row, next(answers) if isinstance(item, Item) else Prediction(None, failure="empty")


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
