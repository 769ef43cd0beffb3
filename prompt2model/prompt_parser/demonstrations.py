"""Finds the demonstrations of a prompt by its layout, and the instruction: what is left without them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from prompt2model.prompt_parser.label_lines import read_label_lines
from prompt2model.prompt_parser.labelled_pairs import read_labelled_pairs
from prompt2model.prompt_parser.line_pairs import read_arrows, read_quoted, read_two_line_examples, read_weak_lines
from prompt2model.prompt_parser.markers import Line, is_fence, is_header, split_lines
from prompt2model.prompt_parser.object_pairs import read_json, read_tags
from prompt2model.prompt_parser.reading import Reading
from prompt2model.prompt_parser.slots import drop_placeholders, is_slot
from prompt2model.prompt_parser.table_pairs import read_markdown_tables, read_separated_values
from prompt2model.prompt_parser.words import EXAMPLE_WORDS, SEPARATOR_LINE
from prompt2model.records import Demonstration

# Of readings as strong as each other, the first here wins.
_READERS = (
    read_tags,
    read_json,
    read_label_lines,
    read_labelled_pairs,
    read_markdown_tables,
    read_separated_values,
    read_arrows,
    read_quoted,
    read_two_line_examples,
    read_weak_lines,
)
_ANNOUNCEMENT = re.compile(rf"(?<!\w)(?:{EXAMPLE_WORDS})[^.!?\n]{{0,80}}[:：]\s*$", re.IGNORECASE)
_GOES_ON = re.compile(
    r"(?:now|next|your turn|and now|finally|jetzt|nun|ahora|maintenant|ora|agora|nu|teraz|теперь|次|では|现在|지금|"
    r"input|text|message|here is the)[^\n]{0,120}[:：]\s*$",
    re.IGNORECASE,
)
_SPEAKS_OF_EXAMPLES = re.compile(
    r"(?<!\w)(?:examples?|e\.g\.|for instance|demonstrations?|z\. ?b\.|beispiele?n?|ejemplos?|exemples?|"
    r"esemp[io]|exemplos?|voorbeeld(?:en)?|exempel|eksempel|esimerk\w*|przykład\w*|například|příklady|пример\w*|örnek)(?!\w)|"
    r"例[:：えを]|たとえば|示例|例如|예시|예:",
    re.IGNORECASE,
)
_MOST_AROUND_A_PAIR = 60
_EMPTY_ELEMENT = re.compile(r"<([A-Za-z][\w:.-]{0,40})>\s*</\1>")


@dataclass(frozen=True, slots=True)
class Found:
    """What the rules read. `names` are the fields' names; `unread`: the prompt speaks of examples that no rule read."""

    demonstrations: tuple[Demonstration, ...]
    instruction: str
    layout: str = ""
    names: tuple[str, str] = ("", "")
    unread: bool = False


def find_demonstrations(text: str) -> Found:
    """Read `text` (line ends as \\n) without any call."""
    by_reader = [reader(text) for reader in _READERS]
    readings = [reading for found in by_reader for reading in found]
    best = choose_reading([_best_of_one(found) for found in by_reader if any(reading.pairs for reading in found)])
    spans = list(best.spans) if best else []
    # Open slots stand outside of the demonstrations' layout, too.
    slots = [reading for reading in readings if not reading.pairs and reading.strength >= 4]
    for reading in slots:
        merged = _merge(spans)
        if len(_merge([*merged, *reading.spans])) == len(merged) + len(_merge(reading.spans)):
            spans += reading.spans
    instruction = instruction_without(text, spans)
    if best and best.instruction:
        instruction = f"{best.instruction.strip()}\n\n{instruction}".strip()
    names = best.names if best else (slots[0].names if slots else ("", ""))
    pairs = _distinct(best.pairs) if best else ()
    unread = not pairs and bool(_SPEAKS_OF_EXAMPLES.search(text))
    return Found(pairs, instruction, best.layout if best else "", names, unread)


def _best_of_one(readings: Sequence[Reading]) -> Reading:
    """The reading with several demonstrations, then known names, then most demonstrations; the first of equals."""
    best = max(readings, key=lambda reading: (min(len(reading.pairs), 2), reading.strength, len(reading.pairs)))
    for reading in readings:
        # Known names inside the texts of unknown ones: `Japanese: before: … after: …`.
        if len(reading.pairs) >= max(2, len(best.pairs)) and reading.covers(best) and not best.covers(reading):
            best = reading
    return best


def choose_reading(readings: Sequence[Reading]) -> Reading | None:
    """The strongest reading; of equals the one that holds the other, then the one with more demonstrations."""
    best: Reading | None = None
    for reading in readings:
        if best is None or _is_better(reading, best):
            best = reading
    return best


