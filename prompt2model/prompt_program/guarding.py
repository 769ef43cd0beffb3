"""Data stays data: what stands in an input can neither end its turn nor pose as a part of the prompt around it."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"<\|")
_MARK = re.compile(r"</?\s*([A-Za-z]\w*)\s*>")
_HEAD = re.compile(r"^[^\S\n]*([^\W\d_][\w ]{0,40}?)[^\S\n]*:", re.MULTILINE)
_LINE_START = r"(?<![^\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029])([^\S\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]*)"


def guarded(text: str) -> str:
    """The text without anything that a chat template would take for the end of a turn (`<|im_end|>` and its like)."""
    return _CONTROL.sub("< |", text)


def without_mark(text: str, mark: str) -> str:
    """The guarded text with every `<mark>` and `</mark>` broken: what stands between such marks cannot end them."""
    return re.sub(rf"<\s*(/?)\s*{mark}\s*>", rf"< \1{mark} >", guarded(text), flags=re.IGNORECASE)


def as_data(text: str, prompt: str) -> str:
    """The guarded text, with the marks (`<input>`) and line heads (`Question:`) of `prompt` broken in it."""
    for mark in dict.fromkeys(_MARK.findall(prompt)):
        text = without_mark(text, mark)
    heads = "|".join(r"\s+".join(map(re.escape, head.split())) for head in dict.fromkeys(_HEAD.findall(prompt)))
    if heads:
        text = re.sub(rf"{_LINE_START}({heads})\s*:", r"\1\2 -", text, flags=re.IGNORECASE)
    return guarded(text)
