"""Tables in files: CSV, TSV, JSON lines, a JSON list, Parquet. Read as a stream; every value is text.

Values: None is the empty text, numbers are written as they stand, true and false in lower case, nested objects are
flattened with dots (`answers.text`), lists are kept as JSON (`list_columns` names them) and label ids of Parquet
files become the label names that the file itself carries.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from prompt2model.catalogue.columns import ColumnChoice, propose_columns
from prompt2model.catalogue.flattening import flatten, list_keys
from prompt2model.catalogue.parquet_files import parquet_columns, parquet_rows
from prompt2model.catalogue.request_logs import INPUT, OUTPUT, common_frame, is_request_log, log_row, turn_of
from prompt2model.catalogue.text_encoding import encoding_of, open_text
from prompt2model.errors import DataFileError

__all__ = ["DATA_SUFFIXES", "ColumnChoice", "Table", "propose_columns", "read_table"]

DATA_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
"""Endings of files that `read_table` reads."""

# The csv module refuses cells above 131,072 characters; documents are longer. The most that fits a C long everywhere.
csv.field_size_limit(2**31 - 1)

_DELIMITERS = ",;\t|"
_SNIFFED_ROWS = 200
_SAMPLED_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """One file of rows. `rows` can be iterated any number of times, each time as a stream from the file.

    `columns`: names in the order of the file. `list_columns`: those whose values are lists, held as JSON text.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Iterable[dict[str, str]]
    list_columns: frozenset[str] = frozenset()

    def sample(self, count: int = 200) -> list[dict[str, str]]:
        """The first `count` rows."""
        return list(itertools.islice(self.rows, count))

    def require(self, column: str) -> str:
        """`column` itself. Raises DataFileError, naming the columns that there are, when the table lacks it."""
        if column in self.columns:
            return column
        there = ", ".join(repr(name) for name in self.columns)
        raise DataFileError(f"{self.path}: there is no column {column!r}; the columns are {there}")


@dataclass(frozen=True, slots=True)
class _Stream:
    """Calls `open` for every new iteration."""

    open: Callable[[], Iterator[dict[str, str]]]

    def __iter__(self) -> Iterator[dict[str, str]]:
        return self.open()


def read_table(path: Path | str, named: Collection[str | None] = ()) -> Table:
    """The table in a file; its ending says the format. `named` are columns that a person names.

    A CSV whose first line looks like a row of data is refused, unless that line holds a named column.
    Raises DataFileError (one line: file, row, what to do) when the file is missing, empty, badly encoded, of an
    unknown format, has no header or names a column twice. A row that does not fit the header raises it while the
    rows are read.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise DataFileError(f"{path}: {what}; give the path of a {', '.join(DATA_SUFFIXES)} file")
    if path.stat().st_size == 0:
        raise DataFileError(f"{path}: the file is empty; give one with a header and rows")
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return _read_delimited(path, "\t" if suffix == ".tsv" else None, named)
    if suffix in (".jsonl", ".ndjson", ".json"):
        return _read_json(path, lines=suffix != ".json")
    if suffix == ".parquet":
        columns, list_columns = parquet_columns(path)
        return Table(path, columns, _Stream(lambda: parquet_rows(path)), list_columns)
    raise DataFileError(f"{path}: the ending {suffix or '(none)'} is not known; save it as {', '.join(DATA_SUFFIXES)}")


# --- CSV and TSV -----------------------------------------------------------------------------------------------


def _read_delimited(path: Path, delimiter: str | None, named: Collection[str | None]) -> Table:
    encoding = encoding_of(path)
    with open_text(path, encoding) as file:
        # A few rows more than are judged, so that the last one is whole.
        head = list(itertools.islice(file, 5 * _SNIFFED_ROWS))
    chosen = delimiter or _sniff_delimiter(head)
    records = _records(path, encoding, chosen)
    header = next(records, None)
    if header is None:
        raise DataFileError(f"{path}: the file holds no row; the first line must name the columns")
    columns = _column_names(path, header[1])
    if not set(named) & set(columns):
        _refuse_data_as_header(path, columns, [cells for _, cells in itertools.islice(records, _SNIFFED_ROWS)])
    return Table(path, columns, _Stream(lambda: _delimited_rows(path, encoding, chosen, columns)))


def _sniff_delimiter(head: list[str]) -> str:
    """The delimiter that cuts the header into several cells and most rows into as many."""
    best = (0.0, 0, ",")
    for delimiter in _DELIMITERS:
        reader = csv.reader(iter(head), delimiter=delimiter)
        rows: list[list[str]] = []
        try:
            rows.extend(row for row in itertools.islice(reader, _SNIFFED_ROWS) if row)
        except csv.Error:
            # A half-read quoted cell at the end of the sample; the rows before it are enough to judge.
            rows = rows or [[]]
        width = len(rows[0]) if rows else 0
        if width < 2:
            continue
        even = sum(len(row) == width for row in rows) / len(rows)
        if (even, width) > best[:2]:
            best = (even, width, delimiter)
    return best[2]


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the record's last line, its cells); empty lines are passed over."""
    with open_text(path, encoding) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except csv.Error as error:
            raise DataFileError(
                f"{path}: line {reader.line_num} is not proper CSV ({error}); "
                'put cells that hold quotes into quotes, and write each inner quote twice: ""'
            ) from error


