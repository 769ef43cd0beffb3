"""Model cards in any number, made from the real ones: first all real ones, then recombinations of them.

A made card keeps one half of the lines of a real card, on average, and takes each other one from any card, so lines and
words are as frequent as in the real ones. Its name is put together from parts of real names. Numbers of three
digits or more are drawn anew, and one word in a thousand is spelled in a way of its own, so the vocabulary goes on
growing with the cards as it does on a hub. Everything follows from the seed.
"""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"\d{3,}")
_PART = re.compile(r"[-_.]")
_WORD = re.compile(r"[a-z]{5,}")
_KEPT, _MISSPELLED = 0.5, 0.001


@dataclass(frozen=True, slots=True)
class Card:
    """A card's name on the hub and its text."""

    name: str
    text: str


def real_cards(data: Path) -> list[Card]:
    """The real cards of `hub/models.jsonl.gz`, each name once."""
    with gzip.open(data / "hub" / "models.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    cards = {row["pretrained_model_name"]: str(row["description"] or "") for row in rows}
    return [Card(name, text) for name, text in cards.items()]


def cards(real: list[Card], count: int, seed: int) -> Iterator[Card]:
    """`count` cards with different names, the real ones first."""
    yield from real[:count]
    generator = random.Random(seed)
    lines = [line for card in real for line in card.text.split("\n")]
    owners = [card.name.split("/")[0] for card in real]
    parts = [part for card in real for part in _PART.split(card.name.split("/")[-1]) if part]
    for number in range(len(real), count):
        base = generator.choice(real)
        drawn = generator.choices(parts, k=generator.randint(1, 4))
        # The number makes the name the only one of its kind.
        name = f"{generator.choice(owners)}/{'-'.join(drawn)}-{number}"
        text = "\n".join(
            line if generator.random() < _KEPT else generator.choice(lines) for line in base.text.split("\n")
        )
        text = text.replace(base.name, name).replace(base.name.split("/")[-1], name.split("/")[-1])
        text = _NUMBER.sub(lambda match: str(generator.randrange(10 ** len(match.group()))), text)
        yield Card(name, _WORD.sub(lambda match: _misspelled(match.group(), generator), text))


def _misspelled(word: str, generator: random.Random) -> str:
    if generator.random() >= _MISSPELLED:
        return word
    at = generator.randrange(1, len(word))
    return word[:at] + generator.choice("abcdefghijklmnopqrstuvwxyz") + word[at:]
