"""How every SQLite file of this project is opened: readers go on while another process writes, writers wait."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

# Long enough for another process to finish its update.
PATIENCE_S = 60.0


def open_database(path: Path | None, *, any_thread: bool = False) -> sqlite3.Connection:
    """A connection in write-ahead mode, with transactions begun by the caller; None opens one in memory.

    `any_thread` lets threads share it; they must then take turns. Missing parent folders are made.

    Raises sqlite3.DatabaseError where the file is not a database, sqlite3.OperationalError where it cannot be
    written or stays locked.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(
        path or ":memory:", timeout=PATIENCE_S, isolation_level=None, check_same_thread=not any_thread
    )
    try:
        _write_ahead(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log. SQLite's own timeout does not cover the switch, so it is tried again here."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            # The low byte is the primary code; the rest says which kind of busy.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(0.01)
