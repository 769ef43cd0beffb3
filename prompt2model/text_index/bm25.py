"""BM25 over SQLite FTS5: one file on disk, safe to delete and to build again.

BM25 is Robertson and Zaragoza's (doi 10.1561/1500000019); FTS5 computes it with k1 = 1.2 and b = 0.75.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prompt2model.sqlite_file import open_database

SCHEMA_VERSION = 1

# Scripts that write no spaces between words; FTS5 would take a whole sentence for one word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found. A higher `score` is a better match; scores of two queries do not compare."""

    key: str
    score: float


@dataclass(frozen=True, slots=True)
class Document:
    """A document to index. `texts` has one text per field of the index; `payload` is kept and never searched.

    `stamp` says which state of its origin the document was made from.
    """

    key: str
    texts: tuple[str, ...]
    stamp: str = ""
    payload: str = ""


class Bm25Index:
    """Documents of several weighted fields, found by any of a query's words.

    `fields` maps a field's name to its weight: a word found in a field of weight 2 counts twice as often.
    A file that is damaged, of another version or of other fields is built anew: it only holds copies.
    """

    def __init__(self, path: Path | None, fields: Mapping[str, float]) -> None:
        if not all(name.isidentifier() for name in fields):
            raise ValueError(f"field names must be identifiers: {list(fields)}")
        self._fields = dict(fields)
        self._path = path
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError as error:
            if path is None or isinstance(error, sqlite3.OperationalError):
                raise
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            self._connection = self._open()

    def _open(self) -> sqlite3.Connection:
        connection = open_database(self._path)
        signature = ",".join(self._fields)
        try:
            connection.execute("BEGIN IMMEDIATE")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            known = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'about'").fetchone()[0]
            old = connection.execute("SELECT fields FROM about").fetchone() if known else None
            if version != SCHEMA_VERSION or old != (signature,):
                for table in ("about", "documents", "words"):
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
                connection.execute("CREATE TABLE about (fields TEXT NOT NULL)")
                connection.execute("INSERT INTO about VALUES (?)", (signature,))
                connection.execute(
                    "CREATE TABLE documents (number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, "
                    "stamp TEXT NOT NULL, payload TEXT NOT NULL)"
                )
                connection.execute(
                    f"CREATE VIRTUAL TABLE words USING fts5({signature}, "
                    "tokenize = 'porter unicode61 remove_diacritics 2')"
                )
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def __enter__(self) -> Bm25Index:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM documents").fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def put(self, documents: Iterable[Document]) -> None:
        """Add documents; one with a key that is there already replaces the old one. All or none."""
        marks = ", ".join("?" for _ in self._fields)
        with self._writing():
            for document in documents:
                if len(document.texts) != len(self._fields):
                    raise ValueError(f"{document.key}: {len(document.texts)} texts for {len(self._fields)} fields")
                self._delete(document.key)
                number = self._connection.execute(
                    "INSERT INTO documents (key, stamp, payload) VALUES (?, ?, ?)",
                    (document.key, document.stamp, document.payload),
                ).lastrowid
                self._connection.execute(
                    f"INSERT INTO words (rowid, {', '.join(self._fields)}) VALUES (?, {marks})",  # noqa: S608
                    (number, *map(searchable, document.texts)),
                )

    def remove(self, keys: Iterable[str]) -> None:
        """Forget documents; unknown keys are passed over."""
        with self._writing():
            for key in keys:
                self._delete(key)

    def _delete(self, key: str) -> None:
        row = self._connection.execute("SELECT number FROM documents WHERE key = ?", (key,)).fetchone()
        if row:
            self._connection.execute("DELETE FROM words WHERE rowid = ?", row)
            self._connection.execute("DELETE FROM documents WHERE number = ?", row)

    def stamps(self) -> dict[str, str]:
        """Stamp by key of every document."""
        return dict(self._connection.execute("SELECT key, stamp FROM documents ORDER BY key"))

    def payload(self, key: str) -> str | None:
        """What was kept with a document; None for an unknown key."""
        row = self._connection.execute("SELECT payload FROM documents WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best `limit` documents that hold any word of the query, best first, equals by key."""
        words = query_words(query)
        if not words:
            return []
        # Each word in quotes: no text of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in words)
        weights = ", ".join(str(float(weight)) for weight in self._fields.values())
        rows: Sequence[tuple[str, float]] = self._connection.execute(
            f"SELECT key, -bm25(words, {weights}) AS score FROM words JOIN documents ON number = words.rowid "  # noqa: S608
            "WHERE words MATCH ? ORDER BY score DESC, key LIMIT ?",
            (expression, limit),
        ).fetchall()
        return [Hit(key, score) for key, score in rows]


def searchable(text: str) -> str:
    """The text with runs of unspaced scripts cut into overlapping pairs of characters."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)] or [run]


def query_words(query: str, limit: int = 256) -> list[str]:
    """The different words of a query in the order of their first use, at most `limit`."""
    words = (word.casefold() for word in _WORD.findall(searchable(query)))
    return list(dict.fromkeys(word for word in words if word != "_"))[:limit]
