"""How texts are compared word by word: normalised as for SQuAD (arXiv 1606.05250), in any script."""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = frozenset({"a", "an", "the"})
# Scripts that write no spaces between words: each character is a token, as in MLQA (arXiv 1910.07475).
_UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])")


def answer_tokens(text: str) -> list[str]:
    """The words of an answer: NFKC, casefolded, without punctuation and English articles.

    A text of nothing but punctuation or articles keeps what it has, so that it is not taken for an empty one.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = _words("".join(_unpunctuated(character) for character in folded))
    return [word for word in words if word not in _ARTICLES] or words or folded.split()


def normalised_answer(text: str) -> str:
    """The words with one space between them: answers that differ in case, punctuation or articles become equal."""
    return " ".join(answer_tokens(text))


def word_tokens(text: str) -> list[str]:
    """The words of a text for ROUGE: NFKC, casefolded, punctuation as spaces; nothing else is left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _words("".join(character if character.isalnum() or _is_mark(character) else " " for character in folded))


def _words(text: str) -> list[str]:
    return _UNSPACED.sub(r" \1 ", text).split()


def _unpunctuated(character: str) -> str:
    return "" if unicodedata.category(character).startswith("P") else character


def _is_mark(character: str) -> bool:
    """Vowel signs and accents belong to the letter before them."""
    return unicodedata.category(character).startswith("M")