def _is_better(new: Reading, old: Reading) -> bool:
    new_holds, old_holds = new.covers(old), old.covers(new)
    if new_holds != old_holds:
        # JSON inside an output, an arrow inside a message: the outer layout is the prompt's own.
        outer, inner = (new, old) if new_holds else (old, new)
        if outer.strength >= 3 or inner.strength <= outer.strength:
            return (outer is new) if len(inner.pairs) <= 2 * len(outer.pairs) or outer.strength >= 4 else (inner is new)
    if new.strength != old.strength:
        return new.strength > old.strength
    return len(new.pairs) > len(old.pairs)


def instruction_without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without the spans, their headers, wrappers and open slots, tidied."""
    instruction = ""
    position = 0
    for start, end in [*_merge(spans), (len(text), len(text))]:
        # A piece before an example loses the lines that only announce it.
        piece = _tidy_piece(text[position:start], before_example=start < len(text), first=not instruction.strip())
        in_line = position > 0 and "\n" not in text[position : position + 1] and text[position - 1] != "\n"
        instruction += piece if in_line and not instruction.endswith("\n") else "\n\n" + piece
        if start > position and text[start - 1] == "\n":
            instruction += "\n"
        position = end
    return _tidy(instruction)


def _merge(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _tidy_piece(piece: str, before_example: bool, first: bool) -> str:
    lines = split_lines(piece)
    kept = [line for line in lines if not _is_empty(piece, line)]
    while before_example and kept and _only_announces(piece, kept[-1], alone=first and len(kept) == 1):
        kept.pop()
    kept_starts = {line.start for line in kept}
    shown = []
    for line in lines:
        content = piece[line.start : line.end]
        if line.start in kept_starts:
            shown.append(content.rstrip())
        elif not content.strip() or _is_empty(piece, line):
            shown.append("")
    return "\n".join(shown)


def _is_empty(piece: str, line: Line) -> bool:
    """Separators, fences around examples and lines that hold a slot alone."""
    content = piece[line.start : line.end].strip()
    if not content:
        return True
    if line.fenced and not is_fence(piece, line):
        return is_slot(content)
    return (
        bool(SEPARATOR_LINE.fullmatch(content))
        or (is_slot(content) and len(content) > 1)
        or (is_fence(piece, line) and not line.fenced)
    )


def _only_announces(piece: str, line: Line, alone: bool) -> bool:
    content = piece[line.start : line.end].strip().strip("*_ ")
    if is_header(piece, line):
        return True
    if len(content.split()) > 16 and len(content) > 100:
        return False
    if _ANNOUNCEMENT.search(content) and re.search(r"[.!?]\s", content) is None:
        return True
    return not alone and bool(_GOES_ON.match(content)) and len(content.split()) <= 12


def _tidy(text: str) -> str:
    text = _squeeze(_EMPTY_ELEMENT.sub("", drop_placeholders(text))).strip()
    return text.rstrip(":： ") if "\n" not in text else text


def _squeeze(text: str) -> str:
    lines = [re.sub(r"(?<=\S)[ \t]{2,}(?=\S)", " ", line.rstrip()) for line in text.split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _distinct(pairs: Sequence[Demonstration]) -> tuple[Demonstration, ...]:
    return tuple(dict.fromkeys(pairs))


def stands_in(part: str, prompt: str) -> bool:
    """Whether `part` stands in the prompt, up to white space and the escapes of JSON, CSV and Markdown."""
    wanted = _one_line(part)
    if not wanted:
        return False
    haystack = _one_line(prompt)
    escaped = (
        json.dumps(part, ensure_ascii=False)[1:-1],
        json.dumps(part)[1:-1],
        wanted.replace('"', '""'),
        wanted.replace("|", "\\|"),
    )
    return wanted in haystack or any(_one_line(form) in haystack for form in escaped)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def locate(text: str, pairs: Sequence[Demonstration]) -> list[tuple[int, int]]:
    """The lines of demonstrations that no rule read; one that stands inside a sentence stays in the instruction."""
    spans = []
    position = 0
    for pair in pairs:
        start, _ = _find_flexibly(text, pair.input, position)
        place, end = _find_flexibly(text, pair.output, max(start, 0) + len(pair.input) // 2)
        if start < 0 or place < 0 or place - start > 3 * len(pair.input) + 400:
            continue
        line = text.rfind("\n", 0, start) + 1
        stop = text.find("\n", end)
        stop = len(text) if stop < 0 else stop
        if stop - line - len(pair.input) - len(pair.output) <= _MOST_AROUND_A_PAIR:
            spans.append((line, stop))
        position = end
    return spans


def _find_flexibly(text: str, part: str, position: int) -> tuple[int, int]:
    exact = text.find(part, position)
    if exact >= 0:
        return exact, exact + len(part)
    match = re.compile(r"\s+".join(map(re.escape, part.split()))).search(text, position) if part.split() else None
    return match.span() if match else (-1, -1)
