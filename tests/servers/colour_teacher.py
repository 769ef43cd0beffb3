"""A teacher for an OpenAI-like server that knows colours."""

from __future__ import annotations

import itertools
import json
import re
import threading
from typing import Any

from integration.command_line import LABELS


class ColourTeacher:
    """Writes new texts of a colour when asked for inputs, and names the colour when asked about a text."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.calls = itertools.count(1)
        self.called: dict[int, threading.Event] = {number: threading.Event() for number in (10,)}

    def __call__(self, body: dict[str, Any]) -> str:
        text = body["messages"][-1]["content"]
        asked = re.search(r"right output is exactly: (\w+)", text)
        if asked:
            answer = json.dumps([self._text(asked[1]) for _ in range(5)])
        else:
            answer = next((label for label in LABELS if label in text), "red")
        if event := self.called.get(next(self.calls)):
            event.set()
        return answer

    def _text(self, colour: str) -> str:
        """No two are near: the words between differ."""
        word = "".join(chr(ord("a") + int(digit)) for digit in str(7919 * (next(self.numbers) + 13)))
        return f"{word} {word[::-1]} {colour} {word[2:]}{word[:2]}"
