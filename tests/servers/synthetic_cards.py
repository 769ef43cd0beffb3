"""Cards that a hub makes from their numbers when it is asked: as many as one likes, and none of them is kept."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

WORDS = (
    "ticket shop mail order street film music river bread doctor school market train window garden letter colour song "
    "price weather question answer story news review letter summary dialogue legal medical travel sport science cook"
).split()
LICENCES = ("mit", "apache-2.0", "cc-by-4.0", "cc-by-nc-4.0", None)
LANGUAGES = ("en", "de", "fr", "zh", "es", "pt", "ja", "ru")
TASKS = ("text-classification", "question-answering", "summarization", "translation", "text-generation")
MODEL_TYPES = ("bert", "t5", "gpt2", "roberta", "qwen3", "xlm-roberta", "bart", "llama", "distilbert", "vit")
"""The last one is of no text family: every tenth model."""
_FORM = "%Y-%m-%dT%H:%M:%S.000Z"
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class SyntheticCards:
    """`count` data sets or models, numbered from 0; two of them share each second of change.

    The list runs from the newest change to the oldest, equal ones by number. `touch` changes a card: it moves to the
    front. What is kept is the times of the cards that were touched.
    """

    kind: str
    count: int
    _touched: dict[int, datetime] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def touch(self, number: int) -> None:
        """Change a card now; its number may be the next one that is free."""
        with self._lock:
            newest = max(self._touched.values(), default=self._day(self.count))
            if number >= self.count:
                raise ValueError(f"there is no card {number}")
            self._touched[number] = newest + timedelta(seconds=1)

    def add(self) -> None:
        """One more card, changed now."""
        with self._lock:
            self.count += 1
        self.touch(self.count - 1)

    def modified(self, number: int) -> str:
        """When a card was last changed, as the hub writes it."""
        return _written(self._touched.get(number) or self._day(number))

    def id(self, number: int) -> str:
        """The name of a card."""
        return f"owner{number % 997}/{self.kind}-{number}"

    def is_offered(self, number: int) -> bool:
        """Whether it can be used as a card: models of no text family cannot."""
        return self.kind == "datasets" or MODEL_TYPES[number % len(MODEL_TYPES)] != "vit"

    def page(self, after: tuple[str, int] | None, size: int) -> tuple[list[dict[str, Any]], tuple[str, int] | None]:
        """(entries after a place, the place of the last one; None where the list ends)."""
        with self._lock:
            numbers = [number for _, number in zip(range(size + 1), self._after(after), strict=False)]
        entries = [self.info(number) for number in numbers[:size]]
        if len(numbers) <= size:
            return entries, None
        return entries, (self.modified(numbers[size - 1]), numbers[size - 1])

    def _after(self, place: tuple[str, int] | None) -> Iterator[int]:
        """Numbers in the order of the list, from behind a place. Every touched card is newer than any other."""

        def behind(number: int) -> bool:
            return place is None or (_turned(self.modified(number)), number) > (_turned(place[0]), place[1])

        touched = sorted(self._touched, key=lambda number: (_turned(self.modified(number)), number))
        yield from (number for number in touched if behind(number))
        last = (self.count - 1) // 2
        if place is not None:
            # Where the others begin again is told by arithmetic: a list of a million is not walked through.
            seconds = (datetime.strptime(place[0], _FORM).replace(tzinfo=UTC) - _FIRST_DAY).total_seconds()
            last = min(last, int(seconds))
        for pair in range(last, -1, -1):
            for number in (2 * pair, 2 * pair + 1):
                if number < self.count and number not in self._touched and behind(number):
                    yield number

    def info(self, number: int) -> dict[str, Any]:
        """What the hub's API says of a card."""
        rng = random.Random(f"{self.kind} {number}")
        words = rng.choices(WORDS, k=40)
        front: dict[str, Any] = {
            "license": rng.choice(LICENCES),
            "language": rng.sample(LANGUAGES, rng.randint(1, 2)),
            "task_categories": [rng.choice(TASKS)],
            "tags": rng.sample(WORDS, 3),
        }
        entry: dict[str, Any] = {
            "_id": f"{number:024x}",
            "id": self.id(number),
            "lastModified": self.modified(number),
            "downloads": rng.randint(0, 100_000),
            "gated": False,
            "private": False,
            "usedStorage": rng.randint(10_000, 10**9),
            "cardData": {name: value for name, value in front.items() if value is not None},
            "tags": [f"language:{code}" for code in front["language"]],
        }
        if self.kind == "datasets":
            return {**entry, "description": f"Number{number} holds texts about {' '.join(words)}."}
        model_type = MODEL_TYPES[number % len(MODEL_TYPES)]
        weights = rng.randint(10**6, 10**9)
        return {
            **entry,
            "config": {"model_type": model_type},
            "safetensors": {"parameters": {"F32": weights}, "total": weights},
        }

    def readme(self, name: str) -> str | None:
        """The card's own text; None for an unknown name."""
        number = name.rpartition("-")[2]
        if not number.isdecimal() or int(number) >= self.count or self.id(int(number)) != name:
            return None
        words = random.Random(f"readme {number}").choices(WORDS, k=120)
        return f"---\nlicense: mit\n---\n# Card {number}\n\nReadme{number} tells of {' '.join(words)}.\n"

    @staticmethod
    def _day(number: int) -> datetime:
        return _FIRST_DAY + timedelta(seconds=number // 2)


def _written(time: datetime) -> str:
    return time.strftime(_FORM)


def _turned(time: str) -> tuple[int, ...]:
    """The time as a key that sorts the newest first."""
    return tuple(-ord(sign) for sign in time)
