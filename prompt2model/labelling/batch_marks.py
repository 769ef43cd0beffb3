"""The marks that divide a batch and its reply: `[3]` at the beginning of a line, before the third input and where it is
repeated; `->` before its answer.
"""

from __future__ import annotations

import re

ARROW = "->"
START = re.compile(r"^[ \t]*(?:[-•][ \t]+)?[*#_`]*[ \t]*\[(\d{1,4})\]", re.MULTILINE)
"""A number, with what models put before it: a list sign, bold type, a heading."""
ANSWER = re.compile(r"[*_`]*->[*_`]*")


def has_marks(text: str) -> bool:
    """Whether a part of the text could pose as the next input of a batch or, when it is repeated, as an answer."""
    return ARROW in text or START.search("\n".join(text.splitlines())) is not None
