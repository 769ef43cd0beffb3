"""An input made of several columns: `Premise: … Hypothesis: …`, in the form that the demonstrations show."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from prompt2model.records import InputPart

__all__ = ["InputPart", "ShownParts", "cell_text", "join_parts", "named_parts", "shown_parts"]

_MOST_LINES = 4
_MARK = re.compile(r"(?P<words>[^\W_][^\W_]*(?: [^\W_]+){0,2})[ ]?[:：][ \t]*")


@dataclass(frozen=True, slots=True)
class ShownParts:
    """The parts of the demonstrations' inputs: the text before each, its name, and its texts by demonstration."""

    before: tuple[str, ...]
    names: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]


def shown_parts(inputs: Sequence[str]) -> tuple[ShownParts, ...]:
    """The ways to cut the demonstrations' inputs into the same parts: whole, at their marks, at their lines."""
    found = [ShownParts(("",), ("",), (tuple(inputs),))]
    for parts in (_by_marks(inputs), _by_lines(inputs)):
        if parts is not None:
            found.append(parts)
    return tuple(found)


def _by_marks(inputs: Sequence[str]) -> ShownParts | None:
    """Cut at words before a colon that stand once in every input, in the same order; the first begins the input."""
    marks = _common_marks(inputs)
    if not marks:
        return None
    cuts = [[match for mark in marks if (match := _mark_at(mark, text)) is not None] for text in inputs]
    if any([cut.start() for cut in row] != sorted(cut.start() for cut in row) or row[0].start() for row in cuts):
        return None
    texts: list[tuple[str, ...]] = []
    for place in range(len(marks)):
        ends = [
            row[place + 1].start() if place + 1 < len(marks) else len(text)
            for row, text in zip(cuts, inputs, strict=True)
        ]
        texts.append(
            tuple(text[row[place].end() : end].strip() for row, text, end in zip(cuts, inputs, ends, strict=True))
        )
    if not all(text for part in texts for text in part):
        return None
    first, sample = cuts[0], inputs[0]
    before = tuple(_gap(sample, cut.start()) + cut.group() for cut in first)
    return ShownParts(before, marks, tuple(texts))


def _gap(text: str, place: int) -> str:
    """The white space before a place of the text."""
    return text[len(text[:place].rstrip()) : place]


def _mark_at(mark: str, text: str) -> re.Match[str] | None:
    return re.search(rf"(?<!\S){re.escape(mark)}[ ]?[:：][ \t]*", text)


def _common_marks(inputs: Sequence[str]) -> tuple[str, ...]:
    marks: list[str] = []
    for match in _MARK.finditer(inputs[0]) if inputs else ():
        words = match["words"].split(" ")
        # The longest end of the words that every input has before a colon, once.
        ends = (" ".join(words[start:]) for start in range(len(words)))
        mark = next((end for end in ends if all(_is_once(end, text) for text in inputs)), None)
        if mark is not None:
            marks.append(mark)
    return tuple(dict.fromkeys(marks))


def _is_once(mark: str, text: str) -> bool:
    return len(re.findall(rf"(?<!\S){re.escape(mark)}[ ]?[:：]", text)) == 1


def _by_lines(inputs: Sequence[str]) -> ShownParts | None:
    lines = [[line.strip() for line in text.strip().split("\n")] for text in inputs]
    counts = {len(one) for one in lines}
    if len(counts) != 1 or not 2 <= (count := counts.pop()) <= _MOST_LINES or not all(all(one) for one in lines):
        return None
    before = ("", *["\n"] * (count - 1))
    return ShownParts(before, ("",) * count, tuple(zip(*lines, strict=True)))


def named_parts(columns: Sequence[str]) -> tuple[InputPart, ...]:
    """Several columns as parts with their own names before them; nothing before a single one."""
    if len(columns) == 1:
        return (InputPart(columns[0]),)
    return tuple(
        InputPart(column, f"{'' if number == 0 else chr(10)}{column}: ") for number, column in enumerate(columns)
    )


def join_parts(parts: Sequence[InputPart], row: Mapping[str, str], list_columns: Collection[str]) -> str:
    """The input of a row; empty when one of its parts is: half an input is none."""
    texts = [cell_text(row.get(part.column, ""), part.column in list_columns) for part in parts]
    if not all(texts):
        return ""
    return "".join(part.before + text for part, text in zip(parts, texts, strict=True)).strip()


def cell_text(cell: str, is_list: bool) -> str:
    """A cell as an input shows it: a list of words as a sentence, a list of texts as lines, all else as it is."""
    if is_list and cell.startswith("["):
        try:
            values = json.loads(cell)
        except ValueError:
            return cell.strip()
        if all(isinstance(value, str) for value in values):
            between = "\n" if any(" " in value for value in values) else " "
            return between.join(value.strip() for value in values).strip()
    return cell.strip()
