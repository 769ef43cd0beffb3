"""Questions that carry their own options in their text: `Capital of Italy? A) Rome B) Paris`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass

from prompt2model.catalogue.labels import label_key

_OPTION = re.compile(
    r"(?:(?<=\s)|^)[(\[]?(?P<mark>[A-Ha-h]|"
    r"[1-8])[).:\]][ \t]*(?P<text>[^\n]*?)(?=\s+[(\[]?[A-Ha-h1-8][).:\]][ \t]|\n|$)",
    re.MULTILINE,
)
_ANSWER = re.compile(r"[(\[]?(?P<mark>[A-Ha-h1-8])[).:\]]?(?:\s+(?P<text>.*))?", re.DOTALL)
_HEADING = re.compile(r"(?:^|(?<=\s))(?:answer )?(?:options|choices)[ \t]*[:：]?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question without its options, and the options by their marks (`A`, `1`)."""

    text: str
    options: Mapping[str, str]

    def answer(self, said: str) -> str | None:
        """The option that an answer means: by its text, its mark, or both (`A) Rome`). None when it means none."""
        for option in self.options.values():
            if label_key(said) == label_key(option):
                return option
        named = _ANSWER.fullmatch(said.strip())
        meant = self.options.get(named["mark"].upper()) if named else None
        if named is None or meant is None:
            return None
        return meant if named["text"] is None or label_key(named["text"]) == label_key(meant) else None


def read_options(text: str) -> dict[str, str]:
    """The options (A) …, B. …, 3) … of a question: mark → text. Empty when they do not follow each other."""
    return {mark: match["text"].strip() for mark, match in _matches(text).items()}


def split_question(text: str) -> Question | None:
    """The question and its options; None without two options, or when text stands between them."""
    found = _matches(text)
    places = list(found.values())
    gaps = [text[one.end() : two.start()] for one, two in itertools.pairwise(places)]
    options = read_options(text)
    if len(places) < 2 or any(gap.strip() for gap in gaps) or not all(options.values()):
        return None
    before = _HEADING.sub("", text[: places[0].start()]).strip()
    after = text[places[-1].end() :].strip()
    question = "\n".join(part for part in (before, after) if part)
    return Question(question, options) if question else None


def _matches(text: str) -> dict[str, re.Match[str]]:
    found: dict[str, re.Match[str]] = {}
    for match in _OPTION.finditer(text):
        mark = match["mark"].upper()
        expected = chr(ord("A") + len(found)) if mark.isalpha() else str(len(found) + 1)
        if mark == expected and (not found or next(iter(found)).isalpha() == mark.isalpha()):
            found[mark] = match
        elif mark in ("A", "1"):
            found = {mark: match}
    return found
