"""Demonstrations written as data: JSON lines, JSON lists, chat messages, and XML-like tags."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from prompt2model.prompt_parser.reading import Reading
from prompt2model.prompt_parser.slots import is_slot
from prompt2model.prompt_parser.words import is_input_name, is_output_name
from prompt2model.records import Demonstration

_DECODER = json.JSONDecoder()
_MOST_FAILURES = 500
"""Brackets that begin no JSON: so many of them mean a text of another kind."""
_SPACE = re.compile(r"\s*")
_BEGINNING = re.compile(
    r"^[ \t>]{0,40}(?:[-*•+]|\(?\d{1,3}[.)]|[^\W\d][\w ]{0,20}[:=])?[ \t]{0,8}(?=[{\[])", re.MULTILINE
)
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]{0,40})(?:\s[^<>]{0,200})?>")


@dataclass(frozen=True, slots=True)
class _Object:
    """A JSON object in the text: its range, and each value decoded and as it stands there."""

    start: int
    end: int
    values: dict[str, object]
    raw: dict[str, tuple[int, int, int]]
    """Where key begins, value begins, value ends."""


def read_json(text: str) -> list[Reading]:
    """Objects with an input and an output, one a line or in a list; also `{"role": …, "content": …}` messages."""
    objects = list(_find_objects(text))
    readings = []
    chat = [item for item in objects if {"role", "content"} <= set(item.values)]
    if len(chat) >= 2:
        readings += _read_chat(text, chat)
    shapes = Counter(tuple(item.values) for item in objects if len(item.values) >= 2)
    for shape, _ in shapes.most_common(3):
        alike = [item for item in objects if tuple(item.values) == shape]
        names = _choose_fields(shape)
        if names is None:
            continue
        strength = 3 + is_input_name(names[0].casefold()) + is_output_name(names[1].casefold())
        pairs, spans = [], []
        for item in alike:
            first, second = _input_text(text, item, names), _value_text(text, item, names[1])
            spans.append((item.start, item.end))
            if not (is_slot(first, names[0]) or is_slot(second, names[1])):
                pairs.append(Demonstration(first.strip(), second.strip()))
        if (len(alike) >= 2 or strength == 5) and pairs:
            readings.append(Reading("json", tuple(pairs), _with_brackets(text, spans), strength, names))
    return readings


def _find_objects(text: str) -> Iterator[_Object]:
    """All JSON objects that begin a line, stand in a list that does, or follow another in it."""
    position = failures = 0
    while failures < _MOST_FAILURES and (match := _BEGINNING.search(text, position)) is not None:
        place = match.end()
        found = list(_objects_at(text, place)) if place < len(text) else []
        if found:
            yield from found
            position = found[-1].end
        else:
            failures += 1
            end = text.find("\n", place)
            if end < 0:
                return
            position = end + 1


def _objects_at(text: str, place: int) -> Iterator[_Object]:
    if text[place] == "{":
        item = _read_object(text, place)
        if item is not None and len(item.values) == 1:
            # `{"examples": [...]}`, `{"messages": [...]}`
            begin = next(iter(item.raw.values()))[1]
            if text[begin] == "[":
                yield from _objects_at(text, begin)
                return
        if item is not None:
            yield item
        return
    place = _past_space(text, place + 1)
    while place < len(text) and text[place] in "{[":
        item = _read_object(text, place) if text[place] == "{" else _read_list(text, place)
        if item is None:
            return
        yield item
        place = _past_space(text, item.end)
        if place >= len(text) or text[place] != ",":
            return
        place = _past_space(text, place + 1)


def _past_space(text: str, place: int) -> int:
    """The next place from `place` on that is no space."""
    space = _SPACE.match(text, place)
    return space.end() if space is not None else place


def _read_object(text: str, start: int) -> _Object | None:
    values: dict[str, object] = {}
    raw: dict[str, tuple[int, int, int]] = {}
    place = _past_space(text, start + 1)
    while place < len(text) and text[place] == '"':
        try:
            key, end = _DECODER.raw_decode(text, place)
            colon = _past_space(text, end)
            if text[colon : colon + 1] != ":" or key in values:
                return None
            begin = _past_space(text, colon + 1)
            value, end = _DECODER.raw_decode(text, begin)
        except (ValueError, RecursionError):
            return None
        values[key], raw[key] = value, (place, begin, end)
        place = _past_space(text, end)
        if text[place : place + 1] == "}":
            return _Object(start, place + 1, values, raw)
        if text[place : place + 1] != ",":
            return None
        place = _past_space(text, place + 1)
    return None


def _read_list(text: str, start: int) -> _Object | None:
    """`["input", "output"]` inside a list."""
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)):
        return None
    return _Object(start, end, {"": value[0], " ": value[1]}, {})


def _choose_fields(keys: tuple[str, ...]) -> tuple[str, str] | None:
    """The keys of input and output; an input key of "" means all other keys together."""
    inputs = [key for key in keys if is_input_name(key.casefold()) and not is_output_name(key.casefold())]
    outputs = [key for key in keys if is_output_name(key.casefold()) and not is_input_name(key.casefold())]
    if len(keys) == 2:
        if keys[0] in outputs and keys[1] not in outputs:
            return keys[1], keys[0]
        return keys[0], keys[1]
    if len(inputs) == 1 and len(outputs) == 1:
        return inputs[0], outputs[0]
    if len(outputs) == 1 and outputs[0] in (keys[0], keys[-1]):
        return "", outputs[0]
    return None


def _input_text(text: str, item: _Object, names: tuple[str, str]) -> str:
    if names[0] or "" in item.values:
        return _value_text(text, item, names[0])
    # Several input fields stay as they stand in the prompt, names and all.
    spans = [span for key, span in item.raw.items() if key != names[1]]
    return text[spans[0][0] : spans[-1][2]]


def _value_text(text: str, item: _Object, key: str) -> str:
    value = item.values[key]
    return value if isinstance(value, str) else text[item.raw[key][1] : item.raw[key][2]]


def _read_chat(text: str, messages: list[_Object]) -> list[Reading]:
    pairs, spans = [], []
    system = ""
    asked: _Object | None = None
    for item in messages:
        role, content = item.values["role"], item.values["content"]
        if not isinstance(content, str):
            continue
        spans.append((item.start, item.end))
        if role == "system":
            system = system or content
        elif role == "user":
            asked = item
        elif role == "assistant" and asked is not None:
            first = str(asked.values["content"])
            if not (is_slot(first) or is_slot(content)):
                pairs.append(Demonstration(first.strip(), content.strip()))
            asked = None
    names = ("user", "assistant")
    return [Reading("chat", tuple(pairs), _with_brackets(text, spans), 5, names, system)] if pairs else []


_BETWEEN = re.compile(r"[\s,]*(?:\]\s*\}\s*,?\s*\{\s*\"\w{1,40}\"\s*:\s*\[\s*)?")
_OPENS = re.compile(r"(?:\{\s*\"\w{1,40}\"\s*:\s*)?\[\s*$")
_CLOSES = re.compile(r"[\s,]*\](?:\s*\})?")


def _with_brackets(text: str, spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Neighbouring spans as one, with the brackets of the list around them."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and _BETWEEN.fullmatch(text, merged[-1][1], start):
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    for number, (start, end) in enumerate(merged):
        opening = _OPENS.search(text[max(0, start - 120) : start])
        closing = _CLOSES.match(text, end)
        if opening and closing:
            merged[number] = (start - len(opening[0]), closing.end())
    return tuple(merged)


def read_tags(text: str) -> list[Reading]:
    """`<input>…</input> <output>…</output>`, with any two tags that come back, wrapped in another or not."""
    elements = _find_elements(text)
    counts = Counter(name for name, *_ in elements)
    readings = []
    for (first, second), _ in Counter((a[0], b[0]) for a, b in pairwise(elements) if a[0] != b[0]).most_common(4):
        known = is_input_name(first) + is_output_name(second)
        pairs, spans = [], []
        for a, b in pairwise(elements):
            if (a[0], b[0]) != (first, second) or text[a[3] : b[1]].strip(" \t\n,;-"):
                continue
            start, end = _wrapped(text, a[1], b[3])
            spans.append((start, end))
            values = text[slice(*a[2])].strip(), text[slice(*b[2])].strip()
            if not (is_slot(values[0], first) or is_slot(values[1], second)):
                pairs.append(Demonstration(*values))
        enough = min(counts[first], counts[second]) >= 2 or known == 2
        if pairs and enough:
            readings.append(Reading("tags", tuple(pairs), tuple(spans), 3 + known, (first, second)))
    return readings


def _find_elements(text: str) -> list[tuple[str, int, tuple[int, int], int]]:
    """Innermost elements: name, where they begin, the range of the content, where they end."""
    tags = [(match[1] == "/", match[2].casefold(), match.start(), match.end()) for match in _TAG.finditer(text)]
    closing: dict[str, list[int]] = {}
    for number, (closes, name, _, _) in enumerate(tags):
        if closes:
            closing.setdefault(name, []).append(number)
    elements = []
    number = 0
    while number < len(tags):
        closes, name, start, content = tags[number]
        places = closing.get(name, [])
        place = bisect_left(places, number)
        if closes or place == len(places):
            number += 1
            continue
        last = places[place]
        inner = {tag[1] for tag in tags[number + 1 : last] if not tag[0]} if last - number <= 40 else set()
        # A wrapper such as <example> holds the tags that matter; markup inside a text does not come in pairs of names.
        if (len(inner) >= 2 and any(is_input_name(tag) or is_output_name(tag) for tag in inner)) or _wraps(name, inner):
            number += 1
            continue
        elements.append((name, start, (content, tags[last][2]), tags[last][3]))
        number = last + 1
    return elements


def _wraps(name: str, inner: set[str]) -> bool:
    return bool(inner) and name in {
        "example",
        "examples",
        "demonstration",
        "demonstrations",
        "demo",
        "sample",
        "shot",
        "pair",
        "item",
        "row",
    }


def _wrapped(text: str, start: int, end: int) -> tuple[int, int]:
    """The range with a tag right around it, when there is one."""
    before = re.search(r"<([A-Za-z][\w:.-]{0,40})(?:\s[^<>]{0,200})?>\s*$", text[max(0, start - 260) : start])
    if before:
        after = re.match(rf"\s*</{re.escape(before[1])}>", text[end : end + 300])
        if after:
            return start - len(before[0]), end + after.end()
    return start, end
