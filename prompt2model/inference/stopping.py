"""From tokens to text: where an answer ends, and which part of it can be shown already."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

_HALF = "\ufffd"
"""What a tokenizer shows for the bytes of a letter that is not complete yet."""


class Detokenizer:
    """Tokens to text for one tokenizer; single tokens are remembered."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._single: dict[int, str] = {}

    def text(self, tokens: Sequence[int]) -> str:
        """The text of the tokens, special tokens left out."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def single(self, token: int) -> str:
        """The text of one token by itself."""
        if token not in self._single:
            self._single[token] = self.text([token])
        return self._single[token]


class Answer:
    """The tokens of one answer as they come, and whether a stop string stands in their text."""

    def __init__(self, detokenizer: Detokenizer, stop: Sequence[str]) -> None:
        self.tokens: list[int] = []
        self._detokenizer = detokenizer
        self._stop = tuple(text for text in stop if text)
        self._last_letters = frozenset(text[-1] for text in self._stop)
        self._tail = max((len(text) for text in self._stop), default=0) + 8

    def add(self, token: int) -> bool:
        """Take one more token; True when the text now holds a stop string."""
        self.tokens.append(token)
        if not self._stop:
            return False
        piece = self._detokenizer.single(token)
        # Only a token with a stop string's last letter (or part of a letter) can complete one; a space may be hidden.
        if piece.strip() and _HALF not in piece and not self._last_letters & ({*piece, " "}):
            return False
        recent = self._detokenizer.text(self.tokens[-self._tail :])
        return any(text in recent for text in self._stop)

    def text(self) -> str:
        """The answer so far, cut before the first stop string."""
        text = self._detokenizer.text(self.tokens)
        found = [position for stop in self._stop if (position := text.find(stop)) >= 0]
        return text[: min(found)] if found else text

    def showable(self) -> str:
        """The part of the text that no later token changes: without a half letter or the beginning of a stop string."""
        text = self.text().rstrip(_HALF)
        held = max(
            (length for stop in self._stop for length in range(1, len(stop)) if text.endswith(stop[:length])), default=0
        )
        return text[: len(text) - held]
