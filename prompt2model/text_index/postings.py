"""Inverted lists in SQLite: which documents hold a term, and how often.

The lists are kept in segments of at most 65,536 documents, which are written once. Small segments are merged into
larger ones as they come, each document a few times only (the log-structured merge of O'Neil, Cheng, Gawlick and
O'Neil, 1996, doi 10.1007/s002360050048). A document that is removed stays in its segment, marked, until that is merged.
"""

from __future__ import annotations

import secrets
import sqlite3
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from prompt2model.text_index.terms import TermReader

_POSTING = np.dtype([("place", "<u2"), ("frequency", "<f2")])
_MOST_DOCUMENTS = 1 << 16
_MOST_POSTINGS = 1 << 23
_FAN = 3
"""Segments are merged when the smaller ones together hold at least this many times as much as the largest of them."""
_READ_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Segment:
    """`numbers` int64 [n]: the documents; `lengths` float32 [n]: terms in each; `dead` bool [n]: removed since."""

    id: int
    numbers: np.ndarray
    lengths: np.ndarray
    dead: np.ndarray


@dataclass(frozen=True, slots=True)
class _Flat:
    """Postings of a segment in no order: `terms` are positions in `names`, `places` positions in `numbers`."""

    names: Sequence[str]
    terms: np.ndarray
    places: np.ndarray
    frequencies: np.ndarray
    numbers: np.ndarray
    lengths: np.ndarray


