"""Reading the reply to a batch: each answer belongs to an input by its number and by the repeated input, or is left.

Auto-Demo prompting: Feng et al., arXiv 2410.01724. Nothing is guessed: an input that is not surely answered is simply
not among the answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from prompt2model.labelling.batch_marks import ANSWER, START
from prompt2model.labelling.reading import folded, plain_form

LIKENESS = 0.9
"""How like its input a repetition must be: the ratio of Ratcliff and Obershelp, in [0, 1]."""

_ELLIPSIS = re.compile(r"\.{3,}|…")
_SHORTEST_PART = 12
"""Characters that a shortened repetition must have: fewer may begin any text."""
_LONG_TEXT = 300
"""Characters from which texts are compared by words, because comparing by characters takes quadratic time."""
_LEAD = re.compile(r"^[\s*_`]*(?::|->)")
"""What models put between a number and its answer."""
_FENCE = re.compile(r"^[ \t]*```", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the reply: the number that it begins with, and what follows up to the next number."""

    number: int
    body: str


@dataclass(frozen=True, slots=True)
class _Text:
    """A text in the forms in which it is compared."""

    exact: str
    plain: str

    @classmethod
    def of(cls, text: str) -> _Text:
        exact = " ".join(folded(text).split())
        return cls(exact, plain_form(text) or exact)


def read_batch(
    reply: str, shown: Sequence[str], *, echo: bool, cut: bool, likeness: float = LIKENESS
) -> dict[int, str]:
    """Place in the batch (from 0) → what the reply says after that input; places that are not sure are left out.

    `shown` are the inputs as the teacher saw them, none of which has marks of its own (`has_marks`). With `echo` a
    section counts when its number and its repetition speak of the same input: equal to it, at least `likeness` like it
    and less like any other, or shortened by an ellipsis. Two different answers to one input are none. Without `echo` a
    reply counts only as a whole, because a skipped input would shift all numbers after it. `cut`: the reply ended at
    its limit, so its last section may be half.
    """
    # Without repetitions only a whole reply shows that it counts from 0.
    sections = _sections(reply, len(shown), may_count_from_0=echo or not cut)
    if cut:
        # Of a cut reply the numbers before the cut count.
        sections = sections[:-1]
    if not echo:
        return _by_number(sections, len(shown), cut)
    texts = [_Text.of(text) for text in shown]
    found: dict[int, set[str]] = {}
    for section in sections:
        said = _by_echo(section, texts, likeness)
        if said is not None:
            found.setdefault(section.number, set()).add(said)
    return {place: answers.pop() for place, answers in found.items() if len(answers) == 1}


def _sections(reply: str, size: int, *, may_count_from_0: bool) -> list[_Section]:
    """The parts of the reply, numbered from 0 whether the model counted from 1 or from 0."""
    starts = list(START.finditer(reply))
    if not starts:
        return []
    numbers = [int(start.group(1)) for start in starts]
    first = 0 if may_count_from_0 and 0 in numbers and size not in numbers else 1
    ends = [start.start() for start in starts[1:]] + [len(reply)]
    bodies = [reply[start.end() : end] for start, end in zip(starts, ends, strict=True)]
    if _FENCE.search(reply[: starts[0].start()]):
        bodies[-1] = _before_last_fence(bodies[-1])
    return [_Section(number - first, body) for number, body in zip(numbers, bodies, strict=True)]


def _before_last_fence(body: str) -> str:
    fences = list(_FENCE.finditer(body))
    return body[: fences[-1].start()] if fences else body


def _by_number(sections: Sequence[_Section], size: int, cut: bool) -> dict[int, str]:
    numbers = [section.number for section in sections]
    whole = numbers == list(range(len(numbers))) if cut else sorted(numbers) == list(range(size))
    if not whole:
        return {}
    return {section.number: _LEAD.sub("", section.body).lstrip(" \t").rstrip() for section in sections}


def _by_echo(section: _Section, texts: Sequence[_Text], likeness: float) -> str | None:
    """The answer in a section, when what stands before it is the input of the section's number."""
    if not 0 <= section.number < len(texts):
        return None
    arrows = list(ANSWER.finditer(section.body))
    if len(arrows) != 1:
        return None
    echo, said = section.body[: arrows[0].start()], section.body[arrows[0].end() :]
    return said.lstrip(" \t").rstrip() if _repeats(echo, section.number, texts, likeness) else None


def _repeats(echo: str, place: int, texts: Sequence[_Text], likeness: float) -> bool:
    own, said = texts[place], _Text.of(echo)
    others = [text for number, text in enumerate(texts) if number != place]
    if said.exact == own.exact:
        return True
    if said.plain == own.plain:
        return all(said.exact != other.exact for other in others)
    ratio = _ratio(said.plain, own.plain, likeness)
    if ratio >= likeness:
        return all(ratio > _ratio(said.plain, other.plain, ratio) for other in others)
    return _is_shortened(echo, own, others)


def _ratio(first: str, second: str, least: float) -> float:
    """2 · matches / length of both, in [0, 1]; 0 where it is below `least`."""
    long = max(len(first), len(second)) > _LONG_TEXT
    # Among many words the frequent ones are no anchors (`autojunk`): that can only lower the ratio.
    matcher = (
        SequenceMatcher(None, first.split(), second.split()) if long else SequenceMatcher(None, first, second, False)
    )
    if matcher.real_quick_ratio() < least or matcher.quick_ratio() < least:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= least else 0.0


def _is_shortened(echo: str, own: _Text, others: Sequence[_Text]) -> bool:
    """Whether the repetition is the beginning, or beginning and end, of this input and of no other."""
    for gap in _ELLIPSIS.finditer(echo):
        head, tail = plain_form(echo[: gap.start()]), plain_form(echo[gap.end() :])
        if head and len(head) + len(tail) >= _SHORTEST_PART and _fits(own, head, tail):
            return not any(_fits(other, head, tail) for other in others)
    return False


def _fits(text: _Text, head: str, tail: str) -> bool:
    return text.plain.startswith(head) and text.plain[len(head) :].endswith(tail)
