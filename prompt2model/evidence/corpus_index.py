"""A corpus cut into passages and indexed in one SQLite file, which is brought up to date when it is opened.

Files of the corpus are taken in whole, in transactions of some megabytes each: after a kill those that are missing
are noticed by their absence from the file's own list, and only they are read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prompt2model.component import Progress
from prompt2model.errors import DataFileError, EvidenceError
from prompt2model.evidence.corpus_files import CorpusFile, corpus_files, file_digest, read_texts
from prompt2model.evidence.passages import CUT_VERSION, passages
from prompt2model.text_index.bm25 import Bm25Index, Document

_FIELDS = {"text": 1.0}
_BLOCK_BYTES = 1 << 24
"""Small files are entered together, up to so many bytes."""


class CorpusIndex:
    """The passages of a corpus. `index` finds them; `digest` tells the content of the corpus from any other.

    `work` says what opening it came to: files that were read, and files whose passages were taken out.

    Raises DataFileError where the corpus cannot be read or has no text, EvidenceError where the index cannot be kept.
    """

    index: Bm25Index

    def __init__(self, corpus: Path, cache_folder: Path, progress: Progress) -> None:
        self.corpus = corpus.expanduser().resolve()
        self._progress = progress
        files = corpus_files(self.corpus)
        stamps = {file.name: f"{CUT_VERSION}:{file_digest(file.path)}" for file in files}
        self.digest = hashlib.sha256(repr(sorted(stamps.items())).encode()).hexdigest()[:32]
        name = hashlib.sha256(str(self.corpus).encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.file = cache_folder / f"evidence-{name}.sqlite"
        with self._one_line_errors():
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with _alone(self.file.with_suffix(".lock")):
                self._open(files, stamps)
        if not len(self.index):
            self.close()
            raise DataFileError(f"{self.corpus} holds no text, only empty files; give a corpus with some")

    def __len__(self) -> int:
        return len(self.index)

    def close(self) -> None:
        """Let go of the file."""
        self.index.close()

    def _open(self, files: Sequence[CorpusFile], stamps: dict[str, str]) -> None:
        self.index = Bm25Index(self.file, _FIELDS, "passages", any_thread=True)
        try:
            self.work = self._bring_up_to_date(files, stamps)
        except BaseException:
            self.close()
            raise

    def _bring_up_to_date(self, files: Sequence[CorpusFile], stamps: dict[str, str]) -> tuple[int, int]:
        connection = self.index.connection
        with self.index.writing():
            connection.execute(
                "CREATE TABLE IF NOT EXISTS files (name TEXT PRIMARY KEY, stamp TEXT NOT NULL, "
                "passages INTEGER NOT NULL) WITHOUT ROWID"
            )
        listed = {name: (stamp, count) for name, stamp, count in connection.execute("SELECT * FROM files")}
        if sum(count for _, count in listed.values()) != len(self.index):
            # Made by another version, or damaged: what is listed is not what is there.
            self._progress.say(f"  the index of {self.corpus} is not whole: it is made anew")
            self._forget(list(self.index.stamps()), list(listed))
            listed = {}
        outdated = {name: count for name, (stamp, count) in listed.items() if stamps.get(name) != stamp}
        if outdated:
            self._forget([key for name, count in outdated.items() for key in _keys(name, count)], list(outdated))
        new = [file for file in files if file.name not in listed or file.name in outdated]
        if new:
            self._enter(new, stamps)
        return len(new), len(outdated)

    def _forget(self, keys: Sequence[str], names: Sequence[str]) -> None:
        with self.index.writing():
            self.index.remove(keys)
            self.index.connection.executemany("DELETE FROM files WHERE name = ?", ((name,) for name in names))

    def _enter(self, files: Sequence[CorpusFile], stamps: dict[str, str]) -> None:
        tracked = self._progress.track(files, f"indexing {self.corpus.name}", len(files))
        waiting: list[CorpusFile] = []
        size = 0
        for file in tracked:
            waiting.append(file)
            size += file.path.stat().st_size
            if size >= _BLOCK_BYTES:
                self._enter_together(waiting, stamps)
                waiting, size = [], 0
        if waiting:
            self._enter_together(waiting, stamps)

    def _enter_together(self, files: Sequence[CorpusFile], stamps: dict[str, str]) -> None:
        counts: dict[str, int] = {}

        def documents() -> Iterator[Document]:
            for file in files:
                counts[file.name] = 0
                for text in read_texts(file.path):
                    for passage in passages(text):
                        yield Document(_key(file.name, counts[file.name]), (passage,))
                        counts[file.name] += 1

        with self.index.writing():
            self.index.put(documents())
            rows = ((file.name, stamps[file.name], counts[file.name]) for file in files)
            self.index.connection.executemany("INSERT INTO files VALUES (?, ?, ?)", rows)

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise EvidenceError(
                f"the index of {self.corpus} cannot be kept in {self.file} ({error}); make that place writable"
            ) from error
        except sqlite3.DatabaseError as error:
            raise EvidenceError(
                f"the index {self.file} is damaged ({error}); delete it, and it is made again"
            ) from error
        except PermissionError as error:
            raise EvidenceError(
                f"the index of {self.corpus} cannot be kept in {self.file.parent} ({error.strerror}); make that place "
                "writable"
            ) from error


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time brings an index up to date; the others wait, and find it done."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _key(name: str, number: int) -> str:
    return f"{name}#{number}"


def _keys(name: str, count: int) -> Iterator[str]:
    return (_key(name, number) for number in range(count))
