"""The part of the report page about a choice: the students of a bake-off, and the trials of a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prompt2model.console import latency_words, size_words
from prompt2model.records import Metric, SearchTrial, TrainedCandidate

_LONGEST_NAME = 28
_FAMILIES = {"tfidf": "words, linear", "embedding": "fixed vectors, linear", "encoder_decoder": "encoder-decoder"}


@dataclass(frozen=True, slots=True)
class StudentPoint:
    """A student in the picture: milliseconds of one answer, score with its interval, bytes."""

    name: str
    milliseconds: float
    score: float
    low: float
    high: float
    bytes: int
    verdict: str


def students(candidates: Sequence[TrainedCandidate], timing: Mapping[str, Any]) -> list[dict[str, str]]:
    """The table of the students, the chosen one first, then by score. `timing` is the timing.json of the step."""
    ordered = sorted(candidates, key=lambda one: (one.verdict != "chosen", -(one.score.value if one.score else -1)))
    return [
        {
            "id": one.id,
            "family": _FAMILIES.get(one.family, one.family),
            "score": "" if one.score is None else _figure(one.score, one.score.value),
            "interval": ""
            if one.score is None
            else f"{_figure(one.score, one.score.low)} to {_interval_end(one.score)}",
            "latency": "" if (time := _milliseconds(one, timing)) is None else latency_words(time / 1000),
            "size": "" if one.bytes is None else size_words(one.bytes),
            "verdict": one.verdict,
            "reason": one.reason,
        }
        for one in ordered
    ]


def student_points(candidates: Sequence[TrainedCandidate], timing: Mapping[str, Any]) -> list[StudentPoint]:
    """The students that can be drawn: trained and timed. Shares are drawn in percent."""
    points = []
    for one in candidates:
        milliseconds = _milliseconds(one, timing)
        if one.score is None or one.bytes is None or milliseconds is None:
            continue
        factor = 100 if one.score.name == "accuracy" else 1
        score, low, high = (factor * value for value in (one.score.value, one.score.low, one.score.high))
        points.append(StudentPoint(short_name(one.id), milliseconds, score, low, high, one.bytes, one.verdict))
    return points


def choice_score_name(candidates: Sequence[TrainedCandidate]) -> str:
    """What the students were compared by, with the number of rows."""
    score = next((one.score for one in candidates if one.score is not None), None)
    if score is None:
        return ""
    return f"{'accuracy' if score.name == 'accuracy' else 'ChrF++'} on {score.n:,} validation rows"


def trials(found: Sequence[SearchTrial], chosen: Mapping[str, str]) -> dict[str, Any]:
    """The table of a search: the settings as columns; the trial whose settings were taken is marked."""
    columns = list(dict.fromkeys(name for trial in found for name in trial.settings))
    complete = [trial for trial in found if trial.score is not None]
    taken = next((trial.number for trial in complete if dict(trial.settings) == dict(chosen)), None)
    return {
        "columns": [column.replace("_", " ") for column in columns],
        "rows": [
            {
                "number": trial.number,
                "score": trial.state if trial.score is None else f"{trial.score:.4g}",
                "settings": [_short(trial.settings.get(column, "")) for column in columns],
                "taken": trial.number == taken,
            }
            for trial in found
        ],
        "complete": len(complete),
        "pruned": sum(trial.state == "pruned" for trial in found),
        "failed": sum(trial.state == "failed" for trial in found),
    }


def short_name(identity: str) -> str:
    """The last part of an id or path, clipped."""
    name = identity.rstrip("/").rpartition("/")[2] or identity
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _milliseconds(one: TrainedCandidate, timing: Mapping[str, Any]) -> float | None:
    return timing.get("candidates", {}).get(one.id, {}).get("p50_ms")


def _figure(score: Metric, value: float) -> str:
    return f"{100 * value:.1f} %" if score.name == "accuracy" else f"{value:.1f}"


def _interval_end(score: Metric) -> str:
    return _figure(score, score.high)


def _short(text: str) -> str:
    """A setting in at most three digits."""
    try:
        return f"{float(text):.3g}"
    except ValueError:
        return text
