"""Opening a database: many at once, in memory, and a file that is none."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from prompt2model.sqlite_file import open_database


def test_a_new_file_opened_by_many_at_once(tmp_path: Path) -> None:
    workers = 8
    start = threading.Barrier(workers)

    def open_and_write(path: Path) -> str:
        start.wait()
        connection = open_database(path)
        connection.execute("CREATE TABLE IF NOT EXISTS words (word TEXT)")
        connection.execute("INSERT INTO words VALUES ('one')")
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        connection.close()
        return str(mode)

    with ThreadPoolExecutor(workers) as threads:
        for number in range(10):
            path = tmp_path / "folder" / f"{number}.sqlite"
            assert list(threads.map(open_and_write, [path] * workers)) == ["wal"] * workers
            with sqlite3.connect(path) as database:
                assert database.execute("SELECT count(*) FROM words").fetchone() == (workers,)


def test_in_memory() -> None:
    connection = open_database(None)
    assert connection.execute("SELECT 1").fetchone() == (1,)
    connection.close()


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "notes.sqlite"
    path.write_bytes(b"not a database, but long enough to look like one" * 30)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_database(path)
