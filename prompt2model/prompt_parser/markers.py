"""Lines of a prompt, and the field names (`Input:`, `**Label:**`, `### Output`) that stand at their beginnings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from prompt2model.prompt_parser.words import (
    EXAMPLE_HEADER,
    INPUT_NAMES,
    LEAD,
    NOT_FIELDS,
    OUTPUT_NAMES,
    is_input_name,
    is_output_name,
)

_LONGEST_NAME = 48
_DECORATION = "*_`#[]<>\"'「」【】 \t"
_HEADING = re.compile(
    r"[ \t]*(?:#{1,6}[ \t]+(?P<a>[^\n#]{1,48}?)[ \t]*#*|\*\*(?P<b>[^*\n]{1,48})\*\*|\[(?P<c>[^\]\n]{1,48})\]|"
    r"【(?P<e>[^】\n]{1,48})】|(?P<d>[^\W\d_][\w ]{0,24}))[ \t]*$"
)
_BAD_IN_NAME = re.compile(r"[.?!,;{}=\"“”|→]|->|=>|\d:|://")
# `input="…"`, as in keyword arguments.
_ASSIGNED = re.compile(r"([^\W\d_][\w ]{0,30}?)[ ]?=[ ]?(?=[\"'“„«`{\[])")
_NUMBER = re.compile(r"[ \t]*[#(]?\d{1,4}\)?$")
_FENCE = re.compile(r"[ \t]{0,8}(`{3,}|~{3,})[^`\n]*$")

_BEFORE_OUTPUT = frozenset("correct expected final predicted gold right best target true suggested your".split())


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its character range without the line's end, and whether it stands inside a code fence."""

    start: int
    end: int
    fenced: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """A field name in the prompt. `start` is where its line (or it) begins, `value` where its value begins."""

    key: str
    name: str
    start: int
    value: int
    line: int


@lru_cache(maxsize=4)
def split_lines(text: str) -> tuple[Line, ...]:
    """The lines of the text. A fence counts as one only when it is closed."""
    spans = []
    position = 0
    for part in text.split("\n"):
        spans.append((position, position + len(part)))
        position += len(part) + 1
    fenced = [False] * len(spans)
    opened: tuple[int, str] | None = None
    for number, (start, end) in enumerate(spans):
        match = _FENCE.match(text, start, end)
        if match is None:
            continue
        if opened is None:
            opened = (number, match[1])
        elif match[1].startswith(opened[1]) and text[match.end(1) : end].strip() == "":
            fenced[opened[0] : number + 1] = [True] * (number + 1 - opened[0])
            opened = None
    return tuple(Line(start, end, inside) for (start, end), inside in zip(spans, fenced, strict=True))


def is_fence(text: str, line: Line) -> bool:
    """Whether the line opens or closes a code fence."""
    return _FENCE.match(text, line.start, line.end) is not None


def _past_lead(text: str, start: int, end: int) -> int:
    """Where bullets, numbers and the like end; `start` where there are none."""
    lead = LEAD.match(text, start, end)
    return lead.end() if lead is not None else start


def skip_lead(text: str, line: Line) -> int:
    """Where the line's content begins: after bullets, numbers and `Example 3:`."""
    position = _past_lead(text, line.start, line.end)
    header = EXAMPLE_HEADER.match(text, position, line.end)
    if header and header.end() < line.end:
        return _past_lead(text, header.end(), line.end)
    return position


def is_header(text: str, line: Line) -> bool:
    """Whether the line only announces an example: `Example 2:`, `### Beispiele`."""
    position = _past_lead(text, line.start, line.end)
    header = EXAMPLE_HEADER.match(text, position, line.end) or EXAMPLE_HEADER.match(text, line.start, line.end)
    return header is not None and text[header.end() : line.end].strip(" \t*_:#-=])") == ""


def read_marker(text: str, number: int, line: Line) -> Marker | None:
    """The field name with which the line begins, if it does."""
    begin = skip_lead(text, line)
    head = text[begin : min(line.end, begin + _LONGEST_NAME + 12)]
    colon = min((place for place in (head.find(":"), head.find("：")) if place >= 0), default=-1)
    if colon > 0 and (name := _clean_name(head[:colon])):
        value = begin + colon + 1
        while value < line.end and text[value] in "*_]>":
            value += 1
        apart = value >= line.end or text[value].isspace() or head[colon] == "："
        if _is_field(name) and (apart or _is_known(name)):
            return Marker(name.casefold(), name, line.start, value, number)
    assigned = _ASSIGNED.match(text, begin, line.end)
    if assigned and (name := _clean_name(assigned[1])) and _is_known(name):
        return Marker(name.casefold(), name, line.start, assigned.end(), number)
    bracket = re.match(r"[\[【]([^\]】\n]{1,40})[\]】][ \t]*", text[begin : begin + 60])
    if bracket and (name := _clean_name(bracket[1])) and _is_known(name):
        return Marker(name.casefold(), name, line.start, begin + bracket.end(), number)
    heading = _HEADING.match(text, begin, line.end) or _HEADING.match(text, line.start, line.end)
    if heading:
        name = _clean_name(next(group for group in heading.groups() if group is not None))
        # Without any mark the word must be one for itself: `Input`, but not `Tuesday reply`.
        alone = name.casefold() in INPUT_NAMES | OUTPUT_NAMES and name[:1].isupper()
        if name and _is_field(name) and (_is_known(name) if heading["d"] is None else alone):
            return Marker(name.casefold(), name, line.start, line.end, number)
    return None


_INLINE = re.compile(
    r"(?:(?<=[\s|,;/\])\"'”」>→.!?。])|"
    r"^)(?:\*\*)?([^\W\d_][^\W\d_]*(?: [^\W\d_]+)?)(?:\*\*)?[ ]?(?:[:：](?:\*\*)?(?=\s|$|[\"“'{<\[])|=(?=[\"“']))"
)


def inline_markers(text: str, line: Line, number: int, first: Marker) -> list[Marker]:
    """Field names inside a line that begins with one: `Text: … Sentiment: …`."""
    found = []
    for match in _INLINE.finditer(text, first.value, line.end):
        words = match[1].split(" ")
        # `love it Sentiment:`: of two words the name may be the last alone.
        whole, last = match[1].casefold(), words[-1].casefold()
        if len(words) == 2 and whole not in OUTPUT_NAMES and words[0].casefold() not in _BEFORE_OUTPUT:
            start, key, name = match.start(1) + len(words[0]) + 1, last, words[-1]
        else:
            start, key, name = match.start(1), whole, match[1]
        if name[0].isupper() or not name[0].isascii() or is_output_name(key) or is_input_name(key):
            end = match.end()
            found.append(Marker(key, name, start - 2 * (text[start - 2 : start] == "**"), end, number))
    return found


def _clean_name(raw: str) -> str:
    name = raw.strip(_DECORATION)
    name = _NUMBER.sub("", name).strip(_DECORATION)
    if not name or len(name) > _LONGEST_NAME or len(name.split()) > 5 or not name[0].isalpha():
        return ""
    return "" if _BAD_IN_NAME.search(name) else name


def _is_field(name: str) -> bool:
    return name.casefold() not in NOT_FIELDS


def _is_known(name: str) -> bool:
    key = name.casefold()
    return is_input_name(key) or is_output_name(key)
