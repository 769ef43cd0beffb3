"""Texts → terms: the words of a text as FTS5 reads them, stemmed, and pairs of characters where no spaces are written.

FTS5's tokenizers are SQLite's own: unicode61 without diacritics, then Porter's stemmer (Porter, "An algorithm for
suffix stripping", 1980).
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence

# Scripts that write no spaces between words; FTS5 would take a whole sentence for one word.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
# FTS5 divides at these too. What it makes of a longer run does not hang on what stands around it.
_RUN = re.compile(r"[^\s!-/:-@\[-`{-~]+")
_TOKENIZER = "porter unicode61 remove_diacritics 2"
_LONGEST = 100
_REMEMBERED = 1 << 17


def searchable(text: str) -> str:
    """The text with runs of unspaced scripts cut into overlapping pairs of characters."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run.group()))} ", text)


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(len(run) - 1)] or [run]


class TermReader:
    """Reads terms off texts. Each different word is given to FTS5 once and remembered."""

    def __init__(self) -> None:
        self._terms: dict[str, tuple[str, ...]] = {}
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute(
            f"CREATE VIRTUAL TABLE words USING fts5(word, content = '', tokenize = '{_TOKENIZER}')"
        )
        self._connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(words, instance)")

    def read(self, texts: Sequence[str]) -> list[list[str]]:
        """The terms of each text, in order and with repetitions. A word is cut at 100 characters."""
        runs = [[run[:_LONGEST] for run in _RUN.findall(searchable(text).casefold())] for text in texts]
        known = self._terms
        unknown = {run for row in runs for run in row if run not in known}
        if unknown:
            if len(known) > _REMEMBERED:
                known.clear()
                unknown = {run for row in runs for run in row}
            self._learn(sorted(unknown))
        return [[term for run in row for term in known[run]] for row in runs]

    def _learn(self, runs: Iterable[str]) -> None:
        numbered = list(enumerate(runs, 1))
        # A lone surrogate cannot be handed to SQLite.
        rows = ((number, run.encode("utf-8", "ignore").decode()) for number, run in numbered)
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO words (rowid, word) VALUES (?, ?)", rows)
        self._connection.execute("COMMIT")
        found: dict[int, list[tuple[int, str]]] = {}
        for number, term, offset in self._connection.execute("SELECT doc, term, offset FROM terms"):
            found.setdefault(number, []).append((offset, term))
        self._connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
        for number, run in numbered:
            self._terms[run] = tuple(term for _, term in sorted(found.get(number, ())))
