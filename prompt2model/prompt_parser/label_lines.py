"""Demonstrations of one line each with the label first: `spam: Win a prize now!`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from prompt2model.prompt_parser.answer_words import ANSWER_CUE
from prompt2model.prompt_parser.label_list import clean_label
from prompt2model.prompt_parser.label_sets import find_label_lists
from prompt2model.prompt_parser.markers import Line, skip_lead, split_lines
from prompt2model.prompt_parser.reading import Reading, make_pairs
from prompt2model.prompt_parser.slots import is_slot
from prompt2model.prompt_parser.task_cues import first_cue
from prompt2model.prompt_parser.words import EXAMPLE_WORDS, NOT_FIELDS, is_input_name, is_output_name

_LABEL_FIRST = re.compile(r"(?P<label>[^\W_][^:：.!?\"{}<>|\t\n]{0,40})[:：](?:[ \t]+|(?<=：))(?P<text>\S.*)$")
_ANNOUNCES = re.compile(rf"(?<!\w)(?:{EXAMPLE_WORDS})\W*$", re.IGNORECASE)


def read_label_lines(text: str) -> list[Reading]:
    """Runs of lines `label: text`, where the labels come again or are listed, and the texts are no labels."""
    lines = split_lines(text)
    readings = []
    run: list[tuple[Line, str, str]] = []
    for line in (*lines, None):
        content = text[skip_lead(text, line) : line.end].strip() if line else "end"
        match = _LABEL_FIRST.match(content)
        if line and match and not line.fenced and _may_be_label(match["label"]):
            run.append((line, clean_label(match["label"]), match["text"].strip()))
        elif content:
            if len(run) >= 2 and _is_labelled(text, run):
                span = (run[0][0].start, run[-1][0].end)
                kept = [(label, value) for _, label, value in run if not is_slot(value)]
                pairs = make_pairs([value for _, value in kept], [label for label, _ in kept])
                readings.append(Reading("label lines", pairs, (span,), 4))
            run = []
    return readings


def _may_be_label(name: str) -> bool:
    key = name.strip().casefold()
    known = key in NOT_FIELDS or is_input_name(key) or is_output_name(key)
    return len(key.split()) <= 4 and not known and not ANSWER_CUE.search(key)


def _is_labelled(text: str, run: Sequence[tuple[Line, str, str]]) -> bool:
    values: dict[str, list[str]] = {}
    for _, label, value in run:
        values.setdefault(label.casefold(), []).append(value)
    every = Counter(value for found in values.values() for value in found)
    # In `Comment: … / Mood: happy` one of the names holds the answers.
    answers = any(all(len(value.split()) == 1 and value.isascii() for value in found) for found in values.values())
    if len(values) < 2 or answers or max(every.values()) > 1:
        return False
    before, after = text[: run[0][0].start], text[run[-1][0].end :]
    instruction = f"{before}\n{after}"
    if first_cue(instruction) != "classification":
        return False
    lists = find_label_lists(instruction)
    listed = {clean_label(label).casefold() for found in lists for label in found.labels}
    if len(run) >= 3 and 2 * len(values) <= len(run) + 1:
        return set(values) <= listed or not any(found.strength == 3 for found in lists)
    return set(values) <= listed and bool(_ANNOUNCES.search(before.rstrip()[-60:]))
