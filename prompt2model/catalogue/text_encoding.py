"""Text files with a known encoding: UTF-8, or what the byte order mark says. Anything else is refused."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import BinaryIO, TextIO

from prompt2model.errors import DataFileError

_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 24
"""Bytes between two line ends, at most: a file without any would be read into memory as one row."""
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(path: Path, *, by_lines: bool = True) -> str:
    """The encoding that the byte order mark names; UTF-8 where there is none.

    Reads the file once from end to end, so that a bad byte is found before any work is done.
    Raises DataFileError with the offset of the first byte that does not fit, or, where it is read `by_lines`, for
    a line of more than 16 MiB.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
            file.seek(0)
            _check(path, file, encoding, _LONGEST_LINE if by_lines else None)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return encoding


def _check(path: Path, file: BinaryIO, encoding: str, longest: int | None) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    done = line = 0
    while True:
        chunk = file.read(_CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            offset = done - pending + error.start
            bad = error.object[error.start : error.start + 1].hex()
            raise DataFileError(
                f"{path}: byte {offset} (0x{bad}) is not {_spoken(encoding)}; save the file as UTF-8, "
                f"for example: iconv -f CP1252 -t UTF-8 {path.name} > utf8_{path.name}"
            ) from error
        # Text never holds NUL; a UTF-16 file without its mark is full of them.
        if "\x00" in text:
            raise DataFileError(
                f"{path}: holds a NUL byte near byte {done + max(chunk.find(0), 0)}; it is not a UTF-8 text "
                "(perhaps UTF-16 without a byte order mark): save the file as UTF-8"
            )
        ends = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        line = len(chunk) - ends if ends else line + len(chunk)
        if longest is not None and line > longest:
            raise DataFileError(
                f"{path}: a line has more than {longest >> 20} MiB; a table has one row a line, and a text file "
                "one input a line: break it up"
            )
        done += len(chunk)
        if not chunk:
            return


def _spoken(encoding: str) -> str:
    return {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}[encoding]


def open_text(path: Path, encoding: str) -> TextIO:
    """The file as text with its line ends untouched, as the csv module wants it."""
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, newline="")
