"""Which kind of task a prompt asks for, and its closed label set, as far as rules can tell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from prompt2model.catalogue.inline_options import read_options
from prompt2model.prompt_parser.answer_words import OR
from prompt2model.prompt_parser.label_list import LabelList, clean_label
from prompt2model.prompt_parser.label_sets import find_label_lists
from prompt2model.prompt_parser.out_of_scope import find_out_of_scope
from prompt2model.prompt_parser.task_cues import asks_for_labels, asks_for_option, first_cue
from prompt2model.records import OUT_OF_SCOPE, Demonstration, Kind

_LONGEST_LABEL = 60
_MOST_LABELS_READ = 400
_OPTION_SLOT = re.compile(
    r"(?:^|\s)[(\[]?[A-Da-d1-4][).:\]][ \t]*(?:\{|<|\[)|(?:options|choices)\s*[:：]\s*(?:\{|<|\[)", re.IGNORECASE
)
_ARTICLE = r"(?:an?|the|eine?|une?|una|um|uma|een|en|ett)"
_OUTSIDE = re.compile(
    r"(?:out[- ]of[- ]scope|oos|other|others|none|none of the(?:se| above)|unknown|misc(?:ellaneous)?|n/?a|"
    r"sonstiges|otro|otros|autre|altro|outro)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class KindReading:
    """What rules settled. `kind` None and `settled` False are left to the teacher or a person.

    `refused` are demonstration outputs that stand in no label; `candidates` are labels found so far.
    """

    kind: Kind | None
    labels: tuple[str, ...] = ()
    notes: dict[str, str] = field(default_factory=dict)
    settled: bool = True
    refused: tuple[str, ...] = ()


def read_kind(
    prompt: str, instruction: str, demonstrations: Sequence[Demonstration], kind: Kind | None = None
) -> KindReading:
    """Decide the kind (unless given) and the labels from the instruction and the demonstrations."""
    if kind in ("generation", "multiple_choice"):
        return KindReading(kind)
    if kind is None and _is_multiple_choice(prompt, instruction, demonstrations):
        return KindReading("multiple_choice")
    lists = [found for found in find_label_lists(instruction) if len(found.labels) <= _MOST_LABELS_READ]
    outputs = list(dict.fromkeys(pair.output for pair in demonstrations))
    cue = first_cue(instruction)
    if outputs:
        reading = _from_outputs(instruction, demonstrations, outputs, lists, cue if kind is None else "classification")
    else:
        reading = _from_instruction(instruction, lists, cue if kind is None else "classification")
    if kind is not None and reading.kind != kind:
        return KindReading(kind, settled=False)
    return reading


def match_label(output: str, labels: Sequence[str]) -> str | None:
    """The label that `output` spells, up to case, quotes and a final full stop."""
    if output in labels:
        return output
    wanted = clean_label(output).casefold()
    return next((label for label in labels if clean_label(label).casefold() == wanted), None)


def _from_outputs(
    instruction: str, pairs: Sequence[Demonstration], outputs: list[str], lists: list[LabelList], cue: str | None
) -> KindReading:
    label_like = all(
        len(output) <= _LONGEST_LABEL and len(output.split()) <= 6 and "\n" not in output for output in outputs
    )
    if not label_like:
        return KindReading("generation") if cue != "classification" or not lists else KindReading(None, settled=False)
    covering = [found for found in lists if all(match_label(output, found.labels) for output in outputs)]
    if cue == "generation":
        covering = [found for found in covering if found.strength >= 2 or _repeats(pairs, outputs)]
    if covering:
        return _settle(instruction, covering[0], lists)
    partial = max(lists, key=lambda found: (_hits(outputs, found), found.strength), default=None)
    if (
        partial is not None
        and (_hits(outputs, partial) >= 2 or 2 * _hits(outputs, partial) >= len(outputs))
        and (partial.strength >= 2 or cue == "classification")
    ):
        extra = [output for output in outputs if not match_label(output, partial.labels)]
        outside = find_out_of_scope(instruction)
        known = [output for output in extra if _OUTSIDE.match(output) or (outside and match_label(output, [outside]))]
        merged = LabelList((*partial.labels, *known), partial.strength, partial.notes)
        if len(known) == len(extra):
            return _settle(instruction, merged, lists)
        refused = tuple(output for output in extra if output not in known)
        return KindReading("classification", merged.labels, _notes(merged.labels, lists), False, refused)
    closed = _repeats(pairs, outputs) and len(outputs) >= 2
    numbers = all(re.fullmatch(r"[-+\d.,/%:$€ ]+", output) for output in outputs)
    if numbers and cue != "generation" and _is_rating(pairs, outputs):
        # Which numbers there are beside those shown, only a person can tell.
        kind: Kind | None = "classification" if cue else None
        return KindReading(kind, tuple(sorted(outputs, key=int)), {}, False)
    if numbers and cue == "generation":
        return KindReading("generation")
    if (
        cue == "classification"
        or (closed and not numbers and cue is None)
        or (closed and 2 * len(outputs) <= len(pairs))
    ):
        announced = next((found for found in lists if found.strength == 3), None)
        if announced is not None and cue == "classification":
            return KindReading(
                "classification", announced.labels, _notes(announced.labels, lists), False, tuple(outputs)
            )
        if len(outputs) < 2 or _lists_more(instruction, outputs):
            return KindReading("classification", tuple(outputs), {}, False)
        return _settle(instruction, LabelList(tuple(map(str.strip, outputs)), 2), lists)
    if cue == "generation" or (len(outputs) == len(pairs) and len(pairs) >= 3):
        return KindReading("generation")
    return KindReading(None, settled=False)


def _from_instruction(instruction: str, lists: list[LabelList], cue: str | None) -> KindReading:
    best = lists[0] if lists else None
    if (
        best is not None
        and best.strength >= 2
        and (cue == "classification" or (cue is None) or (best.strength == 3 and asks_for_labels(instruction)))
    ):
        return _settle(instruction, best, lists)
    if cue == "classification":
        if best is not None and len(lists) == 1 and len(best.labels) >= 2:
            return _settle(instruction, best, lists)
        return KindReading("classification", best.labels if best else (), {}, False)
    return KindReading("generation") if cue == "generation" else KindReading(None, settled=False)


def _settle(instruction: str, found: LabelList, lists: list[LabelList]) -> KindReading:
    labels = list(dict.fromkeys(found.labels))
    outside = find_out_of_scope(instruction)
    if outside == "":
        outside = None if any(_OUTSIDE.match(label) for label in labels) else OUT_OF_SCOPE
    if outside and not match_label(outside, labels):
        labels.append(outside)
    return KindReading("classification", tuple(labels), {**_notes(labels, lists), **found.notes})


def _notes(labels: Sequence[str], lists: list[LabelList]) -> dict[str, str]:
    """Explanations of the labels from any list of the prompt."""
    notes: dict[str, str] = {}
    for found in lists:
        for head, note in found.notes.items():
            label = match_label(head, labels)
            if label and label not in notes:
                notes[label] = note
    return {label: notes[label] for label in labels if label in notes}


def _hits(outputs: Sequence[str], found: LabelList) -> int:
    return sum(match_label(output, found.labels) is not None for output in outputs)


def _lists_more(instruction: str, outputs: Sequence[str]) -> bool:
    """Whether the instruction names some of the outputs in a list with an item that is none of them."""
    known = "|".join(sorted((re.escape(clean_label(output)) for output in outputs), key=len, reverse=True))
    item = rf"(?<!\w)(?:{known})(?!\w)[\"'”“’」』*`]*"
    beside = rf"{item}(?:\s*(?:[,;、，|／/]|または|或)\s*(?:{OR}\s+)?|\s+{OR}\s+)(?:{_ARTICLE}\s+)?[\"'“„‘「『*`]*"
    return bool(re.search(rf"{beside}(?!{known}|(?:not|nicht|non|pas|no)\b)\w", instruction, re.IGNORECASE)) and bool(
        re.search(rf"{beside}(?:{known})|\s{OR}\s", instruction, re.IGNORECASE)
    )


def _is_rating(pairs: Sequence[Demonstration], outputs: Sequence[str]) -> bool:
    """Whether the outputs are a few whole numbers up to ten, beyond 0 and 1, for texts without numbers."""
    small = all(output.isdecimal() and int(output) <= 10 for output in outputs)
    texts = sum(not re.search(r"\d", pair.input) for pair in pairs)
    return small and not set(outputs) <= {"0", "1"} and 2 * texts > len(pairs)


def _repeats(pairs: Sequence[Demonstration], outputs: Sequence[str]) -> bool:
    """Whether outputs come back often enough to be a closed set."""
    again = len(pairs) - len(outputs)
    return again >= max(1.0, 0.25 * len(pairs)) and len(outputs) <= 50


def _is_multiple_choice(prompt: str, instruction: str, pairs: Sequence[Demonstration]) -> bool:
    """Whether every input brings its own options and the output is one of them."""
    cue = asks_for_option(instruction)
    if not pairs:
        return (cue and len(read_options(instruction)) < 2) or bool(_OPTION_SLOT.search(prompt))
    options = [read_options(pair.input) for pair in pairs]
    with_options = [tuple(found.values()) for found in options if len(found) >= 2]
    answered = sum(_answers_option(pair.output, found) for pair, found in zip(pairs, options, strict=True))
    if min(len(with_options), answered) < 0.8 * len(pairs):
        return False
    # The same options in every input are a closed label set.
    return len(set(with_options)) > 1 or (len(pairs) == 1 and (cue or bool(_letter(pairs[0].output))))


def _answers_option(output: str, options: dict[str, str]) -> bool:
    letter = _letter(output)
    texts = {clean_label(text).casefold() for text in options.values()}
    return letter in options or clean_label(output).casefold() in texts


def _letter(output: str) -> str:
    match = re.match(r"[(\[]?([A-Ha-h]|[1-8])(?:[).:\]]|$|\s)", output.strip())
    return match[1].upper() if match else ""
