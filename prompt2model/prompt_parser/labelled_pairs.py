"""Demonstrations with named fields: `Input: … / Output: …`, `Message: … / Label: …`, `Q: … A: …`, headings.

A block begins at each marker of the first field and runs to the next one. The fields that come back in every block
are its parts; the last of them is the output, all before it is the input.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.prompt_parser.markers import (
    Line,
    Marker,
    inline_markers,
    is_header,
    read_marker,
    split_lines,
)
from prompt2model.prompt_parser.reading import Reading, make_pairs
from prompt2model.prompt_parser.slots import has_placeholder, is_slot
from prompt2model.prompt_parser.words import (
    RATIONALE_NAMES,
    SEPARATOR_LINE,
    STRONG_OUTPUT_NAMES,
    WRAPPING_NAMES,
    is_input_name,
    is_output_name,
)
from prompt2model.records import Demonstration

_MOST_FIRST_FIELDS = 16
_BEFORE_INLINE = " \t|,;/-–—→>*="
_NESTED = re.compile(r"[ \t]*[^\W\d_][\w ]{0,30}[:：]\s")
_NEXT = re.compile(
    r"(?:now|next|your turn|here is|and now|finally|please (?:classify|label|answer|do)|jetzt|nun|ahora|maintenant|"
    r"ora|agora|nu|teraz|теперь|次|では|现在|지금)\b",
    re.IGNORECASE,
)
_DESCRIBES_INPUT = re.compile(
    r"(?:an?|the|some|any|one|your|ein|eine|der|die|das|un|una|une|le|la) (?:[\w'’-]+ ){0,3}?(?:text|message|"
    r"question|"
    r"sentence|review|tweet|e-?mail|document|article|comment|description|input|query|title|string|paragraph|"
    r"ticket|post|"
    r"nachricht|frage|satz|mensaje|pregunta|frase|texto|texte|phrase)s?\b",
    re.IGNORECASE,
)
_DESCRIBES_OUTPUT = re.compile(
    r"(?:one of|either|exactly one|only|eine[rs]? der|uno de|una de|l['’]une? des)\b|(?:an?|the|its|ein|eine|die|"
    r"das|der|un|una|une|"
    r"le|la|el) (?:[\w'’-]+ ){0,3}?(?:label|category|class|answer|summary|translation|sentiment|title|text|"
    r"output|version|name|"
    r"number|list|json|sentence|response|reply|kategorie|antwort|zusammenfassung|respuesta|categoría|réponse|"
    r"catégorie)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Block:
    """One example: the ranges of its input and output, and the name of the output's first field."""

    start: int
    input: tuple[int, int]
    output: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of a block after its first: the output, further inputs, and what explains the output."""

    output: str
    given: frozenset[str]
    rationale: frozenset[str]


def read_labelled_pairs(text: str) -> list[Reading]:
    """All ways in which the prompt can be read as named fields, each with its demonstrations."""
    lines = split_lines(text)
    readings = []
    fences = any(line.fenced for line in lines)
    for unwrapped in (False, True) if fences else (False,):
        shown = [Line(line.start, line.end) for line in lines] if unwrapped else lines
        markers = _line_markers(text, shown)
        readings += _read_markers(text, shown, markers, "labelled")
        inline = _with_inline(text, shown, markers)
        if len(inline) > len(markers):
            readings += _read_markers(text, shown, inline, "labelled in a line")
    return readings


def _line_markers(text: str, lines: Sequence[Line]) -> list[Marker]:
    found = []
    for number, line in enumerate(lines):
        if line.end > line.start and not line.fenced and (marker := read_marker(text, number, line)):
            found.append(marker)
    return found


def _with_inline(text: str, lines: Sequence[Line], markers: list[Marker]) -> list[Marker]:
    """The markers with those inside their lines, of names that are known or come back in as many lines."""
    inside = [(first, inline_markers(text, lines[first.line], first.line, first)) for first in markers]
    counts = Counter((first.key, key) for first, found in inside for key in {marker.key for marker in found})
    merged: list[Marker] = []
    for first, found in inside:
        merged.append(first)
        merged += [
            marker
            for marker in found
            if counts[first.key, marker.key] >= 2 or is_output_name(marker.key) or is_input_name(marker.key)
        ]
    return merged


def _read_markers(text: str, lines: Sequence[Line], markers: list[Marker], layout: str) -> list[Reading]:
    counts = Counter(marker.key for marker in markers)
    first_places = {marker.key: number for number, marker in reversed(list(enumerate(markers)))}
    # A first field begins a line; a name that only stands inside lines is a later field or part of a text.
    leading = {group[0].key for group in _by_line(markers)}
    firsts = [key for key, count in counts.items() if key in leading and (count >= 2 or is_input_name(key))]
    firsts.sort(key=lambda key: (-counts[key], first_places[key]))
    readings: list[Reading] = []
    taken: set[int] = set()
    for key in firsts[:_MOST_FIRST_FIELDS]:
        # Of names that come equally often, the earliest begins the examples.
        if counts[key] >= 2 and counts[key] in taken:
            continue
        reading = _read_blocks(text, lines, markers, key, layout)
        if reading is not None:
            readings.append(reading)
            taken.add(counts[key])
    return readings


def _by_line(markers: list[Marker]) -> list[list[Marker]]:
    found: list[list[Marker]] = []
    for marker in markers:
        if found and found[-1][0].line == marker.line:
            found[-1].append(marker)
        else:
            found.append([marker])
    return found


def _read_blocks(text: str, lines: Sequence[Line], markers: list[Marker], first: str, layout: str) -> Reading | None:
    starts = [number for number, marker in enumerate(markers) if marker.key == first]
    groups = [markers[a:b] for a, b in zip(starts, [*starts[1:], len(markers)], strict=True)]
    fields = _regular_fields(text, groups, first)
    if fields is None:
        return None
    blocks: list[_Block] = []
    slots: list[_Block] = []
    broken = 0
    for number, group in enumerate(groups):
        limit = groups[number + 1][0].start if number + 1 < len(groups) else len(text)
        block = _make_block(text, group, fields, limit)
        if block is None:
            # A last block without an output, `Message: {text}`, is the place for the real input.
            opening = text[group[0].value : _line_end(text, group[0].value)]
            if number == len(groups) - 1 and is_slot(opening, group[0].name):
                end = _line_end(text, group[0].value)
                slots.append(_Block(group[0].start, (group[0].value, end), (end, end)))
            else:
                broken += 1
        elif _is_open(text, block, group[0].name, fields.output):
            slots.append(block)
        else:
            blocks.append(block)
    if broken > len(blocks) or not (blocks or slots):
        return None
    strength = 3 + is_input_name(first) + is_output_name(fields.output)
    if len(blocks) + len(slots) < 2 and strength < 5 and not _announced(text, lines, markers, groups):
        return None
    return _finish(text, lines, blocks, slots, strength, layout, (groups[0][0].name, fields.output))


def _regular_fields(text: str, groups: list[list[Marker]], first: str) -> _Fields | None:
    """Which names are fields of every block, and which of them is the output. Other names belong to the texts."""
    places: dict[str, list[int]] = {}
    for group in groups:
        for place, marker in enumerate(group[1:], start=1):
            if marker.key not in {earlier.key for earlier in group[1:place]}:
                places.setdefault(marker.key, []).append(place)
    # The last block may be a slot that lacks its output.
    needed = max(1, -(-4 * max(1, len(groups) - 1) // 5))
    regular = [key for key, found in places.items() if len(found) >= needed]
    if len(groups) == 1:
        regular = [key for key in regular if is_output_name(key) or is_input_name(key)]
    ordered = sorted(regular, key=lambda key: (sum(places[key]) / len(places[key]), key))
    answers = [key for key in ordered if key not in RATIONALE_NAMES] or ordered
    if not answers or (len(groups) == 1 and not any(map(is_output_name, answers))):
        return None
    output = _output_of(answers, first)
    before = [key for key in ordered if ordered.index(key) < ordered.index(output)]
    rationale = frozenset(key for key in ordered if key in RATIONALE_NAMES and key != output)
    # `Input: Premise: …` already wraps the fields inside it.
    wraps = first in WRAPPING_NAMES or all(_NESTED.match(text, group[0].value) for group in groups[:-1] or groups)
    given = frozenset() if wraps else frozenset(before) - rationale
    return _Fields(output, given, rationale)


def _output_of(answers: list[str], first: str) -> str:
    last = answers[-1]
    known = [key for key in answers if is_output_name(key)]
    if not is_output_name(last) and known:
        # `Text / Sentiment / Topic`: several outputs begin at the first that is surely one.
        return known[0] if is_input_name(first) else last
    if last in STRONG_OUTPUT_NAMES or len(known) < 2 or any(not is_output_name(key) for key in answers[:-1]):
        return last
    return known[0]


def _make_block(text: str, group: list[Marker], fields: _Fields, limit: int) -> _Block | None:
    place = next((n for n, marker in enumerate(group[1:], start=1) if marker.key == fields.output), None)
    if place is None:
        return None
    output, before = group[place], group[1:place]
    given = [marker for marker in before if marker.key in fields.given]
    rationale = next((marker for marker in before if marker.key in fields.rationale), None)
    input_end = (rationale if rationale and not (given and given[-1].start > rationale.start) else output).start
    # Several input fields keep their names; a single one is only its value.
    input_start = group[0].value if not given else _name_start(text, group[0])
    after = next((marker for marker in group[place + 1 :] if marker.key in fields.rationale), None)
    return _Block(group[0].start, (input_start, input_end), (output.value, after.start if after else limit))


def _name_start(text: str, marker: Marker) -> int:
    return text.index(marker.name, marker.start)


def _is_open(text: str, block: _Block, input_name: str, output_name: str) -> bool:
    first = text[slice(*block.input)].strip(_BEFORE_INLINE + "\n")
    second = text[slice(*block.output)].strip()
    if is_slot(second.split("\n", 1)[0], output_name) and not second.split("\n", 1)[-1].strip():
        return True
    if not second or is_slot(first, input_name) or is_slot(second, output_name):
        return True
    # `Premise: {premise}` and `Hypothesis: {hypothesis}` on lines of their own.
    parts = [part.split(":", 1)[-1].strip() for part in first.split("\n") if part.strip()]
    return len(parts) > 1 and all(part and is_slot(part) for part in parts)


def _announced(text: str, lines: Sequence[Line], markers: list[Marker], groups: list[list[Marker]]) -> bool:
    """Whether a header such as `Example:` stands right before the first block."""
    number = groups[0][0].line
    while number > 0:
        number -= 1
        if text[lines[number].start : lines[number].end].strip():
            return is_header(text, lines[number])
    return False


def _finish(
    text: str,
    lines: Sequence[Line],
    blocks: list[_Block],
    slots: list[_Block],
    strength: int,
    layout: str,
    names: tuple[str, str],
) -> Reading:
    chunks = [_paragraphs(text, lines, block.output) for block in blocks]
    ends = _output_ends(text, blocks, chunks)
    inputs, outputs, spans = [], [], []
    for block, end in zip(blocks, ends, strict=True):
        first = text[slice(*block.input)].strip()
        second = _unfence(text[block.output[0] : end].strip())
        inputs.append(_unfence(first))
        outputs.append(second)
        spans.append((block.start, end))
    for slot in slots:
        spans.append((slot.start, _slot_end(text, slot)))
    if layout != "labelled":
        inputs = _without_divider(inputs)
    pairs = make_pairs(inputs, outputs)
    if pairs and _is_description(pairs[0]) and (len(pairs) == 1 or not _is_description(pairs[1])):
        pairs, spans = pairs[1:], spans[1:]
    return Reading(layout, pairs, tuple(sorted(spans)), strength, names)


def _without_divider(inputs: list[str]) -> list[str]:
    """The inputs without the mark before the output's name (`… | Label: …`), where all of them end with it."""
    mark = inputs[0][-1:] if inputs else ""
    if mark and mark in _BEFORE_INLINE and all(len(value) > 1 and value.endswith(mark) for value in inputs):
        return [value.rstrip(_BEFORE_INLINE if mark in "|→>=*" else mark + " ") for value in inputs]
    return inputs


