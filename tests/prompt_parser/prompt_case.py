"""One row of the table of prompts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """A prompt and what it means. `instruction`: the exact instruction; `absent`: must not be left in it."""

    name: str
    prompt: str
    kind: str
    pairs: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()
    language: str = "en"
    instruction: str | None = None
    notes: dict[str, str] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
