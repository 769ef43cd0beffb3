"""How texts are compared word by word: normalised as for SQuAD (arXiv 1606.05250), in any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

_ARTICLES = frozenset({"a", "an", "the"})
# Scripts that write no spaces between words: each character is a token, as in MLQA (arXiv 1910.07475).
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


class _Characters(dict[int, int | str | None]):
    """What becomes of each character, found out when it is first met: a table for `str.translate`."""

    def __init__(self, keeps: Callable[[str], bool], instead: str | None) -> None:
        super().__init__()
        self._keeps, self._instead = keeps, instead

    def __missing__(self, code: int) -> int | str | None:
        self[code] = found = code if self._keeps(chr(code)) else self._instead
        return found


_UNPUNCTUATED = _Characters(lambda character: not unicodedata.category(character).startswith("P"), None)
# Vowel signs and accents belong to the letter before them.
_LETTERS = _Characters(lambda one: one.isalnum() or unicodedata.category(one).startswith("M"), " ")


@lru_cache(maxsize=1 << 16)
def answer_tokens(text: str) -> tuple[str, ...]:
    """The words of an answer: NFKC, casefolded, without punctuation and English articles.

    A text of nothing but punctuation or articles keeps what it has, so that it is not taken for an empty one.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _words(folded.translate(_UNPUNCTUATED))
    return tuple([word for word in words if word not in _ARTICLES] or words or folded.split())


def normalised_answer(text: str) -> str:
    """The words with one space between them: answers that differ in case, punctuation or articles become equal."""
    return " ".join(answer_tokens(text))


def word_tokens(text: str) -> list[str]:
    """The words of a text for ROUGE: NFKC, casefolded, punctuation as spaces; nothing else is left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _words(folded.translate(_LETTERS))


def _words(text: str) -> list[str]:
    return _UNSPACED.sub(r" \1 ", text).split()
