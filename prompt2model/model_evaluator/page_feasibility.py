"""The part of the report page that says what was known of the teacher before anything was generated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prompt2model.artifacts import encode_record
from prompt2model.model_evaluator.page_results import ShownAnswer, clipped
from prompt2model.records import Feasibility

_TONES = {"go": "good", "improve_prompt": "open", "unlikely": "bad", "unknown": "open"}


def content(found: Feasibility) -> Mapping[str, Any]:
    """What the template shows of it."""
    return {
        "tone": _TONES[found.decision],
        "sentence": found.sentence,
        "reasons": found.reasons,
        "rows": [
            ShownAnswer(clipped(row.input), clipped(" / ".join(row.expected)), clipped(row.answered), "wrong", "", "")
            for row in found.disagreements
        ],
    }


def figures(found: Feasibility | None) -> dict[str, Any] | None:
    """The same for programs; None where it was not checked at all."""
    if found is None:
        return None
    plain = encode_record(found)
    del plain["folder"]
    return plain
