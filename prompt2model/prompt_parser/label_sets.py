"""Closed lists of answers in an instruction: tables, bullets, lines, and the lists inside its sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prompt2model.prompt_parser.answer_words import LIST_HEADER, NOT_A_LIST, ONE_QUOTED, OR
from prompt2model.prompt_parser.label_clauses import closing_lists, east_asian_lists
from prompt2model.prompt_parser.label_list import LabelList, clean_label, is_head, make_list
from prompt2model.prompt_parser.label_phrases import (
    announced_lists,
    answer_lists,
    bracketed,
    conditionals,
    quoted_runs,
    scales,
    slashed,
)
from prompt2model.prompt_parser.table_pairs import read_label_tables
from prompt2model.prompt_parser.words import EXAMPLE_WORDS

# `or somewhere in between (call that mixed)` is the item `mixed`.
_CALLED = re.compile(
    rf"(?P<before>,[ ](?:{OR}[ ])?|[ ]{OR}[ ])[^,.;:()\n]{{1,60}}[ ]\((?:and )?(?:call|label|name|mark|answer)"
    r"(?: (?:that|it|this|these|those|them|with|as))* (?P<name>[^(),\n]{1,40})\)",
    re.IGNORECASE,
)
_ANNOUNCES_EXAMPLES = re.compile(rf"(?<!\w)(?:{EXAMPLE_WORDS})[:：]$", re.IGNORECASE)
_BULLET = re.compile(r"[ \t]*(?:[-*•+·‣–]|\(?(?:\d{1,3}|[A-Za-z])[.)]|\d{1,3}:|[①-⑳])[ \t]+")
_HEAD_END = re.compile(r"[ \t]*[:：](?=\s|$|[^\x00-\x7f])|[ \t]+(?:[-–—=]|->|→|=>)[ \t]+|[ \t]*[（(]|:\*\*")


def find_label_lists(text: str) -> list[LabelList]:
    """Every list in the instruction that may be the closed set of answers, strongest and longest first."""
    text = _CALLED.sub(r"\g<before>\g<name>", text)
    found = [
        *_tables(text),
        *_blocks(text),
        *announced_lists(text),
        *quoted_runs(text),
        *bracketed(text),
        *slashed(text),
        *answer_lists(text),
        *closing_lists(text),
        *east_asian_lists(text),
        *conditionals(text),
        *scales(text),
    ]
    valid = [item for item in found if len(item.labels) >= 2]
    # A scale may as well belong to what is classified: `reviews of 1 to 5 stars`.
    return sorted(valid, key=lambda item: (-item.strength, item.labels[0].isdigit(), -len(item.labels)))


def _tables(text: str) -> Iterator[LabelList]:
    for _, rows in read_label_tables(text):
        yield make_list([label for label, _ in rows], 3, {label: note for label, note in rows if note})


# Lists of one item a line -------------------------------------------------------------------------------------------


def _blocks(text: str) -> Iterator[LabelList]:
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        bulleted = bool(_BULLET.match(lines[number]))
        header = _header_above(lines, number)
        if (
            not lines[number].strip()
            or _ANNOUNCES_EXAMPLES.search(header)
            or not (bulleted or (LIST_HEADER.search(header[-160:]) and header.rstrip("*_ ").endswith((":", "：", ">"))))
        ):
            number += 1
            continue
        items, last = _collect(lines, number, bulleted)
        yield from _block(items, header, bulleted)
        number = max(last, number + 1)


def _header_above(lines: list[str], number: int) -> str:
    while number > 0:
        number -= 1
        if lines[number].strip():
            return lines[number].strip()
    return ""


def _collect(lines: list[str], first: int, bulleted: bool) -> tuple[list[str], int]:
    items: list[str] = []
    number = first
    while number < len(lines):
        line = lines[number]
        if not line.strip():
            if not bulleted or number + 1 >= len(lines) or not _BULLET.match(lines[number + 1]):
                break
        elif bulleted and _BULLET.match(line):
            items.append(_BULLET.sub("", line, count=1).strip())
        elif bulleted and line[:2].strip() == "" and items:
            items[-1] += " " + line.strip()
        elif bulleted or line.lstrip().startswith("</"):
            break
        else:
            items.append(line.strip())
        number += 1
    return items, number


def _block(items: list[str], header: str, bulleted: bool) -> Iterator[LabelList]:
    pairs = [_head_and_note(item) for item in items]
    if len(pairs) < 2 or not all(is_head(head) for head, _ in pairs):
        return
    if not bulleted and any(note for _, note in pairs) != all(note for _, note in pairs):
        return
    announced = bool(LIST_HEADER.search(header[-160:]))
    strength = 3 if announced else 1
    if NOT_A_LIST.search(header[-80:]) and not re.search(
        r"labels?|categor|class|kategori|etiquet|étiquet", header, re.IGNORECASE
    ):
        strength = 1
    yield make_list([head for head, _ in pairs], strength, {head: note for head, note in pairs if note})


def _head_and_note(item: str) -> tuple[str, str]:
    match = ONE_QUOTED.match(item)
    if match:
        head, rest = clean_label(match[0]), item[match.end() :]
        return head, rest.strip(" \t:：-–—=>→()（）*").rstrip(")")
    cut = _HEAD_END.search(item[:120])
    if cut is None:
        return clean_label(item), ""
    note = item[cut.end() :].strip()
    if cut[0].strip() in ("(", "（"):
        note = note.rstrip(".").removesuffix(")").removesuffix("）")
    return clean_label(item[: cut.start()]), note.strip("* ")
