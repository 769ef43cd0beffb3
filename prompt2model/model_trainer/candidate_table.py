"""The students of a bake-off and the trials of a search, as lines for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prompt2model.console import latency_words, size_words
from prompt2model.records import Metric, SearchTrial, TrainedCandidate

_GAP = "  "


def score_words(score: Metric) -> str:
    """`accuracy 0.812 (0.770-0.848)`, or the mean ChrF++ of 0 to 100."""
    if score.name == "accuracy":
        return f"accuracy {score.value:.3f} ({score.low:.3f}-{score.high:.3f})"
    return f"ChrF++ {score.value:.1f} ({score.low:.1f}-{score.high:.1f})"


def candidate_lines(candidates: Sequence[TrainedCandidate], timing: Mapping[str, Any]) -> list[str]:
    """A table of the students, the chosen one first; `timing` is the `timing.json` of the step."""
    rows = [("student", "validation", "one answer", "size", "")]
    ordered = sorted(candidates, key=lambda one: (one.verdict != "chosen", -(one.score.value if one.score else -1)))
    for one in ordered:
        known = timing.get("candidates", {}).get(one.id, {})
        rows.append(
            (
                one.id,
                score_words(one.score) if one.score else "-",
                latency_words(known["p50_ms"] / 1000) if "p50_ms" in known else "-",
                size_words(one.bytes) if one.bytes is not None else "-",
                f"{one.verdict}: {one.reason}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        _GAP.join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip()
        for row in rows
    ]


def search_line(trials: Sequence[SearchTrial], chosen: Mapping[str, str]) -> str:
    """What a search came to, in one line; empty without one."""
    best = next((trial for trial in trials if trial.score is not None and dict(trial.settings) == dict(chosen)), None)
    if best is None or trials[0].score is None:
        return ""
    counts = [f"{sum(trial.state == state for trial in trials)} {state}" for state in ("complete", "pruned", "failed")]
    return f"search  {', '.join(counts)}; best {trial_words(best)}; the config's own settings {trials[0].score:.4g}"


def trial_words(trial: SearchTrial) -> str:
    """A trial in one line."""
    settings = ", ".join(f"{name} {value}" for name, value in trial.settings.items())
    outcome = f"score {trial.score:.4g}" if trial.score is not None else trial.state
    return f"trial {trial.number}: {outcome}" + (f" ({settings})" if settings else "")
