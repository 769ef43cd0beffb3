"""Rows of MedQA, MedMCQA and PubMedQA as they are published → questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LETTERS = "ABCDEFGHIJ"
_DECISIONS = ("yes", "no", "maybe")


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is one of the `choices`; `evidence` are texts that come with the question."""

    text: str
    choices: tuple[str, ...]
    answer: str
    evidence: tuple[str, ...] = ()


class RowError(ValueError):
    """What is wrong with a row. `row` counts from 0."""

    def __init__(self, row: int, message: str) -> None:
        super().__init__(message)
        self.row = row


def medqa_rows(rows: Sequence[Mapping[str, Any]]) -> list[Question]:
    """MedQA (arXiv 2009.13081): `question`; `options`, a list or an object by letter; `answer` or `answer_idx`.

    What stands in `context`, sentences before the question, is put before it. Raises RowError.
    """
    return [_medqa(number, row) for number, row in enumerate(rows)]


def _medqa(number: int, row: Mapping[str, Any]) -> Question:
    options = row.get("options")
    if isinstance(options, Mapping):
        by_key = {str(key): _words(value) for key, value in options.items()}
    elif isinstance(options, Sequence) and not isinstance(options, str):
        # Some copies have {"key": "A", "value": "…"} for each option.
        pairs = [
            (str(one.get("key", _LETTERS[place])), one.get("value")) if isinstance(one, Mapping) else (letter, one)
            for place, (letter, one) in enumerate(zip(_LETTERS, options, strict=False))
        ]
        by_key = {key: _words(value) for key, value in pairs}
    else:
        raise RowError(number, "has no `options`, a list or an object")
    answer = _words(row.get("answer_idx"))
    answer = by_key.get(answer) or _words(row.get("answer"))
    answer = by_key.get(answer, answer)
    context = row.get("context", "")
    before = context if isinstance(context, str) else " ".join(map(str, context))
    return _checked(number, f"{before} {row.get('question') or ''}", tuple(by_key.values()), answer)


def medmcqa_rows(rows: Sequence[Mapping[str, Any]]) -> list[Question]:
    """MedMCQA (arXiv 2203.14371): `question`, `opa` to `opd`, and `cop`, a letter, or a number from 0 or from 1.

    Whether numbers begin with 0 or 1 is told by all rows together. Raises RowError.
    """
    numbers = {int(mark) for row in rows if (mark := str(row.get("cop", "")).strip()).isdecimal()}
    first = 0 if 0 in numbers else 1
    if numbers and 0 not in numbers and 4 not in numbers and len(rows) > 1:
        raise RowError(0, "has in `cop` a number that counts from 0 or from 1; no row with 0 or 4 tells which")
    questions = []
    for number, row in enumerate(rows):
        choices = tuple(_words(row.get(f"op{letter}")) for letter in "abcd")
        mark = str(row.get("cop", "")).strip()
        place = int(mark) - first if mark.isdecimal() else "abcd".find(mark.casefold()) if len(mark) == 1 else -1
        if not 0 <= place < 4:
            raise RowError(number, f"has the answer {mark!r} in `cop`, which names none of its four options")
        questions.append(_checked(number, row.get("question"), choices, choices[place]))
    return questions


def pubmedqa_rows(rows: Sequence[Mapping[str, Any]]) -> list[Question]:
    """PubMedQA (arXiv 1909.06146): `QUESTION`, `CONTEXTS` (the abstract without its end), `final_decision`.

    On the hub the first two are `question` and `context.contexts`. Raises RowError.
    """
    questions = []
    for number, row in enumerate(rows):
        context = row.get("context")
        texts = row.get("CONTEXTS") or (context.get("contexts") if isinstance(context, Mapping) else None) or ()
        text = row.get("QUESTION") or row.get("question")
        question = _checked(number, text, _DECISIONS, _words(row.get("final_decision")).casefold())
        questions.append(Question(question.text, question.choices, question.answer, (" ".join(map(_words, texts)),)))
    return questions


def _checked(number: int, text: Any, choices: tuple[str, ...], answer: str) -> Question:
    text = _words(text)
    if not text:
        raise RowError(number, "has no question")
    if len(choices) < 2 or not all(choices):
        raise RowError(number, "has fewer than two options, or an empty one")
    if answer not in choices:
        raise RowError(
            number, f"has the answer {answer[:60]!r}, which is none of its options" if answer else "has no answer"
        )
    return Question(text, choices, answer)


def _words(value: Any) -> str:
    """A value as text, white space as single spaces."""
    return "" if value is None else " ".join(str(value).split())
