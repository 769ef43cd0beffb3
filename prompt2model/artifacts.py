"""Records ↔ files: an artifact is a folder with `artifact.json` and one JSONL file per collection of rows.

`artifact.json` is written last: a folder that has it is complete.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
import types
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from prompt2model import records
from prompt2model.errors import RunFolderError
from prompt2model.records import Example

ARTIFACT_FILE = "artifact.json"
TIMING_FILE = "timing.json"
"""Seconds, bytes of memory, latencies: the only file of an artifact that may differ between equal runs."""
RecordT = TypeVar("RecordT")


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write, fsync, rename: after a kill the file is there whole, as before, or not at all."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def encode_record(record: Any) -> dict[str, Any]:
    """A record as plain JSON values; fields that have their default are left out."""
    content = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if field.default is not dataclasses.MISSING and value == field.default:
            continue
        content[field.name] = _plain(value)
    return content


def decode_record(record_type: type[RecordT], content: Mapping[str, Any]) -> RecordT:
    """The record that `encode_record` wrote. Raises RunFolderError when a field is missing or of another shape."""
    try:
        return _decode(record_type, content, Path())
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RunFolderError(f"a stored {record_type.__name__} cannot be read back: {error}") from error


def dump_line(record: Any) -> str:
    """A record as one line of JSON, without the line's end."""
    return json.dumps(encode_record(record), ensure_ascii=False, separators=(",", ":"))


class JsonlRows(Collection[RecordT], Generic[RecordT]):
    """Rows in one JSONL file: sized, re-iterable, streamed from disk on every pass."""

    def __init__(self, path: Path, record_type: type[RecordT] = Example) -> None:  # type: ignore[assignment]
        self.path = path
        self.record_type = record_type
        self._count: int | None = None

    def __iter__(self) -> Iterator[RecordT]:
        try:
            with self.path.open(encoding="utf-8") as file:
                for number, line in enumerate(file, start=1):
                    try:
                        content = json.loads(line)
                    except json.JSONDecodeError as error:
                        raise RunFolderError(
                            f"{self.path} is damaged in line {number}; delete its folder and resume the run"
                        ) from error
                    yield decode_record(self.record_type, content)
        except FileNotFoundError as error:
            raise RunFolderError(f"{self.path} is missing; resume the run to make it again") from error

    def __len__(self) -> int:
        if self._count is None:
            with self.path.open("rb") as file:
                self._count = sum(1 for _ in file)
        return self._count

    def __contains__(self, item: object) -> bool:
        return any(row == item for row in self)

    def __repr__(self) -> str:
        return f"JsonlRows({str(self.path)!r})"


def write_rows(path: Path, rows: Iterable[Any]) -> None:
    """Write rows to a JSONL file, streaming."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(dump_line(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def save_artifact(value: Any, folder: Path) -> None:
    """Store a step's output record in its folder. Rows go to `<field>.jsonl`, paths are kept relative."""
    content = _store(value, folder, "")
    write_atomically(folder / ARTIFACT_FILE, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def load_artifact(record_type: type[RecordT], folder: Path) -> RecordT:
    """Read a step's output back. Raises RunFolderError when it is missing or damaged."""
    file = folder / ARTIFACT_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunFolderError(f"{file} is missing; resume the run to make it again") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{file} is damaged; delete {folder} and resume the run to make it again") from error
    try:
        return _decode(record_type, content, folder)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise RunFolderError(f"{file} does not fit this version ({error}); delete {folder} and resume") from error


def load_timing(folder: Path) -> dict[str, Any]:
    """What was measured in a folder; empty when nothing was."""
    try:
        return dict(json.loads((folder / TIMING_FILE).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def add_timing(folder: Path, figures: Mapping[str, Any]) -> None:
    """Add figures to what was measured in a folder."""
    write_atomically(folder / TIMING_FILE, json.dumps({**load_timing(folder), **figures}, indent=1) + "\n")


def hash_of_value(value: Any) -> str:
    """The content of a value as a hash: of rows their file, of a record its fields."""
    if isinstance(value, JsonlRows):
        return hash_of_path(value.path)
    if isinstance(value, (tuple, list)):
        return hashlib.sha256("".join(hash_of_value(item) for item in value).encode()).hexdigest()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if any(isinstance(getattr(value, field.name), JsonlRows) for field in dataclasses.fields(value)):
            return hash_of_value([getattr(value, field.name) for field in dataclasses.fields(value)])
        value = encode_record(value)
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def hash_of_path(path: Path) -> str:
    """The content of a file or folder as a hash; empty when there is nothing (the step will say so)."""
    if path.is_dir():
        return content_hash(path)
    if not path.is_file():
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def content_hash(folder: Path) -> str:
    """The content of an artifact as a hash: of every file in its folder but timings, which may differ."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != TIMING_FILE and not path.name.startswith("."):
            digest.update(str(path.relative_to(folder)).encode() + b"\0")
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return encode_record(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def _is_rows(hint: Any) -> bool:
    return get_origin(hint) is Collection


def _store(value: Any, folder: Path, prefix: str) -> Any:
    """Like `_plain`, but rows leave for files of their own, named after the field that holds them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        content: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if _is_rows(hints[field.name]):
                content[field.name] = _store_rows(item, folder, f"{prefix}{field.name}.jsonl")
            else:
                content[field.name] = _store(item, folder, f"{prefix}{field.name}-")
        return content
    if isinstance(value, Mapping):
        return {str(key): _store(item, folder, f"{prefix}{key}-") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_store(item, folder, f"{prefix}{number}-") for number, item in enumerate(value)]
    if isinstance(value, Path):
        return os.path.relpath(value, folder)
    return value


def _store_rows(rows: Iterable[Any], folder: Path, name: str) -> str:
    path = folder / name
    if isinstance(rows, JsonlRows) and rows.path.resolve().is_relative_to(folder.resolve()):
        return str(rows.path.resolve().relative_to(folder.resolve()))
    write_rows(path, rows)
    return name


@cache
def _hints(record_type: type) -> dict[str, Any]:
    # With the names of its own module, which may import them for type checkers only, and of all records.
    return get_type_hints(record_type, {**vars(records), **vars(sys.modules[record_type.__module__])})


def _decode(hint: Any, value: Any, folder: Path) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        known = {field.name for field in dataclasses.fields(hint)}
        if unknown := set(value) - known:
            raise ValueError(f"unknown field {sorted(unknown)[0]}")
        return hint(**{name: _decode(hints[name], item, folder) for name, item in value.items()})  # type: ignore[operator]
    if _is_rows(hint):
        return JsonlRows(folder / value, *arguments)
    if origin is tuple:
        return tuple(_decode(arguments[0], item, folder) for item in value)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(arguments[1], item, folder) for key, item in value.items()}
    if origin in (Union, types.UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        return None if value is None else _decode(inner[0], value, folder)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{value!r} is none of {arguments}")
        return value
    if hint is Path:
        return Path(os.path.normpath(folder / value))
    return value
