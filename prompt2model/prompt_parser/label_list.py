"""One list of possible answers found in a prompt, and how a label is spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_QUOTE_PAIRS = frozenset({'""', "''", "“”", "„“", "„”", "«»", "‘’", "``", "「」", "『』"})


@dataclass(frozen=True, slots=True)
class LabelList:
    """Answers listed in the prompt. `strength`: 3 announced as the answers, 2 likely so, 1 only a list."""

    labels: tuple[str, ...]
    strength: int
    notes: dict[str, str] = field(default_factory=dict)


def make_list(items: Sequence[str], strength: int, notes: dict[str, str] | None = None) -> LabelList:
    """The list with doubles and empty items left out."""
    labels = tuple(dict.fromkeys(item for item in items if item))
    return LabelList(labels, strength, notes or {})


def clean_label(raw: str) -> str:
    """A label without the quotes, bold marks and final punctuation around it."""
    text = raw.strip().strip("*_").strip()
    while len(text) > 1 and text[0] + text[-1] in _QUOTE_PAIRS:
        text = text[1:-1].strip().rstrip(",;")
    return text.rstrip(".,;:。、，").strip("*").strip()


def is_head(head: str) -> bool:
    """Whether the text is short and plain enough for a label."""
    return 0 < len(head) <= 60 and len(head.split()) <= 6 and not re.search(r"[.!?;]\s|[{}]", head)
