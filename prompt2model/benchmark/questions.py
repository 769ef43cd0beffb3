"""Files of questions: JSON lines, or one JSON document, packed or not."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prompt2model.benchmark.definitions import Benchmark
from prompt2model.benchmark.row_formats import RowError
from prompt2model.catalogue.hub import fetch_rows
from prompt2model.errors import DataFileError, HubError
from prompt2model.records import Example, Source, make_example

_MOST_ROWS = 200_000


def read_questions(path: Path, benchmark: Benchmark) -> tuple[Example, ...]:
    """The questions of a file, in its order; texts that come with a question are its evidence.

    Raises DataFileError, naming the row, for what is not in the set's own format.
    """
    rows = _rows(path)
    if not rows:
        raise DataFileError(f"{path} holds no question; give a file of {benchmark.name} as JSON lines")
    try:
        questions = benchmark.read(rows)
    except RowError as fault:
        raise DataFileError(
            f"{path}: row {fault.row + 1} {fault}; give a file in the format of {benchmark.name} ({benchmark.paper})"
        ) from fault
    return tuple(
        make_example(
            one.text,
            (one.answer,),
            Source("gold", benchmark.name, split=path.name, row=number),
            one.choices,
            one.evidence,
        )
        for number, one in enumerate(questions)
    )


def hub_questions(benchmark: Benchmark, folder: Path) -> Path:
    """The set's questions with published answers, fetched from the hub into `folder` unless they are there.

    Raises HubError with what to do instead.
    """
    try:
        tables = fetch_rows(benchmark.dataset, benchmark.config, folder, _MOST_ROWS)
    except HubError as error:
        raise HubError(f"{error}; or give a file that you have with --source FILE") from error
    if benchmark.split not in tables:
        raise HubError(
            f"{benchmark.dataset} has no split {benchmark.split} any more, only {', '.join(tables)}; give a file with "
            "--source FILE"
        )
    return tables[benchmark.split].path


def sample(rows: Sequence[Example], limit: int | None, seed: int) -> tuple[Example, ...]:
    """`limit` rows drawn at random, in their order; all of them where there are no more."""
    if limit is None or limit >= len(rows):
        return tuple(rows)
    return tuple(rows[place] for place in sorted(random.Random(seed).sample(range(len(rows)), limit)))


def _rows(path: Path) -> list[Mapping[str, Any]]:
    try:
        packed = path.suffix.casefold() == ".gz"
        text = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataFileError(f"there is no file {path}; give a file of questions, or --source hub") from error
    except UnicodeDecodeError as error:
        raise DataFileError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (OSError, EOFError) as error:
        raise DataFileError(f"{path} cannot be read ({error}); give a file of questions as JSON lines") from error
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        rows = [json.loads(line) for line in lines]
        if len(rows) == 1:
            rows = _of_document(rows[0])
    except (ValueError, RecursionError):
        rows = _document(path, text)
    if not all(isinstance(row, Mapping) for row in rows):
        raise DataFileError(f"{path}: not every row is a JSON object; write one question a line")
    return rows


def _document(path: Path, text: str) -> list[Any]:
    try:
        return _of_document(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path} is neither JSON nor JSON lines ({error}); write one question a line") from error


def _of_document(document: Any) -> list[Any]:
    """The rows of a list, of an object of rows by their ids, or of a single row."""
    if isinstance(document, Mapping) and document and all(isinstance(one, Mapping) for one in document.values()):
        return list(document.values())
    return document if isinstance(document, list) else [document]
