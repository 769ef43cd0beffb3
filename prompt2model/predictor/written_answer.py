"""From written text to a prediction."""

from __future__ import annotations

from prompt2model.records import FailureKind, Prediction


def written_prediction(text: str, *, cut: bool, prompt_tokens: int, completion_tokens: int) -> Prediction:
    """What a written text is worth as an answer; `cut`: it came to no end of its own.

    Half an answer is none, as it is for a teacher: it is kept in `raw`.
    """
    answer = text.strip()
    failure: FailureKind | None = "empty" if not answer else "truncated" if cut else None
    return Prediction(
        None if failure else answer,
        failure=failure,
        raw=text,
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
    )
