"""The tables of an index in its file, and how those of an older version are taken over."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from prompt2model.text_index.postings import Postings

SCHEMA_VERSION = 3

Opening = Literal["new", "kept", "migrated", "rebuilt"]
"""What opening an index came to; see `Bm25Index.opening`."""

# Version 2 kept the same documents, and inverted lists by FTS5 in a table of `words`.
_COLUMNS = ["number", "key", "stamp", "payload", "texts"]
# Version 1: one index in a file, by FTS5, which kept the texts.
_FIRST_VERSION = ("about", "documents", "words")


def prepare_tables(
    connection: sqlite3.Connection, name: str, fields: Mapping[str, float], postings: Postings
) -> Opening:
    """Make the tables of an index, or take over those that are there. To be called within a transaction.

    The inverted lists are made from the documents' texts, so only another set of fields makes documents worthless.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS text_indices "
        "(name TEXT PRIMARY KEY, version INTEGER NOT NULL, fields TEXT NOT NULL) WITHOUT ROWID"
    )
    if "weights" not in _columns(connection, "text_indices"):
        connection.execute("ALTER TABLE text_indices ADD COLUMN weights TEXT NOT NULL DEFAULT ''")
    names, weights = ",".join(fields), ",".join(str(float(weight)) for weight in fields.values())
    query = "SELECT version, fields, weights FROM text_indices WHERE name = ?"
    found = connection.execute(query, (name,)).fetchone()
    if found == (SCHEMA_VERSION, names, weights):
        return "kept"
    row = (name, SCHEMA_VERSION, names, weights)
    connection.execute("INSERT OR REPLACE INTO text_indices VALUES (?, ?, ?, ?)", row)
    postings.create()
    if found and found[1] == names and _columns(connection, f"{name}_documents") == _COLUMNS:
        connection.execute(f"DROP TABLE IF EXISTS {name}_words")
        postings.update(_kept_texts(connection, name), ())
        return "migrated"
    _create(connection, name)
    if found:
        return "rebuilt"
    return _take_over_first_version(connection, name, fields, postings)


def _create(connection: sqlite3.Connection, name: str) -> None:
    for table in ("documents", "vectors"):
        connection.execute(f"DROP TABLE IF EXISTS {name}_{table}")
    # Numbers are never given twice, so a vector always belongs to the texts it was made from.
    connection.execute(
        f"CREATE TABLE {name}_documents (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE NOT NULL, "
        "stamp TEXT NOT NULL, payload TEXT NOT NULL, texts BLOB NOT NULL)"
    )
    connection.execute(
        f"CREATE TABLE {name}_vectors (number INTEGER PRIMARY KEY, encoder TEXT NOT NULL, vector BLOB NOT NULL)"
    )
    connection.execute(
        f"CREATE TRIGGER {name}_forget AFTER DELETE ON {name}_documents "  # noqa: S608
        f"BEGIN DELETE FROM {name}_vectors WHERE number = old.number; END"
    )


def _take_over_first_version(
    connection: sqlite3.Connection, name: str, fields: Mapping[str, float], postings: Postings
) -> Opening:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != 1 or not all(_columns(connection, table) for table in _FIRST_VERSION):
        return "new"
    (signature,) = connection.execute("SELECT fields FROM about").fetchone()
    same = signature == ",".join(fields)
    if same:
        rows = connection.execute(
            f"SELECT key, stamp, payload, {signature} FROM documents JOIN words ON words.rowid = number "  # noqa: S608
            "ORDER BY number"
        )
        connection.executemany(
            f"INSERT INTO {name}_documents (key, stamp, payload, texts) VALUES (?, ?, ?, ?)",  # noqa: S608
            ((key, stamp, payload, pack(texts)) for key, stamp, payload, *texts in rows),
        )
        postings.update(_kept_texts(connection, name), ())
    for table in _FIRST_VERSION:
        connection.execute(f"DROP TABLE {table}")
    connection.execute("PRAGMA user_version = 0")
    return "migrated" if same else "rebuilt"


def _kept_texts(connection: sqlite3.Connection, name: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    query = f"SELECT number, texts FROM {name}_documents ORDER BY number"  # noqa: S608
    for number, content in connection.execute(query):
        yield number, unpack(content)


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """Names of the columns of a table; empty where there is no such table."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def pack(texts: Sequence[str]) -> bytes:
    """The texts of a document as they are kept."""
    return zlib.compress(json.dumps(texts, ensure_ascii=False).encode("utf-8", "surrogatepass"), 1)


def unpack(content: bytes) -> tuple[str, ...]:
    """What `pack` packed."""
    return tuple(json.loads(zlib.decompress(content).decode("utf-8", "surrogatepass")))
