"""Label texts as data sets write them, matched to the labels of a task."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_SEPARATORS = re.compile(r"(?<=\w)[\s\-/.&]+(?=\w)")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def label_key(text: str) -> str:
    """The form in which `Card_Lost`, `card-lost` and `"card lost"` are the same label.

    Signs that stand alone keep their meaning: `-1` is not `1`, and `C++` is not `C`.
    """
    plain = unicodedata.normalize("NFKC", text).replace("_", " ").lstrip("\"'` \t\r\n").rstrip("\"'`. \t\r\n")
    spaced = _SEPARATORS.sub(" ", plain)
    return " ".join(spaced.casefold().split())


class LabelMatcher:
    """Finds the task's label that a cell means: the same text, else the same words, else nothing."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._exact = {label: label for label in labels}
        self._keys = _unambiguous([(label_key(label), label) for label in labels])
        self._words = _unambiguous([(_joined(label), label) for label in labels])

    def match(self, text: str) -> str | None:
        """The label, or None when the text is none of them."""
        text = text.strip()
        found = self._exact.get(text) or self._keys.get(label_key(text))
        if found is None and re.fullmatch(r"-?\d+\.0+", text):
            # Tables with gaps in an integer column hold 3.0 where 3 is meant.
            found = self._exact.get(text.split(".")[0])
        return found or self._words.get(_joined(text))


def _joined(text: str) -> str:
    """Words without the spaces between them: `CardLost` and `card lost` are the same."""
    return label_key(_CAMEL.sub(" ", text)).replace(" ", "")


def _unambiguous(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str | None] = {}
    for key, label in pairs:
        found[key] = label if found.get(key, label) == label else None
    return {key: label for key, label in found.items() if label is not None and key}