class Postings:
    """The inverted lists of one index. Changes are made within a transaction of the caller.

    `weights` has one number for each text of a document: a term found there counts so often.
    """

    def __init__(self, connection: sqlite3.Connection, name: str, weights: Sequence[float]) -> None:
        self._connection, self._weights = connection, tuple(weights)
        self._lists, self._segments, self._frequencies = (
            f"{name}_{table}" for table in ("lists", "segments", "frequencies")
        )
        self._reader = TermReader()
        self._loaded: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._gathered = _Gathered()

    def create(self) -> None:
        """Make the tables, empty."""
        for table in (self._lists, self._segments, self._frequencies):
            self._connection.execute(f"DROP TABLE IF EXISTS {table}")
        # Rows of a segment lie together: they are written and deleted in one go.
        self._connection.execute(
            f"CREATE TABLE {self._lists} (segment INTEGER, term TEXT, postings BLOB NOT NULL, "
            "PRIMARY KEY (segment, term)) WITHOUT ROWID"
        )
        self._connection.execute(
            f"CREATE TABLE {self._segments} (id INTEGER PRIMARY KEY, numbers BLOB NOT NULL, "
            "lengths BLOB NOT NULL, dead BLOB NOT NULL, living INTEGER NOT NULL, postings INTEGER NOT NULL)"
        )
        self._connection.execute(
            f"CREATE TABLE {self._frequencies} (term TEXT PRIMARY KEY, documents INTEGER NOT NULL) WITHOUT ROWID"
        )

    def terms(self, text: str) -> list[str]:
        """The different terms of a text in the order of their first use."""
        return list(dict.fromkeys(self._reader.read([text])[0]))

    def update(self, added: Iterable[tuple[int, Sequence[str]]], removed: Iterable[tuple[int, Sequence[str]]]) -> None:
        """Add and then remove documents, each given by its number and its texts. A number is never used again."""
        self._gathered = _Gathered()
        for block in _blocks(added):
            self._gather(block)
        self._write_gathered()
        self._remove(removed)
        self._merge()

    def _gather(self, block: Sequence[tuple[int, Sequence[str]]]) -> None:
        for (number, _), fields in zip(block, self._read(texts for _, texts in block), strict=True):
            counts: dict[str, float] = {}
            for weight, terms in zip(self._weights, fields, strict=True):
                for term, count in Counter(terms).items():
                    counts[term] = counts.get(term, 0.0) + weight * count
            if self._gathered.is_full:
                self._write_gathered()
            self._gathered.add(number, sum(map(len, fields)), counts)

    def _read(self, documents: Iterable[Sequence[str]]) -> list[list[list[str]]]:
        """The terms of each text of each document."""
        width = len(self._weights)
        read = self._reader.read([text for texts in documents for text in texts])
        return [read[start : start + width] for start in range(0, len(read), width)]

    def _write_gathered(self) -> None:
        gathered, self._gathered = self._gathered, _Gathered()
        if not gathered.numbers:
            return
        flat = gathered.flat()
        counts = np.bincount(flat.terms, minlength=len(flat.names))
        self._count(dict(zip(flat.names, counts.tolist(), strict=True)))
        self._write(flat)

    def _count(self, changes: Mapping[str, int]) -> None:
        """Add to the document frequencies."""
        self._connection.executemany(
            f"INSERT INTO {self._frequencies} VALUES (?, ?) "  # noqa: S608
            "ON CONFLICT (term) DO UPDATE SET documents = documents + excluded.documents",
            sorted(changes.items()),
        )

    def _write(self, flat: _Flat) -> None:
        """A new segment. Its lists are written in the order of the terms, each in the order of the places."""
        rank = np.empty(len(flat.names), dtype=np.int64)
        order = sorted(range(len(flat.names)), key=flat.names.__getitem__)
        rank[order] = np.arange(len(order))
        terms = rank[flat.terms]
        sorting = np.argsort(terms << 16 | flat.places)
        postings = np.empty(len(sorting), dtype=_POSTING)
        postings["place"] = flat.places[sorting]
        postings["frequency"] = flat.frequencies[sorting]
        ends = np.cumsum(np.bincount(terms, minlength=len(order))) * _POSTING.itemsize
        content = postings.tobytes()
        living = len(flat.numbers)
        # Never one that another segment had, also not in a transaction that was undone: readers remember segments.
        segment = secrets.randbits(62)
        self._connection.execute(
            f"INSERT INTO {self._segments} VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608
            (
                segment,
                flat.numbers.astype("<i8").tobytes(),
                flat.lengths.astype("<f4").tobytes(),
                np.packbits(np.zeros(living, dtype=bool)).tobytes(),
                living,
                len(postings),
            ),
        )
        bounds = [0, *ends.tolist()]
        self._connection.executemany(
            f"INSERT INTO {self._lists} VALUES (?, ?, ?)",  # noqa: S608
            ((segment, flat.names[term], content[bounds[at] : bounds[at + 1]]) for at, term in enumerate(order)),
        )

    def _remove(self, documents: Iterable[tuple[int, Sequence[str]]]) -> None:
        counts: Counter[str] = Counter()
        gone: list[int] = []
        for block in _blocks(documents):
            gone += [number for number, _ in block]
            for fields in self._read(texts for _, texts in block):
                counts.update({term for terms in fields for term in terms})
        if not gone:
            return
        self._count({term: -count for term, count in counts.items()})
        self._connection.executemany(
            f"DELETE FROM {self._frequencies} WHERE term = ? AND documents <= 0",  # noqa: S608
            ((term,) for term in counts),
        )
        numbers = np.array(gone, dtype=np.int64)
        for segment in self.segments():
            now = np.isin(segment.numbers, numbers)
            if now.any():
                dead = segment.dead | now
                self._connection.execute(
                    f"UPDATE {self._segments} SET dead = ?, living = ? WHERE id = ?",  # noqa: S608
                    (np.packbits(dead).tobytes(), int((~dead).sum()), segment.id),
                )

    def _merge(self) -> None:
        """Merge small segments, and write those anew that are dead for the most part."""
        while True:
            rows = self._connection.execute(
                f"SELECT id, living, postings, length(numbers) / 8 FROM {self._segments} ORDER BY living DESC, id"  # noqa: S608
            ).fetchall()
            group = _to_merge(rows) or [row[0] for row in rows if 2 * row[1] < row[3]][:1]
            if not group:
                return
            self._join(group)

    def _join(self, ids: Sequence[int]) -> None:
        """One segment of what lives in several."""
        parts = [self._flat(segment) for segment in self.segments() if segment.id in set(ids)]
        gone = [(segment,) for segment in ids]
        self._connection.executemany(f"DELETE FROM {self._lists} WHERE segment = ?", gone)  # noqa: S608
        self._connection.executemany(f"DELETE FROM {self._segments} WHERE id = ?", gone)  # noqa: S608
        known: dict[str, int] = {}
        terms = [_renumbered(part, known) for part in parts]
        shifts = np.cumsum([0, *(len(part.numbers) for part in parts)])
        joined = _Flat(
            list(known),
            np.concatenate(terms),
            np.concatenate([part.places + shift for part, shift in zip(parts, shifts[:-1], strict=True)]),
            np.concatenate([part.frequencies for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([part.lengths for part in parts]),
        )
        if len(joined.numbers):
            self._write(joined)

    def _flat(self, segment: Segment) -> _Flat:
        """The postings of the living documents of a segment."""
        rows = self._connection.execute(
            f"SELECT term, postings FROM {self._lists} WHERE segment = ?",  # noqa: S608
            (segment.id,),
        ).fetchall()
        sizes = [len(content) // _POSTING.itemsize for _, content in rows]
        postings = np.frombuffer(b"".join(content for _, content in rows), dtype=_POSTING)
        terms = np.repeat(np.arange(len(rows)), sizes)
        places = postings["place"].astype(np.int64)
        names, frequencies = [name for name, _ in rows], postings["frequency"]
        lives = ~segment.dead
        if segment.dead.any():
            kept = lives[places]
            used, terms = np.unique(terms[kept], return_inverse=True)
            names, frequencies = [names[at] for at in used], frequencies[kept]
            places = (np.cumsum(lives) - 1)[places[kept]]
        return _Flat(names, terms, places, frequencies, segment.numbers[lives], segment.lengths[lives])

    def segments(self) -> list[Segment]:
        """All segments, the largest first. What never changes of them is read once."""
        rows = self._connection.execute(f"SELECT id, dead FROM {self._segments} ORDER BY living DESC, id").fetchall()  # noqa: S608
        self._loaded = {segment: self._loaded.get(segment) or self._load(segment) for segment, _ in rows}
        found = []
        for segment, dead in rows:
            numbers, lengths = self._loaded[segment]
            bits = np.unpackbits(np.frombuffer(dead, dtype=np.uint8), count=len(numbers)).astype(bool)
            found.append(Segment(segment, numbers, lengths, bits))
        return found

    def _load(self, segment: int) -> tuple[np.ndarray, np.ndarray]:
        query = f"SELECT numbers, lengths FROM {self._segments} WHERE id = ?"  # noqa: S608
        numbers, lengths = self._connection.execute(query, (segment,)).fetchone()
        return np.frombuffer(numbers, dtype="<i8"), np.frombuffer(lengths, dtype="<f4")

    def totals(self) -> tuple[int, float]:
        """(living documents, terms in all of them)."""
        segments = self.segments()
        lengths = (float(segment.lengths[~segment.dead].sum(dtype=np.float64)) for segment in segments)
        return sum(int((~segment.dead).sum()) for segment in segments), sum(lengths)

    def count(self) -> int:
        """Living documents."""
        return int(self._connection.execute(f"SELECT total(living) FROM {self._segments}").fetchone()[0])  # noqa: S608

    def frequencies(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many documents each term stands, of those that stand in any."""
        query = f"SELECT documents FROM {self._frequencies} WHERE term = ?"  # noqa: S608
        found = ((term, self._connection.execute(query, (term,)).fetchone()) for term in terms)
        return {term: row[0] for term, row in found if row}

    def read(self, segment: Segment, term: str) -> tuple[np.ndarray, np.ndarray]:
        """(places uint16 [m], ascending, weighted frequencies float16 [m]) of a term in a segment; dead ones too."""
        query = f"SELECT postings FROM {self._lists} WHERE segment = ? AND term = ?"  # noqa: S608
        row = self._connection.execute(query, (segment.id, term)).fetchone()
        postings = np.frombuffer(row[0] if row else b"", dtype=_POSTING)
        return np.ascontiguousarray(postings["place"]), postings["frequency"]


def _renumbered(flat: _Flat, known: dict[str, int]) -> np.ndarray:
    """The terms of the postings as positions in `known`, which grows."""
    return np.array([known.setdefault(name, len(known)) for name in flat.names], dtype=np.int64)[flat.terms]


def _blocks(documents: Iterable[tuple[int, Sequence[str]]]) -> Iterator[list[tuple[int, Sequence[str]]]]:
    rest = iter(documents)
    while block := list(islice(rest, _READ_AT_ONCE)):
        yield block


def _to_merge(rows: Sequence[tuple[int, int, int, Any]]) -> list[int]:
    """Of segments (id, documents, postings, …), the largest first: the most small ones that are worth merging."""
    for start in range(len(rows) - 1):
        group = rows[start:]
        if _FAN * rows[start][1] <= sum(row[1] for row in group[1:]) and _fits(group):
            return [row[0] for row in group]
    return []


def _fits(rows: Sequence[tuple[Any, ...]]) -> bool:
    return sum(row[1] for row in rows) <= _MOST_DOCUMENTS and sum(row[2] for row in rows) <= _MOST_POSTINGS


class _Gathered:
    """Postings on their way into a segment."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self._lengths: list[int] = []
        self._sizes: list[int] = []
        self._names: dict[str, int] = {}
        self._terms, self._frequencies = array("I"), array("f")

    @property
    def is_full(self) -> bool:
        return len(self.numbers) == _MOST_DOCUMENTS or len(self._terms) >= _MOST_POSTINGS

    def add(self, number: int, length: int, counts: Mapping[str, float]) -> None:
        names = self._names
        self.numbers.append(number)
        self._lengths.append(length)
        self._sizes.append(len(counts))
        self._terms.extend([names.setdefault(term, len(names)) for term in counts])
        self._frequencies.extend(counts.values())

    def flat(self) -> _Flat:
        return _Flat(
            list(self._names),
            np.array(self._terms, dtype=np.int64),
            np.repeat(np.arange(len(self.numbers)), self._sizes),
            # What float16 can hold.
            np.minimum(np.array(self._frequencies, dtype=np.float32), 60000.0),
            np.array(self.numbers, dtype=np.int64),
            np.array(self._lengths, dtype=np.float32),
        )
