"""Texts cut into passages: at sentence ends, of about the same length within a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt2model.evidence.corpus_files import Text
from prompt2model.teacher.tokens import likely_tokens

CUT_VERSION = 1
"""Raised when the same text would be cut otherwise than before."""
MOST_TOKENS = 200
"""Tokens of a passage, at most: four letters of ASCII or one other character each. A question with one fits a reader of
512 tokens."""
_END = re.compile(r"(?<=[.!?\u061f\u06d4\u0964])\s+|(?<=[\u3002\uff01\uff1f\uff0e])\s*|\n+")


def passages(text: Text, most: int = MOST_TOKENS) -> Iterator[str]:
    """The passages of a text, each with its title before it. White space within is single spaces."""
    pieces = [piece for sentence in _END.split(text.text) for piece in _pieces(" ".join(sentence.split()), most)]
    sizes = [likely_tokens(piece) + 1 for piece in pieces]
    parts = -(-sum(sizes) // most)
    # Even parts: a short rest would be found too easily, since BM25 favours what is short.
    target = sum(sizes) / max(parts, 1)
    head = f"{text.title}: " if text.title else ""
    gathered: list[str] = []
    done = 0
    for piece, size in zip(pieces, sizes, strict=True):
        if gathered and (done + size / 2 > target or done + size > most):
            yield head + " ".join(gathered)
            gathered, done = [], 0
        gathered.append(piece)
        done += size
    if gathered:
        yield head + " ".join(gathered)


def _pieces(sentence: str, most: int) -> Iterator[str]:
    """A sentence; one that is longer than a passage in parts, cut between words where there are any."""
    while likely_tokens(sentence) > most:
        end = _longest(sentence, most)
        space = sentence.rfind(" ", end // 2, end + 1)
        end = space if space > 0 else end
        yield sentence[:end].strip()
        sentence = sentence[end:].strip()
    if sentence:
        yield sentence


def _longest(sentence: str, most: int) -> int:
    """How many characters of the sentence's beginning have at most so many tokens."""
    low, high = most, min(len(sentence), 4 * most)
    while low < high:
        middle = (low + high + 1) // 2
        if likely_tokens(sentence[:middle]) <= most:
            low = middle
        else:
            high = middle - 1
    return low
