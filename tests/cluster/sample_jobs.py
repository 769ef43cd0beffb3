"""Jobs for tests: what a worker runs is found by the name of its module."""

from __future__ import annotations

import os
import time
from pathlib import Path

from prompt2model.errors import BudgetExceededError, ConfigError, NoAnswerError


def double(number: int) -> int:
    return 2 * number


def raising(kind: str) -> str:
    if kind == "config":
        raise ConfigError("`epochs` is 0; give more")
    if kind == "no answer":
        raise NoAnswerError("no answer came", "empty")
    if kind == "budget":
        raise BudgetExceededError("the budget is used up", 12, 0.5)
    if kind == "value":
        raise ValueError("seven", 7)
    return kind


def environment(_: int) -> dict[str, str]:
    return dict(os.environ)


def write_when_told(folder: str) -> str:
    """Notes that it began, waits until the test lets it go on, and leaves its result in its own folder."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with (place / "begun").open("a") as file:
        file.write(f"{os.getpid()} {os.getppid()}\n")
    gate = place.parent / "go"
    while not gate.exists():
        time.sleep(0.02)
    result = place / "result"
    result.write_text(f"result of {place.name}")
    return result.read_text()
