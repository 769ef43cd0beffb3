"""Every answer on disk before it is used: a run that is killed pays for no answer again that it had read.

One SQLite file per run. An answer stands under the content of its request and its draw number, so the same question is
asked once over all steps and resumes. Calls are entered before they are sent; those that a kill leaves behind are
known, and stay charged. No key and no address with a password ever comes here: the file holds answers and counts.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from prompt2model.errors import DiskFullError, Prompt2ModelError, RunFolderError
from prompt2model.records import CostLine
from prompt2model.sqlite_file import open_database
from prompt2model.teacher.budget import Spent
from prompt2model.teacher.client import ChatResponse, ScoreResponse

if TYPE_CHECKING:
    from prompt2model.teacher.budget import Budget

_VERSION = 1
_SCHEMA = """
CREATE TABLE answers (
    key TEXT PRIMARY KEY, text TEXT NOT NULL, finish TEXT NOT NULL, failure TEXT, detail TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, log_probabilities TEXT
);
CREATE TABLE under_way (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL, step TEXT NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, money REAL, session TEXT NOT NULL
);
CREATE TABLE costs (
    id INTEGER PRIMARY KEY, step TEXT NOT NULL, role TEXT NOT NULL, model TEXT NOT NULL,
    calls INTEGER NOT NULL, reused INTEGER NOT NULL, failed INTEGER NOT NULL,
    prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, money REAL, UNIQUE (step, role, model)
);
"""
_SYNC_EVERY = 1.0
_LOST = ""
"""The session of calls that nobody waits for any more."""

Answer = ChatResponse | ScoreResponse


@dataclass(frozen=True, slots=True)
class Account:
    """Under whose name calls are counted."""

    step: str
    role: str
    model: str


@dataclass(frozen=True, slots=True)
class Charge:
    """Tokens and US dollars; money is None where the price is not known."""

    prompt_tokens: int
    completion_tokens: int
    money: float | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How the call under way for a request ended, or the several that its repeated attempts were reserved as.

    `answer` is kept when it is one; a failure that may pass (`keep` False) is not.
    """

    calls: Sequence[int]
    key: str
    answer: Answer
    charge: Charge
    keep: bool