def _paragraphs(text: str, lines: Sequence[Line], span: tuple[int, int]) -> list[tuple[int, int]]:
    """The paragraphs of an output: blank lines outside of code fences divide them; headers at the end are left off."""
    found: list[tuple[int, int]] = []
    for number in range(_line_at(lines, span[0]), len(lines)):
        line = lines[number]
        start, end = max(line.start, span[0]), min(line.end, span[1])
        if line.start >= span[1]:
            break
        blank = not text[start:end].strip() and not line.fenced
        if not blank and found and found[-1][1] >= start - 1 and found[-1][1] > 0:
            found[-1] = (found[-1][0], end)
        elif not blank:
            found.append((start, end))
    while found:
        start, end = found[-1]
        last = text.rfind("\n", start, end) + 1 or start
        line = lines[_line_at(lines, last)]
        tail = text[last:end]
        if line.start >= span[0] and not line.fenced and (is_header(text, line) or SEPARATOR_LINE.match(tail)):
            found[-1] = (start, last - 1)
            if last <= start or not text[start : last - 1].strip():
                found.pop()
            continue
        break
    return found


def _output_ends(text: str, blocks: list[_Block], chunks: list[list[tuple[int, int]]]) -> list[int]:
    """Where each output ends, so that an instruction between or after the examples is not taken for output."""
    firsts = [text[slice(*chunk[0])].strip() if chunk else "" for chunk in chunks]
    last = len(blocks) - 1
    # What the other outputs look like; the last one is no witness, for the instruction may go on after it.
    several = [len(chunk) > 1 for chunk in chunks]
    worded = [len(first.split()) > 6 for first in firsts]
    broken = [("\n" in first) for first in firsts]
    several_before, worded_before, broken_everywhere = sum(several[:last]), sum(worded[:last]), sum(broken)
    ends = []
    for number, (block, chunk) in enumerate(zip(blocks, chunks, strict=True)):
        own = number != last
        others = last - own
        alone = others > 0 and several_before - (own and several[number]) == 0
        labels = alone and worded_before - (own and worded[number]) == 0 and not worded[number]
        kept = chunk[:1] if alone and (labels or not own) else list(chunk)
        while len(kept) > 1 and _goes_on(text[slice(*kept[-1])]):
            kept.pop()
        end = kept[-1][1] if kept else block.output[1]
        if len(kept) == 1 and broken[number] and last > 0 and broken_everywhere == 1:
            # Outputs of one line; a line right under this one may go on with the instruction.
            line_end = _line_end(text, kept[0][0])
            if line_end < end and _goes_on(text[line_end:end].strip()):
                end = line_end
        ends.append(end)
    return ends


