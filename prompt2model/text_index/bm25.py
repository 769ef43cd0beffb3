"""BM25 over one SQLite file: safe to delete and to build again, and quick with half a million documents.

BM25 is Robertson and Zaragoza's (doi 10.1561/1500000019) with k1 = 1.2 and b = 0.75; words are read by SQLite's FTS5.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.sqlite_file import open_database
from prompt2model.text_index.best_matches import best_matches, best_matches_each
from prompt2model.text_index.index_tables import Opening, pack, prepare_tables, unpacked
from prompt2model.text_index.postings import Postings

if TYPE_CHECKING:
    import numpy as np

_QUERY_TERMS = 256
_CACHE_KIB = 1 << 16
"""SQLite's page cache. A put touches the pages of all keys and terms: with SQLite's own 2 MB it reads them again and
again, 147 GB for half a million documents."""


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
    `any_thread` lets threads take turns with it.

    `opening` says what was found: `new` (nothing), `kept` (an index, up to date), `migrated` (one of another version
    or of other weights, made anew of its documents), `rebuilt` (one of other fields or that cannot be read; it is empty
    now). A path to a file that is no database is deleted and made anew: the file holds copies only.
    """

    opening: Opening

    def __init__(
        self,
        place: Path | sqlite3.Connection | None,
        fields: Mapping[str, float],
        name: str = "words",
        *,
        any_thread: bool = False,
    ) -> None:
        if not all(one.isidentifier() for one in (*fields, name)):
            raise ValueError(f"names of an index and of its fields must be identifiers: {[name, *fields]}")
        self.name = name
        self._fields = dict(fields)
        self._documents = f"{name}_documents"
        self._owns = not isinstance(place, sqlite3.Connection)
        self._any_thread = any_thread
        if isinstance(place, sqlite3.Connection):
            self._set_up(place)
            return
        try:
            self._open(place)
        except sqlite3.DatabaseError as error:
            if place is None or isinstance(error, sqlite3.OperationalError):
                raise
            for part in (place.name, f"{place.name}-wal", f"{place.name}-shm"):
                place.with_name(part).unlink(missing_ok=True)
            self._open(place)
            self.opening = "rebuilt"

    def _open(self, path: Path | None) -> None:
        connection = open_database(path, any_thread=self._any_thread)
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise

    def _set_up(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._postings = Postings(connection, self.name, tuple(self._fields.values()))
        with self.writing():
            self.opening = prepare_tables(connection, self.name, self._fields, self._postings)

    def close(self) -> None:
        """Let go of the file; a connection that was given stays open."""
        if self._owns:
            self.connection.close()

    def __enter__(self) -> Bm25Index:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self._postings.count()

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
        """Add documents; one with a key that is there already replaces the old one. All or none.

        Many at once are much quicker than one by one.
        """
        replaced: list[tuple[int, bytes]] = []
        with self.writing():
            self._postings.update(self._added(documents, replaced), unpacked(replaced))

    def _added(
        self, documents: Iterable[Document], replaced: list[tuple[int, bytes]]
    ) -> Iterator[tuple[int, tuple[str, ...]]]:
        for document in documents:
            if len(document.texts) != len(self._fields):
                raise ValueError(f"{document.key}: {len(document.texts)} texts for {len(self._fields)} fields")
            replaced.extend(self._delete(document.key))
            row = (document.key, document.stamp, document.payload, pack(document.texts))
            cursor = self.connection.execute(
                f"INSERT INTO {self._documents} (key, stamp, payload, texts) VALUES (?, ?, ?, ?)",  # noqa: S608
                row,
            )
            yield int(cursor.lastrowid or 0), document.texts

    def remove(self, keys: Iterable[str]) -> None:
        """Forget documents; unknown keys are passed over."""
        with self.writing():
            self._postings.update((), unpacked([gone for key in keys for gone in self._delete(key)]))

    def _delete(self, key: str) -> list[tuple[int, bytes]]:
        """The number and the packed texts of what was deleted, if anything was."""
        query = f"SELECT number, texts FROM {self._documents} WHERE key = ?"  # noqa: S608
        rows: list[tuple[int, bytes]] = self.connection.execute(query, (key,)).fetchall()
        for number, _ in rows:
            self.connection.execute(f"DELETE FROM {self._documents} WHERE number = ?", (number,))  # noqa: S608
        return rows

    def stamps(self) -> dict[str, str]:
        """Stamp by key of every document."""
        return dict(self.connection.execute(f"SELECT key, stamp FROM {self._documents} ORDER BY key"))  # noqa: S608

    def payload(self, key: str) -> str | None:
        """What was kept with a document; None for an unknown key."""
        row = self.connection.execute(f"SELECT payload FROM {self._documents} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return row[0] if row else None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """The texts of a document, one per field; None for an unknown key."""
        row = self.connection.execute(f"SELECT number, texts FROM {self._documents} WHERE key = ?", (key,)).fetchone()  # noqa: S608
        return next(unpacked([row]))[1] if row else None

    def search(self, query: str, limit: int, *, exact: bool = False) -> list[Hit]:
        """The best `limit` documents that hold any word of the query, best first, equals by key.

        Of a long query the first 256 different words count. `exact` reads everything, which finds the same more slowly:
        it is there to be compared with.
        """
        terms = self._postings.terms(query)[:_QUERY_TERMS]
        if not terms or limit < 1:
            return []
        with self._reading():
            return self._hits(*best_matches(self._postings, terms, limit, exact), limit)

    def search_each(self, shared: str, endings: Sequence[str], limit: int) -> list[list[Hit]]:
        """What `search` finds for the shared text followed by each of the endings; quicker than one by one.

        Of the shared text and of each ending the first 256 different words count.
        """
        if limit < 1:
            return [[] for _ in endings]
        first, *rest = (self._postings.terms(text)[:_QUERY_TERMS] for text in (shared, *endings))
        with self._reading():
            found = best_matches_each(self._postings, first, rest, limit)
            return [self._hits(numbers, scores, limit) for numbers, scores in found]

    def _hits(self, numbers: np.ndarray, scores: np.ndarray, limit: int) -> list[Hit]:
        """The best of the documents found, by their keys."""
        rows = self.connection.execute(
            f"SELECT number, key FROM {self._documents} WHERE number IN (SELECT value FROM json_each(?))",  # noqa: S608
            (json.dumps(numbers.tolist()),),
        )
        keys: dict[int, str] = dict(rows.fetchall())
        found = ((-score, keys[number]) for number, score in zip(numbers.tolist(), scores.tolist(), strict=True))
        return [Hit(key, -score) for score, key in sorted(found)[:limit]]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """All that is read inside is of one state, whatever others write."""
        inner = self.connection.in_transaction
        if not inner:
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            if not inner:
                self.connection.execute("COMMIT")
