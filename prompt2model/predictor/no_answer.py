"""Why a model gave no answer, in words for the person who asked it."""

from __future__ import annotations

from prompt2model.errors import NoAnswerError
from prompt2model.records import FailureKind

_REASONS: dict[FailureKind, str] = {
    "context_too_long": "the input is longer than the model can read; shorten it and try again",
    "truncated": "the answer is not whole: the model ran out of room before it came to an end",
    "empty": "the model wrote an empty answer to this input",
}


def no_answer(failure: FailureKind) -> NoAnswerError:
    """The error that says so in one line."""
    return NoAnswerError(_REASONS.get(failure, f"the model gave no answer ({failure.replace('_', ' ')})"), failure)