def _column_names(path: Path, cells: list[str]) -> tuple[str, ...]:
    if not any(cell.strip() for cell in cells):
        raise DataFileError(f"{path}: the first line names no column; write names such as input,output there")
    # Tables written with a row index have one nameless column.
    names = tuple(cell.strip() or f"column_{number}" for number, cell in enumerate(cells, 1))
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataFileError(f"{path}: the column {doubled[0]!r} is named twice in the first line; rename one of them")
    return names


def _refuse_data_as_header(path: Path, columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A first line that is itself a row would be lost, and every later question about columns would be absurd."""
    for number, name in enumerate(columns):
        repeated = sum(len(row) > number and row[number].strip() == name for row in rows) > 0
        sentence = len(name.split()) >= 6 or (len(name.split()) >= 4 and name[-1] in ".?!")
        if repeated or sentence:
            raise DataFileError(
                f"{path}: the first line looks like a row of data ({name[:60]!r}) and not like the names of the "
                "columns; add a first line such as input,output; if the line does name them, rename them, or give one "
                "of the names (--input-column, for predict --column)"
            )


def _delimited_rows(path: Path, encoding: str, delimiter: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    records = _records(path, encoding, delimiter)
    next(records)
    for line, cells in records:
        if len(cells) != len(columns):
            raise DataFileError(
                f"{path}: the row that ends in line {line} has {len(cells)} cells, the header has {len(columns)}; "
                f"put cells that hold {delimiter!r} or a line break into double quotes"
            )
        yield dict(zip(columns, cells, strict=True))


# --- JSON ------------------------------------------------------------------------------------------------------


def _read_json(path: Path, lines: bool) -> Table:
    # One document may stand in one line; it is read whole anyway.
    encoding = encoding_of(path, by_lines=lines)

    def rows() -> Iterator[dict[str, str]]:
        for number, value in _json_values(path, encoding, lines):
            if not isinstance(value, dict):
                raise DataFileError(f"{path}: row {number} is not an object; write each row as {{'column': value}}")
            yield flatten(value)

    columns: dict[str, None] = {}
    lists: set[str] = set()
    for number, value in itertools.islice(_json_values(path, encoding, lines), _SAMPLED_ROWS):
        if not isinstance(value, dict):
            raise DataFileError(f"{path}: row {number} is not an object; write each row as {{'column': value}}")
        if number == 0 and is_request_log(value):
            return _read_log(path, encoding, lines)
        columns.update(dict.fromkeys(flatten(value)))
        lists |= list_keys(value)
    if not columns:
        raise DataFileError(f"{path}: the file holds no row")
    names = tuple(columns)
    return Table(
        path, names, _Stream(lambda: ({name: row.get(name, "") for name in names} for row in rows())), frozenset(lists)
    )


def _read_log(path: Path, encoding: str, lines: bool) -> Table:
    """Logged requests to a chat model, without the template that all of them share."""

    def objects() -> Iterator[dict[str, Any]]:
        return (value for _, value in _json_values(path, encoding, lines) if isinstance(value, dict))

    frame = common_frame(turn_of(value)[0] for value in itertools.islice(objects(), _SAMPLED_ROWS))
    return Table(path, (INPUT, OUTPUT), _Stream(lambda: (log_row(value, frame) for value in objects())))


def _json_values(path: Path, encoding: str, lines: bool) -> Iterator[tuple[int, Any]]:
    """(row number from 0, value) of JSON lines, of a list, or of the one list of objects in an object.

    Lines are streamed; one document is read whole, as a JSON parser must.
    """
    with open_text(path, encoding) as file:
        if lines or _holds_lines(file):
            file.seek(0)
            yield from _line_values(path, file)
            return
        file.seek(0)
        yield from _document_values(path, file)


def _holds_lines(file: TextIO) -> bool:
    """Many `.json` files are JSON lines: then the first line is a whole object, and not one that holds all rows."""
    filled = (line for line in file if line.strip())
    try:
        first = json.loads(next(filled, ""))
    except (ValueError, RecursionError):
        return False
    if not isinstance(first, dict):
        return False
    return next(filled, None) is not None or _row_list(first) is None


def _row_list(document: dict[str, Any]) -> list[Any] | None:
    """The one list of objects in an object such as {"version": 1, "data": [...]}."""
    lists = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return lists[0] if len(lists) == 1 else None


def _line_values(path: Path, file: TextIO) -> Iterator[tuple[int, Any]]:
    row = 0
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataFileError(f"{path}: line {number} is not JSON ({error}); write one object per line") from error
        yield row, value
        row += 1


def _document_values(path: Path, file: TextIO) -> Iterator[tuple[int, Any]]:
    try:
        document = json.load(file)
    except (ValueError, RecursionError) as error:
        raise DataFileError(f"{path}: is not JSON ({error}); write a list of objects or one object per line") from error
    if isinstance(document, dict):
        document = _row_list(document)
    if not isinstance(document, list):
        raise DataFileError(f"{path}: holds no list of rows; write a list of objects or one object per line")
    yield from enumerate(document)
