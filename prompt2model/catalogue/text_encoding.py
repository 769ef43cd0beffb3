"""Text files with a known encoding: UTF-8, or what the byte order mark says. Anything else is refused."""

from __future__ import annotations

import codecs
import io
from pathlib import Path
from typing import BinaryIO, TextIO

from prompt2model.errors import DataFileError

_CHUNK = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def encoding_of(path: Path) -> str:
    """The encoding that the byte order mark names; UTF-8 where there is none.

    Reads the file once from end to end, so that a bad byte is found before any work is done.
    Raises DataFileError with the offset of the first byte that does not fit.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4)
            encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
            file.seek(0)
            _check(path, file, encoding)
    except OSError as error:
        raise DataFileError(f"{path}: cannot be read: {error.strerror or error}") from error
    return encoding


def _check(path: Path, file: BinaryIO, encoding: str) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
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
        done += len(chunk)
        if not chunk:
            return


def _spoken(encoding: str) -> str:
    return {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-32": "UTF-32"}[encoding]


def open_text(path: Path, encoding: str) -> TextIO:
    """The file as text with its line ends untouched, as the csv module wants it."""
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, newline="")
