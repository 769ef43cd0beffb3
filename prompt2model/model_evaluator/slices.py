"""The student on parts of the test: where it does worse than on the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from prompt2model.measures.answers import AnsweredRow
from prompt2model.records import Example, LabelFigures, Metric, Slice, SliceKind, TaskSpec
from prompt2model.statistics.bootstrap import mean_interval
from prompt2model.statistics.shares import wilson_interval

Answered = Sequence[tuple[Example, AnsweredRow]]
LEAST_ROWS = 5
"""Rows below which a part is not looked at."""
_EXAMPLES = 3
_CONFIDENCES = (0.5, 0.8, 0.95)
_MOST_LABELS = 200


def slices(task: TaskSpec, answered: Answered, language_of: Callable[[str], str]) -> tuple[Slice, ...]:
    """By label, length, source, language and confidence, each where the rows differ in it. Parts of fewer than five
    rows are left out.
    """
    kinds: Mapping[SliceKind, Callable[[Answered], Sequence[str]]] = {
        "label": lambda pairs: [row.target for row, _ in pairs] if task.kind == "classification" else [],
        "length": _lengths,
        "source": lambda pairs: [row.source.dataset or row.source.kind for row, _ in pairs],
        "language": lambda pairs: [language_of(row.input) for row, _ in pairs],
        "confidence": _confidences,
    }
    found: list[Slice] = []
    for kind, names_of in kinds.items():
        names = names_of(answered)
        groups: dict[str, list[tuple[Example, AnsweredRow]]] = {}
        for name, pair in zip(names, answered if names else (), strict=True):
            groups.setdefault(name, []).append(pair)
        if 1 < len(groups) <= _MOST_LABELS:
            found += [_slice(task, kind, name, pairs) for name, pairs in groups.items() if len(pairs) >= LEAST_ROWS]
    return tuple(found)


def worst(found: Sequence[Slice], whole: Metric, count: int = 3) -> list[Slice]:
    """The parts that are worse than the whole by more than chance explains, worst first; then those that look so.

    Answers of little confidence are left out: that they are worse is what confidence is for.
    """
    poorer = [one for one in found if one.metric.value < whole.value and one.kind != "confidence"]
    return sorted(poorer, key=lambda one: (one.metric.high >= whole.value, one.metric.value, -one.metric.n))[:count]


def label_figures(labels: Sequence[str], answered: Answered) -> tuple[LabelFigures, ...]:
    """Precision and recall of each label, with Wilson's intervals. A row with several right labels counts for the one
    that was answered where that is right, else for the first.
    """
    gold = [answer.text if answer.outcome == "correct" else row.target for row, answer in answered]
    said = [answer.text for _, answer in answered]
    both = [one for one, other in zip(gold, said, strict=True) if one == other]
    return tuple(
        LabelFigures(
            label,
            gold.count(label),
            _share("precision", both.count(label), said.count(label)),
            _share("recall", both.count(label), gold.count(label)),
        )
        for label in labels
    )


def _slice(task: TaskSpec, kind: SliceKind, name: str, pairs: Answered) -> Slice:
    wrong = tuple(row.id for row, answer in pairs if answer.outcome != "correct")[:_EXAMPLES]
    if task.kind != "generation":
        right = sum(answer.outcome == "correct" for _, answer in pairs)
        metric = _share("accuracy", right, len(pairs))
        if metric is not None:
            return Slice(kind, name, metric, wrong)
    scores = np.array([answer.scores.get("chrf++", 0.0) for _, answer in pairs])
    low, high = mean_interval(scores)
    value = float(scores.mean())
    poorest = sorted(pairs, key=lambda pair: pair[1].scores.get("chrf++", 0.0))[:_EXAMPLES]
    metric = Metric("mean_chrf++", round(value, 6), round(min(low, value), 6), round(max(high, value), 6), len(pairs))
    return Slice(kind, name, metric, tuple(row.id for row, _ in poorest))


def _lengths(pairs: Answered) -> list[str]:
    """Thirds by letters of the input."""
    letters = [len(row.input) for row, _ in pairs]
    low, high = (int(edge) for edge in np.quantile(letters, [1 / 3, 2 / 3]))
    if low == high:
        return []
    names = {0: f"up to {low} letters", 1: f"{low + 1} to {high} letters", 2: f"more than {high} letters"}
    return [names[(count > low) + (count > high)] for count in letters]


def _confidences(pairs: Answered) -> list[str]:
    if any(answer.confidence is None and answer.outcome in ("correct", "wrong") for _, answer in pairs):
        return []
    edges = (0.0, *_CONFIDENCES, 1.0)
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [names[int(np.searchsorted(_CONFIDENCES, answer.confidence or 0.0, side="right"))] for _, answer in pairs]


def _share(name: str, right: int, rows: int) -> Metric | None:
    if not rows:
        return None
    low, high = wilson_interval(right, rows)
    return Metric(name, round(right / rows, 6), round(low, 6), round(high, 6), rows, "wilson")
