"""Reading new examples out of a reply. JSON that is nearly right is repaired; what cannot be read is no example."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_FENCE = re.compile(r"^\s*```[\w-]*\s*$", re.MULTILINE)
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_GAP = re.compile(r"[\s,]*")
_LIST_INSIDE = re.compile(r'\{\s*"[^"\\]*"\s*:\s*\[')
_BULLET = re.compile(r"^\s*(?:\d{1,3}[.):]|[-*•])\s+")
_FIELD = re.compile(r"^\s*(?:input|text|question|message)\s*:\s*", re.IGNORECASE)
_OTHER_FIELD = re.compile(r"^\s*(?:output|label|answer)\s*:", re.IGNORECASE | re.MULTILINE)
_INPUT_KEYS = ("input", "text", "question", "message")
_QUOTES = (('"', '"'), ("'", "'"), ("“", "”"), ("„", "“"), ("«", "»"), ("`", "`"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """An input, written or given; with choices and the right one where the task has choices."""

    input: str
    choices: tuple[str, ...] = ()
    answer: str | None = None
    evidence: tuple[str, ...] = ()


def read_inputs(reply: str) -> list[Candidate]:
    """The inputs in a reply that should be {"inputs": [...]}; a bare array, objects with an input, and lists are read
    too."""
    values = _json_values(reply)
    if values is None:
        values = [_BULLET.sub("", line) for line in reply.splitlines() if _BULLET.match(line)]
    return [Candidate(text) for text in map(_input_text, values) if text]


def read_questions(reply: str) -> list[Candidate]:
    """The whole multiple-choice questions in a reply that should be {"questions": [...]}, or the array alone.

    A question counts only with at least two different choices, of which exactly one is the answer.
    """
    candidates = []
    for value in _json_values(reply) or []:
        if not isinstance(value, dict) or not isinstance(value.get("choices"), list):
            continue
        text = _input_text(value)
        choices = tuple(choice.strip() for choice in value["choices"] if isinstance(choice, str) and choice.strip())
        answer = value.get("output")
        answer = answer.strip() if isinstance(answer, str) else None
        if text and len(set(choices)) == len(choices) >= 2 and answer in choices:
            candidates.append(Candidate(text, choices, answer))
    return candidates


def read_pairs(reply: str) -> list[Candidate]:
    """The inputs with their outputs in a reply that should be a JSON array of objects; a half pair is none."""
    candidates = []
    for value in _json_values(reply) or []:
        output = value.get("output") if isinstance(value, dict) else None
        text = _input_text(value)
        if text and isinstance(output, str) and _is_unicode(output) and output.strip():
            candidates.append(Candidate(text, answer=output.strip()))
    return candidates


def read_plain_pair(reply: str) -> list[Candidate]:
    """The one pair in a reply that goes on from `Input:`: the input, then its output after `Output:` on a line."""
    mark = _OTHER_FIELD.search(reply)
    if mark is None:
        return []
    output = reply[mark.end() :].split("\n", maxsplit=1)[0].strip()
    read = read_continuation(reply[: mark.start()])
    return [Candidate(read[0].input, answer=output)] if read and output else []


def read_rewritten(reply: str, with_choices: bool = False) -> Candidate | None:
    """The input in a reply that should be one JSON object; an empty one where it says that there is none.

    None when the reply cannot be read, or lacks two different choices where choices are wanted.
    """
    values = [value for value in _json_values(reply) or [] if isinstance(value, dict) and "input" in value]
    if len(values) != 1:
        return None
    text, choices = values[0]["input"], values[0].get("choices", [])
    if text is None or text == "":
        return Candidate("")
    if not isinstance(text, str) or not _is_unicode(text):
        return None
    text = text.strip() if _says_something(text) else ""
    if not (with_choices and text):
        return Candidate(text)
    if not isinstance(choices, list) or not all(isinstance(one, str) and _is_unicode(one) for one in choices):
        return None
    offered = tuple(one.strip() for one in choices)
    return Candidate(text, offered) if len(set(offered)) == len(offered) >= 2 and all(offered) else None


def read_continuation(reply: str) -> list[Candidate]:
    """The one input in a reply that is the input itself, as small models write it."""
    text = _OTHER_FIELD.split(reply.strip(), maxsplit=1)[0]
    text = unquoted(_BULLET.sub("", _FIELD.sub("", text)).strip())
    return [Candidate(text)] if _says_something(text) else []


def unquoted(text: str) -> str:
    """The text without a pair of quotation marks around the whole of it."""
    for opening, closing in _QUOTES:
        if len(text) > 2 and text.startswith(opening) and text.endswith(closing) and opening not in text[1:-1]:
            return text[1:-1].strip()
    return text


def _says_something(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _is_unicode(text: str) -> bool:
    """False for half a surrogate pair, which JSON can say and no file can hold."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _input_text(value: Any) -> str:
    if isinstance(value, dict):
        value = next((value[key] for key in _INPUT_KEYS if key in value), None)
    if not isinstance(value, str):
        return ""
    text = unquoted(value.strip())
    return text if _says_something(text) else ""


def _json_values(reply: str) -> list[Any] | None:
    """The elements of the first JSON array, also of an object that holds nothing else, or the JSON objects one after
    another; None where there is no JSON."""
    text = _FENCE.sub("", reply)
    start = re.search(r"[\[{]", text)
    if start is None:
        return None
    place = start.start()
    # {"inputs": [...]}, as schemas force it, is read as the array in it.
    inside = _LIST_INSIDE.match(text, place)
    if text[place] == "[" or inside:
        whole = _decode(text, place) or _decode(_TRAILING_COMMA.sub(r"\1", text), place)
        value = whole[0] if whole is not None else None
        if isinstance(value, dict) and len(value) == 1:
            value = next(iter(value.values()))
        if isinstance(value, list):
            return value
        if whole is None:
            # Cut off or damaged: take the elements that are whole.
            return list(_elements(text, inside.end() if inside else place + 1)) or None
    return list(_elements(text, place)) or None


def _elements(text: str, position: int) -> Iterator[Any]:
    """Values with commas or line ends between them, up to the first that is not whole."""
    while True:
        gap = _GAP.match(text, position)
        found = _decode(text, gap.end() if gap else position)
        if found is None:
            return
        value, position = found
        yield value


def _decode(text: str, position: int) -> tuple[Any, int] | None:
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, position)
    except (json.JSONDecodeError, RecursionError):
        return None