def _goes_on(paragraph: str) -> bool:
    """Whether a paragraph after an output goes on with the instruction instead."""
    return (
        has_placeholder(paragraph)
        or bool(_NEXT.match(paragraph.strip()))
        or (paragraph.rstrip().endswith((":", "：")) and len(paragraph) < 200)
    )


def _unfence(value: str) -> str:
    """The code inside, where the value is one code fence and nothing else."""
    match = re.match(r"(`{3,}|~{3,})[^\n`]*\n", value)
    if match and value.endswith(match[1]) and value.count(match[1]) == 2:
        inner = value[match.end() : -len(match[1])]
        return inner.rstrip("\n ") if inner.strip() else value
    return value.strip()


def _slot_end(text: str, slot: _Block) -> int:
    """An open slot ends with its first line of output: what comes after is instruction again."""
    return min(max(slot.output), _line_end(text, slot.output[0]))


def _is_description(pair: Demonstration) -> bool:
    """`Input: a customer's message / Output: one of the labels` tells the format and shows no example."""
    first, second = pair.input, pair.output
    return (
        len(first.split()) <= 12
        and len(second.split()) <= 40
        and not first.rstrip().endswith(("!", "?"))
        and bool(_DESCRIBES_INPUT.match(first))
        and bool(_DESCRIBES_OUTPUT.match(second))
    )


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _line_at(lines: Sequence[Line], position: int) -> int:
    low, high = 0, len(lines) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if lines[middle].start <= position:
            low = middle
        else:
            high = middle - 1
    return low
