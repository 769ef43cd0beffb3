"""The files of a corpus: one file, or all text files in a folder and below; each is read as a stream."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from prompt2model.errors import DataFileError

KINDS = (".txt", ".md", ".jsonl")
TEXT_COLUMNS = ("text", "contents", "content", "passage", "body")
TITLE_COLUMN = "title"
_SPOKEN_KINDS = f"{', '.join(KINDS)}, also .gz"
_BLOCK_LETTERS = 1 << 16
"""A plain text file is handed on in blocks of about so many letters, cut at a line's end."""


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """A file of a corpus. `name` is its path inside the corpus, with `/` between folders."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be cut into passages. `title` belongs to all of them."""

    text: str
    title: str = ""


def check_corpus(corpus: Path) -> None:
    """Raises DataFileError where there is no text file."""
    corpus_files(corpus)


def corpus_files(corpus: Path) -> list[CorpusFile]:
    """The text files of a corpus by name. What has another kind of name is passed over, and so is what is hidden.

    Raises DataFileError where there is none.
    """
    if corpus.is_file():
        if _kind(corpus) is None:
            raise DataFileError(f"{corpus} is no text file for evidence; give a folder of texts, or {_SPOKEN_KINDS}")
        return [CorpusFile(corpus.name, corpus)]
    if not corpus.is_dir():
        raise DataFileError(f"there is no corpus {corpus}; give a folder of texts ({_SPOKEN_KINDS}), or one such file")
    found = [
        CorpusFile(path.relative_to(corpus).as_posix(), path)
        for path in corpus.rglob("*")
        if _kind(path) is not None and not any(part.startswith(".") for part in path.relative_to(corpus).parts)
    ]
    files = sorted((file for file in found if file.path.is_file()), key=lambda file: file.name)
    if not files:
        raise DataFileError(f"{corpus} holds no text file ({_SPOKEN_KINDS}); give a folder with some")
    return files


def file_digest(path: Path) -> str:
    """What tells the content of a file from any other, 32 digits. Raises DataFileError where it cannot be read."""
    digest = hashlib.sha256()
    with _readable(path), path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()[:32]


def read_texts(path: Path) -> Iterator[Text]:
    """The texts of a file: a row's each in JSON lines, else the file's, in blocks.

    Raises DataFileError, naming the line, for what is not UTF-8, not JSON, or has no text.
    """
    with _readable(path), _open(path) as file:
        yield from _rows(path, file) if _kind(path) == ".jsonl" else _blocks(path, file)


def _kind(path: Path) -> str | None:
    name = path.name.casefold().removesuffix(".gz")
    return next((kind for kind in KINDS if name.endswith(kind)), None)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.casefold() == ".gz" else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """What the system or gzip say of a file in one line."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataFileError(f"{path}: is no whole gzip file ({error}); pack it again") from error
    except OSError as error:
        raise DataFileError(
            f"{path}: cannot be read ({error.strerror or error}); correct its rights or move it away"
        ) from error


def _lines(path: Path, file: IO[bytes]) -> Iterator[tuple[int, str]]:
    """The lines with their numbers from 1."""
    for number, line in enumerate(file, 1):
        try:
            yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataFileError(f"{path}: line {number} is not UTF-8; save the file as UTF-8") from error


def _blocks(path: Path, file: IO[bytes]) -> Iterator[Text]:
    lines: list[str] = []
    letters = 0
    for _, line in _lines(path, file):
        lines.append(line)
        letters += len(line)
        if letters >= _BLOCK_LETTERS:
            yield Text("".join(lines))
            lines, letters = [], 0
    if lines:
        yield Text("".join(lines))


def _rows(path: Path, file: IO[bytes]) -> Iterator[Text]:
    for number, line in _lines(path, file):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataFileError(f"{path}: line {number} is not JSON ({error}); write one object a line") from error
        if not isinstance(row, dict):
            raise DataFileError(f"{path}: line {number} is no JSON object; write one object a line")
        column = next((name for name in TEXT_COLUMNS if isinstance(row.get(name), str)), None)
        if column is None:
            raise DataFileError(
                f"{path}: line {number} has no text in a column {', '.join(TEXT_COLUMNS)}; "
                "name the column of the texts `text`"
            )
        title = row.get(TITLE_COLUMN)
        yield Text(row[column], title.strip() if isinstance(title, str) else "")
