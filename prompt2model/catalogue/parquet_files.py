"""Parquet files as rows of text, read batch by batch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.catalogue.flattening import flatten, list_keys
from prompt2model.errors import DataFileError

if TYPE_CHECKING:
    from pyarrow import DataType, Field
    from pyarrow.parquet import ColumnSchema, ParquetFile

_BATCH_ROWS = 1000


def parquet_columns(path: Path) -> tuple[tuple[str, ...], frozenset[str]]:
    """(flattened column names, those that hold lists). Columns with bytes (images, audio) are left out.

    Raises DataFileError when the file is not Parquet or holds no row.
    """
    file = _open(path)
    if file.metadata.num_rows == 0:
        raise DataFileError(f"{path}: the file holds no row")
    columns: dict[str, None] = {}
    lists: set[str] = set()
    for rows in _batches(file):
        for row in rows:
            columns.update(dict.fromkeys(flatten(row)))
            lists |= list_keys(row)
        break
    return tuple(columns), frozenset(lists)


def parquet_rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of text. Label ids become the names that a data set written by `datasets` keeps in its metadata."""
    file = _open(path)
    names = label_names(file.schema_arrow.metadata or {})
    columns, _ = parquet_columns(path)
    for rows in _batches(file):
        for row in rows:
            flat = flatten(named_labels(row, names))
            yield {column: flat.get(column, "") for column in columns}


def _batches(file: ParquetFile) -> Iterator[list[dict[str, Any]]]:
    """Rows by the batch. Bytes are not read, nor what lies alone beside the bytes of an image: its file's name."""
    wanted = [path for field in file.schema_arrow for path in _text_parts(file, field)]
    for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
        yield batch.to_pylist()


def _text_parts(file: ParquetFile, field: Field) -> list[str]:
    """What to read of a column: all of it, or of one with bytes inside the parts that are none."""
    if not _holds_bytes(field.type):
        return [field.name]
    leaves = (file.schema.column(number) for number in range(len(file.schema)))
    parts = [
        leaf.path
        for leaf in leaves
        if leaf.path.startswith(f"{field.name}.") and (leaf.physical_type != "BYTE_ARRAY" or _is_text(leaf))
    ]
    return [] if {part.rpartition(".")[2] for part in parts} <= {"path"} else parts


def _is_text(leaf: ColumnSchema) -> bool:
    return str(leaf.logical_type) == "String"


def _holds_bytes(type: DataType) -> bool:
    """Whether values of an Arrow type are bytes, or objects or lists with bytes in them."""
    from pyarrow import types

    if types.is_binary(type) or types.is_large_binary(type) or types.is_fixed_size_binary(type):
        return True
    return any(_holds_bytes(type.field(number).type) for number in range(type.num_fields))


def named_labels(row: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """The row with label ids replaced by label names; -1, the mark of a hidden label, becomes None."""
    named = dict(row)
    for column, labels in names.items():
        value = named.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            named[column] = labels[value] if 0 <= value < len(labels) else None
        elif isinstance(value, list) and all(isinstance(one, int) and 0 <= one < len(labels) for one in value):
            named[column] = [labels[one] for one in value]
    return named


def own_label_names(path: Path) -> dict[str, tuple[str, ...]]:
    """The label names that a Parquet file carries, by column. Raises DataFileError when it is none."""
    return label_names(_open(path).schema_arrow.metadata or {})


def label_names(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Label names by column, from the Arrow metadata that `datasets` writes; empty where there is none."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError):
        return {}
    found = {}
    for column, feature in features.items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else {}
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and inner.get("names"):
            found[column] = tuple(str(name) for name in inner["names"])
    return found


def _open(path: Path) -> ParquetFile:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        return ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataFileError(f"{path}: is not a readable Parquet file ({reason}); write it again or use CSV") from error
