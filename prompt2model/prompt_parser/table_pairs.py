"""Demonstrations in tables: Markdown tables, CSV, TSV and semicolons, with or without a header."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prompt2model.prompt_parser.markers import Line, split_lines
from prompt2model.prompt_parser.reading import Reading
from prompt2model.prompt_parser.slots import is_slot
from prompt2model.prompt_parser.words import is_input_name, is_output_name
from prompt2model.records import Demonstration

_RULE = re.compile(r"\|?[ \t]*:?-{2,}:?(?:[ \t]*\|[ \t]*:?-{2,}:?)+[ \t]*\|?")
_CELL_END = re.compile(r"(?<!\\)\|")
_NUMBERING = frozenset({"#", "no", "no.", "nr", "nr.", "id", "n", "n°", "number", "index", "row"})
_PLAIN_NAME = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)?")
_LABEL_COLUMN = re.compile(
    r"(?:labels?|category|categories|class|intent|tag|team|code|kategorie|klasse|etiqueta|categoría|étiquette|"
    r"catégorie|categoria|ラベル|カテゴリー?|标签|类别|라벨)$",
    re.IGNORECASE,
)
_NOTE_COLUMN = re.compile(
    r"(?:descriptions?|meaning|explanation|definition|when to use|use (?:it )?(?:when|for)|notes?|covers|"
    r"what it covers|"
    r"beschreibung|bedeutung|erklärung|descripción|significado|description|signification|descrizione|descrição|"
    r"説明|意味|说明|描述|설명)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Table:
    """A Markdown table: its range, and the ranges of the cells of its header and rows."""

    span: tuple[int, int]
    header: list[tuple[int, int]]
    rows: list[list[tuple[int, int]]]


def _find_tables(text: str) -> Iterator[_Table]:
    lines = split_lines(text)
    number = 1
    while number < len(lines):
        if not _RULE.fullmatch(text[lines[number].start : lines[number].end].strip()):
            number += 1
            continue
        last = number
        while last + 1 < len(lines) and "|" in text[lines[last + 1].start : lines[last + 1].end]:
            last += 1
        rows = [_cells(text, line) for line in lines[number + 1 : last + 1]]
        yield _Table((lines[number - 1].start, lines[last].end), _cells(text, lines[number - 1]), rows)
        number = last + 1


def read_markdown_tables(text: str) -> list[Reading]:
    """Tables with a header and a rule; of more than two columns the output is the last, or the one so named."""
    readings = []
    for table in _find_tables(text):
        header = [text[a:b].strip(" *_`").casefold() for a, b in table.header]
        rows = [cells for cells in table.rows if len(cells) == len(header)]
        reading = _read_columns(text, header, rows, table.span, "table")
        if reading is not None:
            readings.append(reading)
    return readings


def read_label_tables(text: str) -> list[tuple[tuple[int, int], list[tuple[str, str]]]]:
    """Tables that explain labels: where they stand, and each label with its note."""
    found = []
    for table in _find_tables(text):
        header = [text[a:b].strip(" *_`") for a, b in table.header]
        if len(header) < 2 or not _explains_labels(header):
            continue
        cells = [[_unescape(text[a:b]) for a, b in row] for row in table.rows if len(row) >= 2]
        rows = [(row[0].strip("*_`\"' "), row[1]) for row in cells]
        if len(rows) >= 2:
            found.append((table.span, rows))
    return found


def _explains_labels(header: list[str]) -> bool:
    return bool(_LABEL_COLUMN.match(header[0])) and bool(_NOTE_COLUMN.match(header[1]))


def _cells(text: str, line: Line) -> list[tuple[int, int]]:
    start, end = line.start, line.end
    while start < end and text[start] in " \t":
        start += 1
    while end > start and text[end - 1] in " \t":
        end -= 1
    if start < end and text[start] == "|":
        start += 1
    if end > start and text[end - 1] == "|" and text[end - 2 : end - 1] != "\\":
        end -= 1
    edges = [match.start() for match in _CELL_END.finditer(text, start, end)]
    return list(zip([start, *(edge + 1 for edge in edges)], [*edges, end], strict=True))


def _unescape(cell: str) -> str:
    return cell.replace("\\|", "|").strip()


def _read_columns(
    text: str, header: list[str], rows: list[list[tuple[int, int]]], span: tuple[int, int], layout: str
) -> Reading | None:
    columns = [number for number, name in enumerate(header) if name not in _NUMBERING]
    if len(columns) < 2 or not rows or (len(header) == 2 and _explains_labels(header)):
        return None
    outputs = [number for number in columns if is_output_name(header[number])]
    output = outputs[-1] if outputs and not (len(columns) == 2 and len(outputs) == 2) else columns[-1]
    inputs = [number for number in columns if number != output]
    known = [number for number in inputs if is_input_name(header[number])]
    if len(inputs) > 1 and output != columns[-1]:
        inputs = known if len(known) == 1 else []
    if not inputs:
        return None
    pairs = []
    for cells in rows:
        first = _unescape(text[cells[inputs[0]][0] : cells[inputs[-1]][1]])
        second = _unescape(text[slice(*cells[output])])
        if not (is_slot(first) or is_slot(second)):
            pairs.append(Demonstration(first, second))
    strength = 3 + bool(known) + bool(outputs)
    names = (header[inputs[0]], header[output])
    return Reading(layout, tuple(pairs), (span,), strength, names) if pairs else None


def read_separated_values(text: str) -> list[Reading]:
    """CSV, TSV or semicolons: under a header with known names, or at least two rows with one quoted cell each."""
    lines = split_lines(text)
    readings = []
    number = 0
    while number < len(lines):
        block = number
        while block < len(lines) and text[lines[block].start : lines[block].end].strip():
            block += 1
        for first in range(number, min(block, number + 4)):
            reading = _read_block(text, lines[first:block])
            if reading is not None:
                readings.append(reading)
                break
        number = max(block, number) + 1
    return readings


def _read_block(text: str, lines: Sequence[Line]) -> Reading | None:
    content = text[lines[0].start : lines[-1].end]
    head = text[lines[0].start : lines[0].end]
    if len(head) > 4000:
        return None
    for separator in ("\t", ";", ","):
        if separator not in head:
            continue
        header = [cell.strip(" \"'").replace("_", " ").casefold() for cell in head.split(separator)]
        outputs, inputs = any(map(is_output_name, header)), any(map(is_input_name, header))
        named = outputs and (inputs or len(header) == 2)
        # `text` and `mood`: of two plain names the known one tells what the other is.
        plain = len(header) == 2 and bool(_PLAIN_NAME.fullmatch(header[1])) and ", " not in head
        half = plain and is_input_name(header[0]) and len(lines) > 2
        if (named or half) and len(header) <= 6 and all(0 < len(cell) <= 40 for cell in header):
            if len(lines) < 2:
                continue
            reading = _read_rows(text[lines[1].start : lines[-1].end], separator, header)
            if reading:
                return Reading(
                    "csv", reading, ((lines[0].start, lines[-1].end),), 5 if named else 4, (header[0], header[-1])
                )
        elif separator == "\t" or re.match(r'[ \t]*"', head):
            rows = _read_rows(content, separator, ["", ""])
            if len(rows) >= 2 and len(rows) == len(lines):
                rows = rows[1:] if _begins_with_names(rows) else rows
                return Reading("csv", rows, ((lines[0].start, lines[-1].end),), 3)
    return None


def _begins_with_names(rows: Sequence[Demonstration]) -> bool:
    """Whether the first row is a header of unknown names: single words above texts and answers that come again."""
    first, others = rows[0], rows[1:]
    outputs = [row.output for row in others]
    return (
        bool(_PLAIN_NAME.fullmatch(first.input) and _PLAIN_NAME.fullmatch(first.output))
        and all(len(row.input.split()) > len(first.input.split()) for row in others)
        and first.output not in outputs
        and len(set(outputs)) < len(outputs)
    )


def _read_rows(content: str, separator: str, header: list[str]) -> tuple[Demonstration, ...]:
    """The pairs of all rows, or none when a row does not fit the header."""
    columns = [number for number, name in enumerate(header) if name not in _NUMBERING]
    outputs = [number for number in columns if is_output_name(header[number])] or columns[-1:]
    output = outputs[-1]
    inputs = [number for number in columns if number != output]
    known = [number for number in inputs if is_input_name(header[number])]
    if len(inputs) > 1:
        inputs = known[:1] if len(known) == 1 else []
    if len(inputs) != 1:
        return ()
    pairs = []
    try:
        rows = list(csv.reader(io.StringIO(content), delimiter=separator, skipinitialspace=True, strict=True))
    except csv.Error:
        return ()
    lines = content.split("\n")
    for number, row in enumerate(rows):
        if len(row) > 2 and len(header) == 2 and output == 1 and len(rows) == len(lines) and '"' not in lines[number]:
            # An unquoted text may hold the separator: the last one counts.
            row = lines[number].rsplit(separator, 1)
        if len(row) != len(header):
            return ()
        first, second = row[inputs[0]].strip(), row[output].strip()
        if not (is_slot(first) or is_slot(second)):
            pairs.append(Demonstration(first, second))
    return tuple(pairs)
