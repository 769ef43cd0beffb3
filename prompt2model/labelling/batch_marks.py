"""The marks that divide a batch and its reply: `[3]` before the third input, `->` before its answer.

Both count at the beginning of a line only. Where an input has them there, they are broken before the teacher sees it.
"""

from __future__ import annotations

import re

ARROW = "->"

_DECORATION = r"^[ \t]*(?:[-•][ \t]+)?[*#_`]*[ \t]*"
"""What a model may put before a mark: a list sign, bold type, a heading."""
START = re.compile(_DECORATION + r"\[(\d{1,4})\]", re.MULTILINE)
LIST_START = re.compile(_DECORATION + r"(\d{1,4})[.):](?=\s)", re.MULTILINE)
"""The number of an ordinary list, which some models write instead."""
ANSWER = re.compile(_DECORATION + r"->", re.MULTILINE)

_BROKEN = re.compile(r"\[ \d|- >|->")


def without_marks(text: str) -> str:
    """The text with its marks broken: no line of it can pose as the next input or as an answer."""
    lines = "\n".join(text.splitlines())
    lines = START.sub(lambda found: found.group().replace("[", "[ "), lines)
    return ANSWER.sub(lambda found: found.group().replace("->", "- >"), lines)


def looks_marked(shown: str) -> bool:
    """Whether a text that is shown has something like a mark in it, broken or not."""
    return bool(_BROKEN.search(shown))