class Ledger:
    """The file of answers, calls under way and costs. Safe under threads and with several processes at once.

    Every commit survives a kill of the process. It is forced to the disk itself at most once a second (each forcing
    takes about five milliseconds), so a power cut can cost the answers of the last second and never the file.

    Raises RunFolderError where the file is damaged, of another version or not writable; DiskFullError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._session = uuid.uuid4().hex
        self._synced = float("-inf")
        self._closed = False
        with self._explained():
            self._database = open_database(path, any_thread=True)
        with self._transaction():
            self._set_up()

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the log into the file and let go of it. Calls that are still under way stay charged as lost."""
        with self._lock, self._explained():
            self._closed = True
            self._database.close()

    def find(self, keys: Sequence[str]) -> dict[str, Answer]:
        """The stored answers among these keys."""
        found: dict[str, Answer] = {}
        with self._lock, self._explained():
            for key in dict.fromkeys(keys):
                row = self._database.execute("SELECT * FROM answers WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = _answer(row)
        return found

    def begin(
        self, account: Account, reservations: Mapping[str, Charge], budget: Budget | None = None
    ) -> dict[str, int]:
        """Enter calls that are about to be sent, key → what it costs at most; returns key → number of the call.

        Raises BudgetExceededError, entering nothing, where the budget does not cover them all.
        """
        with self._transaction():
            if budget is not None:
                budget.check(self._spent(), _total(reservations))
            return {key: self._enter(account, key, charge) for key, charge in reservations.items()}

    def settle(self, account: Account, settlements: Sequence[Settlement]) -> dict[str, Answer]:
        """Enter how calls ended, all in one transaction; returns key → the answer that counts.

        Where another process has stored an answer under the same key first, that one counts.
        """
        answers: dict[str, Answer] = {}
        with self._transaction():
            for one in settlements:
                self._database.executemany("DELETE FROM under_way WHERE id = ?", [(call,) for call in one.calls])
                failed = one.answer.failure is not None
                self._count(account, one.charge, calls=1, failed=int(failed))
                if one.keep:
                    self._database.execute(
                        "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(one.key, one.answer)
                    )
                row = self._database.execute("SELECT * FROM answers WHERE key = ?", (one.key,)).fetchone()
                answers[one.key] = _answer(row) if row is not None else one.answer
        return answers

    def abandon(self, calls: Sequence[int], *, maybe_billed: bool) -> None:
        """Give up calls under way: they stay charged where the endpoint may have computed an answer."""
        # A generator that is dropped late may end after the ledger was closed.
        if not calls or self._closed:
            return
        with self._transaction():
            for call in calls:
                if maybe_billed:
                    self._database.execute("UPDATE under_way SET session = ? WHERE id = ?", (_LOST, call))
                else:
                    self._database.execute("DELETE FROM under_way WHERE id = ?", (call,))

    def count_reused(self, account: Account, answers: int) -> None:
        """Add to the number of answers that were served from here."""
        if answers and not self._closed:
            with self._transaction():
                self._count(account, Charge(0, 0, 0.0), reused=answers)

    def spent(self) -> Spent:
        """All that is charged, calls under way and lost ones at the most that they can cost."""
        with self._lock, self._explained():
            return self._spent()

    def summary(self) -> tuple[CostLine, ...]:
        """One line for each step, role and model, in the order in which they were first used."""
        with self._lock, self._explained():
            costs = self._database.execute(
                "SELECT step, role, model, calls, reused, failed, prompt_tokens, completion_tokens, money"
                " FROM costs ORDER BY id"
            ).fetchall()
            lost = self._database.execute(
                "SELECT step, role, model, COUNT(*), SUM(prompt_tokens), SUM(completion_tokens),"
                " CASE WHEN COUNT(money) = COUNT(*) THEN SUM(money) END FROM under_way WHERE session != ?"
                " GROUP BY step, role, model ORDER BY MIN(id)",
                (self._session,),
            ).fetchall()
        charged: dict[tuple[str, str, str], list[Any]] = {row[:3]: list(row[3:]) for row in costs}
        lost_calls = {}
        for step, role, model, calls, prompt_tokens, completion_tokens, money in lost:
            line = charged.setdefault((step, role, model), [0, 0, 0, 0, 0, 0.0])
            line[3] += prompt_tokens
            line[4] += completion_tokens
            line[5] = None if line[5] is None or money is None else line[5] + money
            lost_calls[step, role, model] = calls
        return tuple(
            CostLine(*name, calls, reused, prompt_tokens, completion_tokens, failed, money, lost_calls.get(name, 0))
            for name, (calls, reused, failed, prompt_tokens, completion_tokens, money) in charged.items()
        )

    def _set_up(self) -> None:
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        tables = self._database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]
        if version == 0 and tables == 0:
            for statement in _SCHEMA.split(";"):
                self._database.execute(statement)
            self._database.execute(f"PRAGMA user_version = {_VERSION}")
        elif version != _VERSION:
            raise RunFolderError(
                f"{self.path} is no ledger of this version of prompt2model; use the version that made it, "
                "or move the file away, and the answers in it are asked for again"
            )

    def _spent(self) -> Spent:
        calls, tokens, money = self._database.execute(
            "SELECT COALESCE(SUM(calls), 0), COALESCE(SUM(prompt_tokens + completion_tokens), 0),"
            " COALESCE(SUM(money), 0.0) FROM costs"
        ).fetchone()
        more_calls, more_tokens, more_money = self._database.execute(
            "SELECT COUNT(*), COALESCE(SUM(prompt_tokens + completion_tokens), 0), COALESCE(SUM(money), 0.0)"
            " FROM under_way"
        ).fetchone()
        return Spent(calls + more_calls, tokens + more_tokens, money + more_money)

    def _count(self, account: Account, charge: Charge, calls: int = 0, reused: int = 0, failed: int = 0) -> None:
        values = (calls, reused, failed, charge.prompt_tokens, charge.completion_tokens, charge.money)
        # money + NULL is NULL: once a price was missing, the sum is not known.
        self._database.execute(
            "INSERT INTO costs (step, role, model, calls, reused, failed, prompt_tokens, completion_tokens, money)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (step, role, model) DO UPDATE SET"
            " calls = calls + excluded.calls, reused = reused + excluded.reused, failed = failed + excluded.failed,"
            " prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
            " completion_tokens = completion_tokens + excluded.completion_tokens, money = money + excluded.money",
            (account.step, account.role, account.model, *values),
        )

    def _enter(self, account: Account, key: str, charge: Charge) -> int:
        cursor = self._database.execute(
            "INSERT INTO under_way (key, step, role, model, prompt_tokens, completion_tokens, money, session)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(key, account.step, account.role, account.model),
                *(charge.prompt_tokens, charge.completion_tokens, charge.money, self._session),
            ),
        )
        return cast(int, cursor.lastrowid)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._explained():
            now = time.monotonic()
            force = now - self._synced >= _SYNC_EVERY
            self._database.execute(f"PRAGMA synchronous={'FULL' if force else 'NORMAL'}")
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            if force:
                self._synced = now

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.Error as error:
            raise _explanation(error, self.path) from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFullError(_full(self.path)) from error
            raise RunFolderError(
                f"{self.path} cannot be written ({error.strerror}); give another run folder"
            ) from error


def _explanation(error: sqlite3.Error, path: Path) -> Prompt2ModelError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(_full(path))
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RunFolderError(f"another process holds {path}; wait for it to end, then resume")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return RunFolderError(f"{path} cannot be read or written ({error}); check the folder's rights and its disk")
    return RunFolderError(
        f"{path} is damaged ({error}); put back a copy of it, or move it and its -wal file away and resume: "
        "what the finished steps made is kept, the answers in it are asked for again"
    )


def _full(path: Path) -> str:
    return f"the disk of {path.parent} is full; free some space and resume, everything made so far is kept"


def _total(reservations: Mapping[str, Charge]) -> Spent:
    charges = reservations.values()
    return Spent(
        len(reservations),
        sum(charge.prompt_tokens + charge.completion_tokens for charge in charges),
        sum(charge.money or 0.0 for charge in charges),
    )


def _row(key: str, answer: Answer) -> tuple[object, ...]:
    if isinstance(answer, ScoreResponse):
        scores = json.dumps(answer.log_probabilities)
        return (key, "", "stop", answer.failure, "", answer.prompt_tokens, 0, scores)
    return (
        *(key, answer.text, answer.finish, answer.failure, answer.detail),
        *(answer.prompt_tokens, answer.completion_tokens, None),
    )


def _answer(row: tuple) -> Answer:
    _, text, finish, failure, detail, prompt_tokens, completion_tokens, scores = row
    if scores is not None:
        return ScoreResponse(tuple(json.loads(scores)), prompt_tokens, failure)
    return ChatResponse(text, finish, prompt_tokens, completion_tokens, failure, detail)
