"""The tables of an index in its file, and how those of another version are taken over."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from prompt2model.text_index.postings import Postings

SCHEMA_VERSION = 3

Opening = Literal["new", "kept", "migrated", "rebuilt"]
"""What opening an index came to; see `Bm25Index.opening`."""

_COLUMNS = ["number", "key", "stamp", "payload", "texts"]


def prepare_tables(
    connection: sqlite3.Connection, name: str, fields: Mapping[str, float], postings: Postings
) -> Opening:
    """Make the tables of an index, or take over those that are there. To be called within a transaction.

    The inverted lists are made from the documents' texts, so another version or other weights cost no document.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS text_indices "
        "(name TEXT PRIMARY KEY, version INTEGER NOT NULL, fields TEXT NOT NULL, weights TEXT NOT NULL) WITHOUT ROWID"
    )
    if not any(row[1] == "weights" for row in connection.execute("PRAGMA table_info(text_indices)")):
        connection.execute("ALTER TABLE text_indices ADD COLUMN weights TEXT NOT NULL DEFAULT ''")
    names, weights = ",".join(fields), ",".join(str(float(weight)) for weight in fields.values())
    query = "SELECT version, fields, weights FROM text_indices WHERE name = ?"
    found = connection.execute(query, (name,)).fetchone()
    if found == (SCHEMA_VERSION, names, weights):
        return "kept"
    row = (name, SCHEMA_VERSION, names, weights)
    connection.execute("INSERT OR REPLACE INTO text_indices VALUES (?, ?, ?, ?)", row)
    if found and found[1] == names and _made_of_documents(connection, name, postings):
        return "migrated"
    postings.create()
    connection.execute(f"DROP TABLE IF EXISTS {name}_documents")
    # Numbers are never given twice: a segment may still hold the number of a document that is gone.
    connection.execute(
        f"CREATE TABLE {name}_documents (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL, "
        "stamp TEXT NOT NULL, payload TEXT NOT NULL, texts BLOB NOT NULL)"
    )
    return "rebuilt" if found else "new"


def _made_of_documents(connection: sqlite3.Connection, name: str, postings: Postings) -> bool:
    """Make the inverted lists of the documents that are there; False where these cannot be read."""
    if [row[1] for row in connection.execute(f"PRAGMA table_info({name}_documents)")] != _COLUMNS:
        return False
    postings.create()
    try:
        rows = connection.execute(f"SELECT number, texts FROM {name}_documents ORDER BY number")  # noqa: S608
        postings.update(unpacked(rows), ())
    except (ValueError, TypeError, zlib.error):
        return False
    return True


def pack(texts: Sequence[str]) -> bytes:
    """The texts of a document as they are kept."""
    return zlib.compress(json.dumps(texts, ensure_ascii=False).encode("utf-8", "surrogatepass"), 1)


def unpacked(rows: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """(number, texts) of (number, what `pack` made of the texts)."""
    for number, content in rows:
        yield number, tuple(json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass")))
