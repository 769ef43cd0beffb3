"""Small corpora, and questions whose answers stand in them."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from model_trainer.tiny_models import COLOURS, THINGS

from prompt2model.console import SilentProgress
from prompt2model.evidence import EvidenceRetriever, open_evidence
from prompt2model.records import Example, Item, Source, make_example

VITAMINS = {
    "scurvy.txt": (
        "Scurvy comes from a lack of vitamin C, as sailors without fresh fruit found out. Their gums bleed.\n\n"
        "Lemons and oranges cure it within days."
    ),
    "rickets.md": "# Rickets\n\nRickets, soft bones in children, comes from a lack of vitamin D and of sunlight.",
    "more/blindness.txt": "Night blindness comes from a lack of vitamin A. Carrots hold much of what it is made of.",
    "more/beriberi.txt": "Beriberi comes from a lack of vitamin B1, where polished rice is all there is to eat.",
}
QUESTIONS = (
    Item("Sailors at sea for months have bleeding gums. What do they lack?", ("vitamin A", "vitamin C", "vitamin D")),
    Item("Which lack makes the bones of children soft?", ("vitamin C", "vitamin A", "vitamin D")),
    Item("People who eat nothing but polished rice fall ill. What do they lack?", ("vitamin B1", "vitamin D", "iron")),
    Item("What is lacking in night blindness?", ("vitamin D", "vitamin B1", "vitamin A")),
)
ANSWERS = ("vitamin C", "vitamin D", "vitamin B1", "vitamin A")


def write(folder: Path, texts: dict[str, str]) -> Path:
    """A corpus of files by name."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def write_rows(path: Path, rows: Iterable[object]) -> Path:
    """JSON lines, packed where the name says so."""
    content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def opened(corpus: Path, cache: Path, per_option: int = 1) -> EvidenceRetriever:
    """The retriever of a corpus."""
    return open_evidence(corpus, cache, SilentProgress(), per_option)


class Said(SilentProgress):
    """Keeps what is said, and how much was tracked."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.tracked: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)

    def track(self, items, description, total=None):  # type: ignore[no-untyped-def]
        self.tracked.append(description)
        yield from items


def padded(text: str) -> str:
    """The text with other words after it, so that no two questions are nearly the same."""
    words = "amber birch cedar delta ember flint grove heath ivory jade knoll larch maple north ochre pine quartz reed"
    return f"{text} {' '.join(random.Random(text).choices(words.split(), k=12))}"


def told_only_by_evidence(
    count: int, change: Callable[[str], str] = str
) -> tuple[tuple[Example, ...], tuple[dict[str, str], ...]]:
    """Questions after the colour of numbered things, and rows of a corpus that says which colour each has.

    Numbers and colours have nothing to do with each other.
    """
    rows, facts = [], []
    for number in range(count):
        thing, mark = THINGS[number % 6], f"k{number:03d}"
        place = (number * 7 + number // 6) % 6
        colour = COLOURS[place]
        others = [COLOURS[(place + step) % 6] for step in (1 + number % 5, 1 + (number + 2) % 5)]
        choices = [*others]
        choices.insert(number % 3, colour)
        rows.append(
            make_example(change(f"colour : the {thing} {mark}"), (colour,), Source("user", row=number), tuple(choices))
        )
        facts.append({"text": f"the {thing} {mark} is {colour} ."})
    return tuple(rows), tuple(facts)
