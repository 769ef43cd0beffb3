"""BM25 over SQLite FTS5: one file on disk, safe to delete and to build again.

BM25 is Robertson and Zaragoza's (doi 10.1561/1500000019); FTS5 computes it with k1 = 1.2 and b = 0.75.
"""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from prompt2model.sqlite_file import open_database

SCHEMA_VERSION = 2

Opening = Literal["new", "kept", "migrated", "rebuilt"]
"""What opening an index came to; see `Bm25Index.opening`."""

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
    Indices of different `name` share a file without touching one another. `place` is a path, an open connection of
    `open_database` (which stays the caller's to close), or None for memory.

    `opening` says what was found: `new` (nothing), `kept` (an index, up to date), `migrated` (one of an older
    version; its documents are there), `rebuilt` (one that cannot be read, of other fields or of an unknown version;
    it is empty now). A path to a file that is no database is deleted and made anew: the file holds copies only.
    """

    opening: Opening

    def __init__(
        self, place: Path | sqlite3.Connection | None, fields: Mapping[str, float], name: str = "words"
    ) -> None:
        if not all(one.isidentifier() for one in (*fields, name)):
            raise ValueError(f"names of an index and of its fields must be identifiers: {[name, *fields]}")
        self.name = name
        self._fields = dict(fields)
        self._owns = not isinstance(place, sqlite3.Connection)
        if isinstance(place, sqlite3.Connection):
            self.connection = place
            self.opening = self._set_up()
            return
        try:
            self.connection, self.opening = self._open(place)
        except sqlite3.DatabaseError as error:
            if place is None or isinstance(error, sqlite3.OperationalError):
                raise
            for part in (place.name, f"{place.name}-wal", f"{place.name}-shm"):
                place.with_name(part).unlink(missing_ok=True)
            self.connection, _ = self._open(place)
            self.opening = "rebuilt"

    def _open(self, path: Path | None) -> tuple[sqlite3.Connection, Opening]:
        self.connection = open_database(path)
        try:
            return self.connection, self._set_up()
        except BaseException:
            self.connection.close()
            raise

    def _set_up(self) -> Opening:
        """Make the tables, or take over those that are there."""
        signature = ",".join(self._fields)
        with self.writing():
            self.connection.execute(
                "CREATE TABLE IF NOT EXISTS text_indices (name TEXT PRIMARY KEY, version INTEGER NOT NULL, "
                "fields TEXT NOT NULL) WITHOUT ROWID"
            )
            found = self.connection.execute(
                "SELECT version, fields FROM text_indices WHERE name = ?", (self.name,)
            ).fetchone()
            if found == (SCHEMA_VERSION, signature):
                return "kept"
            for table in ("documents", "words", "vectors"):
                self.connection.execute(f"DROP TABLE IF EXISTS {self.name}_{table}")
            self.connection.execute(
                "INSERT OR REPLACE INTO text_indices VALUES (?, ?, ?)", (self.name, SCHEMA_VERSION, signature)
            )
            self.connection.execute(
                f"CREATE TABLE {self.name}_documents (number INTEGER PRIMARY KEY AUTOINCREMENT, "
                "key TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL, payload TEXT NOT NULL, texts BLOB NOT NULL)"
            )
            # Numbers are never given twice, so a vector always belongs to the texts it was made from.
            self.connection.execute(
                f"CREATE TABLE {self.name}_vectors (number INTEGER PRIMARY KEY, encoder TEXT NOT NULL, "
                "vector BLOB NOT NULL)"
            )
            self.connection.execute(
                f"CREATE TRIGGER {self.name}_forget AFTER DELETE ON {self.name}_documents "  # noqa: S608
                f"BEGIN DELETE FROM {self.name}_vectors WHERE number = old.number; END"
            )
            self.connection.execute(
                f"CREATE VIRTUAL TABLE {self.name}_words USING fts5({signature}, "
                "tokenize = 'porter unicode61 remove_diacritics 2')"
            )
        return "rebuilt" if found else "new"

    def close(self) -> None:
        """Let go of the file; a connection that was given stays open."""
        if self._owns:
            self.connection.close()

    def __enter__(self) -> Bm25Index:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self.connection.execute(f"SELECT count(*) FROM {self.name}_documents").fetchone()[0])  # noqa: S608

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or none of what is written inside. Within a transaction of the caller it becomes a part of that."""
        inner = self.connection.in_transaction
        self.connection.execute("SAVEPOINT text_index" if inner else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO text_index" if inner else "ROLLBACK")
            if inner:
                self.connection.execute("RELEASE text_index")
            raise
        self.connection.execute("RELEASE text_index" if inner else "COMMIT")

    def put(self, documents: Iterable[Document]) -> None:
        """Add documents; one with a key that is there already replaces the old one. All or none."""
        marks = ", ".join("?" for _ in self._fields)
        with self.writing():
            for document in documents:
                if len(document.texts) != len(self._fields):
                    raise ValueError(f"{document.key}: {len(document.texts)} texts for {len(self._fields)} fields")
                self._delete(document.key)
                number = self.connection.execute(
                    f"INSERT INTO {self.name}_documents (key, stamp, payload, texts) VALUES (?, ?, ?, ?)",  # noqa: S608
                    (document.key, document.stamp, document.payload, _packed(document.texts)),
                ).lastrowid
                self.connection.execute(
                    f"INSERT INTO {self.name}_words (rowid, {', '.join(self._fields)}) VALUES (?, {marks})",  # noqa: S608
                    (number, *map(searchable, document.texts)),
                )

    def remove(self, keys: Iterable[str]) -> None:
        """Forget documents; unknown keys are passed over."""
        with self.writing():
            for key in keys:
                self._delete(key)

    def _delete(self, key: str) -> None:
        row = self.connection.execute(f"SELECT number FROM {self.name}_documents WHERE key = ?", (key,)).fetchone()  # noqa: S608
        if row:
            self.connection.execute(f"DELETE FROM {self.name}_words WHERE rowid = ?", row)  # noqa: S608
            self.connection.execute(f"DELETE FROM {self.name}_documents WHERE number = ?", row)  # noqa: S608

    def stamps(self) -> dict[str, str]:
        """Stamp by key of every document."""
        return dict(self.connection.execute(f"SELECT key, stamp FROM {self.name}_documents ORDER BY key"))  # noqa: S608

    def payload(self, key: str) -> str | None:
        """What was kept with a document; None for an unknown key."""
        row = self.connection.execute(f"SELECT payload FROM {self.name}_documents WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return row[0] if row else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The texts of a document, one per field; None for an unknown key."""
        row = self.connection.execute(f"SELECT texts FROM {self.name}_documents WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return _unpacked(row[0]) if row else None

    def search(self, query: str, limit: int) -> list[Hit]:
        """The best `limit` documents that hold any word of the query, best first, equals by key."""
        words = query_words(query)
        if not words:
            return []
        # Each word in quotes: no text of a query can be read as an operator.
        expression = " OR ".join(f'"{word}"' for word in words)
        weights = ", ".join(str(float(weight)) for weight in self._fields.values())
        table = f"{self.name}_words"
        rows: Sequence[tuple[str, float]] = self.connection.execute(
            f"SELECT key, -bm25({table}, {weights}) AS score FROM {table} "  # noqa: S608
            f"JOIN {self.name}_documents ON number = {table}.rowid "
            f"WHERE {table} MATCH ? ORDER BY score DESC, key LIMIT ?",
            (expression, limit),
        ).fetchall()
        return [Hit(key, score) for key, score in rows]


def _packed(texts: Sequence[str]) -> bytes:
    return zlib.compress(json.dumps(texts, ensure_ascii=False).encode(), 1)


def _unpacked(content: bytes) -> tuple[str, ...]:
    return tuple(json.loads(zlib.decompress(content)))


def searchable(text: str) -> str:
    """The text with runs of unspaced scripts cut into overlapping pairs of characters."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)] or [run]


def query_words(query: str, limit: int = 256) -> list[str]:
    """The different words of a query in the order of their first use, at most `limit`."""
    words = (word.casefold() for word in _WORD.findall(searchable(query)))
    return list(dict.fromkeys(word for word in words if word != "_"))[:limit]
