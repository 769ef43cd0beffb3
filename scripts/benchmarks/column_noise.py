"""Columns that real tables have beside the input and the output: ids, addresses, scores, dates, people, other texts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """Values for the other columns of row `number`; the same for the same table and row in every run.

    `paragraphs` are real long texts, `others` answers of other rows of the table: the hardest values to tell from
    the right ones.
    """

    table: str
    number: int
    paragraphs: Sequence[str]
    others: Sequence[str]

    def rng(self, what: str) -> random.Random:
        """Its own random numbers for each column."""
        return random.Random(f"{self.table} {self.number} {what}")

    def key(self, length: int = 12) -> str:
        """A hexadecimal id."""
        return hashlib.sha256(f"{self.table} {self.number}".encode()).hexdigest()[:length]

    def url(self, host: str = "data.example.org") -> str:
        """An address."""
        return f"https://{host}/items/{self.key(8)}"

    def stamp(self) -> str:
        """A date with the time of day."""
        rng = self.rng("stamp")
        day = f"20{rng.randrange(10, 24)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        return f"{day}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z"

    def day(self) -> str:
        """A date."""
        return self.stamp()[:10]

    def score(self) -> float:
        """A figure between 0 and 1."""
        return round(self.rng("score").random(), 3)

    def integer(self, low: int, high: int, what: str = "integer") -> int:
        """A whole number from `low` to `high`."""
        return self.rng(what).randint(low, high)

    def one_of(self, values: Sequence[str], what: str = "one of") -> str:
        """One of a few values."""
        return self.rng(what).choice(list(values))

    def split(self) -> str:
        """The name of a split."""
        return self.one_of(("train", "train", "train", "dev"), "split")

    def annotator(self) -> str:
        """A person who labelled."""
        return f"worker_{self.integer(1, 40, 'annotator')}"

    def paragraph(self) -> str:
        """A long text that has nothing to do with the row."""
        return self.paragraphs[self.integer(0, len(self.paragraphs) - 1, "paragraph")]

    def other(self, place: int = 0) -> str:
        """The answer of another row."""
        return self.others[(self.number * 7 + 13 * (place + 1)) % len(self.others)]
