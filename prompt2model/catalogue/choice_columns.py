"""The columns of a table that hold the offered answers of a multiple-choice question."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

CHOICE_NAMES = {"choices", "options", "candidates", "alternatives", "endings"}
_STEMS = {"", "choice", "option", "candidate", "ending", "answer", "alternative", "sol", "op", "opt", "ans"}
_MOST = 10


def choice_columns(names: Sequence[str]) -> tuple[str, ...]:
    """One list, or one column per answer; empty where neither is there."""
    lists = [name for name in names if set(_words(name)[-2:]) & CHOICE_NAMES]
    if lists:
        offered = [name for name in lists if not name.casefold().endswith((".label", ".labels"))]
        texts = [name for name in offered if name.casefold().endswith(".text")]
        return tuple(texts[:1] or offered)
    for stem, numbered in _series(names).items():
        if stem in _STEMS and 2 <= len(numbered) <= _MOST:
            return numbered
    return ()


def belongs_to(name: str, choices: Sequence[str]) -> bool:
    """Whether a column is one of the choices or stands beside them in one object (`choices.label`)."""
    parents = {choice.rpartition(".")[0] for choice in choices if "." in choice}
    return name in choices or name.rpartition(".")[0] in parents


def answered_share(
    rows: Sequence[Mapping[str, str]], column: str, choices: Sequence[str], list_columns: frozenset[str]
) -> float:
    """The share of rows whose cell names one of the offered answers: by its text, its letter or its number."""
    filled = [row for row in rows if row.get(column, "").strip()]
    return sum(_names_one(row, column, choices, list_columns) for row in filled) / max(len(filled), 1)


def _names_one(row: Mapping[str, str], column: str, choices: Sequence[str], list_columns: frozenset[str]) -> bool:
    offered = [row.get(choice, "").strip() for choice in choices]
    if len(choices) == 1 and choices[0] in list_columns:
        try:
            offered = [str(value).strip() for value in json.loads(row.get(choices[0], "[]"))]
        except ValueError:
            return False
    answer = row[column].strip()
    if answer in offered:
        return True
    letter = re.fullmatch(r"\(?([A-Za-z])[).]?", answer)
    if letter:
        return ord(letter.group(1).upper()) - ord("A") < len(offered)
    return bool(re.fullmatch(r"\d(?:\.0+)?", answer)) and int(float(answer)) <= len(offered)


def _series(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Columns that differ in a last letter or number counted from a, 0 or 1, by what stands before it."""
    found: dict[str, list[str]] = {}
    next_mark: dict[str, str] = {}
    for name in names:
        match = re.fullmatch(r"(?P<stem>.*?)[ _.\-]?(?P<mark>[a-h]|\d)", name.strip().casefold())
        if match is None:
            continue
        stem, mark = match["stem"], match["mark"]
        if stem not in found and mark in "a01":
            found[stem], next_mark[stem] = [name], chr(ord(mark) + 1)
        elif next_mark.get(stem) == mark:
            found[stem].append(name)
            next_mark[stem] = chr(ord(mark) + 1)
    return {stem: tuple(numbered) for stem, numbered in found.items()}


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())
