"""An item as a language model reads it."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase

from prompt2model.records import Item


def item_text(item: Item) -> str:
    """The input with its choices (A., B., …) and its evidence."""
    parts = [item.input]
    if item.choices:
        parts.append(lettered(item.choices))
    if any(item.evidence):
        parts.append(evidence_text(item.evidence))
    return "\n".join(parts)


def lettered(choices: Sequence[str]) -> str:
    """One choice a line, with its letter."""
    return "\n".join(f"{choice_letter(number)}. {choice}" for number, choice in enumerate(choices))


def evidence_text(evidence: Sequence[str]) -> str:
    """The passages under a head of their own: each once, empty ones left out."""
    return "Evidence:\n" + "\n".join(dict.fromkeys(filter(None, evidence)))


def choice_letter(number: int) -> str:
    """A, B, … Z, then 27, 28, …"""
    return ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)
