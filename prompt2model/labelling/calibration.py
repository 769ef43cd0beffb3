"""What a teacher's scores owe to its own habits rather than to the input, measured on unlabelled inputs.

Batch calibration: Zhou et al., arXiv 2309.17249. A content-free input instead: Zhao et al., "Calibrate Before Use",
arXiv 2102.09690; as a difference of log-probabilities it is the domain-conditional PMI of Holtzman et al., arXiv
2104.08315.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from prompt2model.labelling.scoring_forms import AnswerScores
from prompt2model.records import Demonstration

CONTENT_FREE = ("N/A", "", "...", "[MASK]")
"""Inputs that say nothing: what a label scores on them, it owes to its own words and the demonstrations' order."""

_MOST = 64
"""Inputs that are enough for a mean."""
_FEWEST_PER_LABEL = 2


def choose_calibration(
    rows: Iterable[Demonstration], labels: Sequence[str], rng: random.Random, shown: Iterable[Demonstration] = ()
) -> tuple[Demonstration, ...]:
    """As many of the rows for each label, drawn at random; none where a label has too few for a mean.

    A row is an input and its presumed label, which only keeps the sample balanced. Never give rows of a test. Inputs
    that are `shown` as demonstrations are left out: the teacher has read their labels.
    """
    known = {demonstration.input for demonstration in shown}
    by_label: dict[str, dict[str, Demonstration]] = {label: {} for label in labels}
    for row in rows:
        if row.output in by_label and row.input not in known:
            by_label[row.output].setdefault(row.input, row)
    share = min([_MOST // max(1, len(labels)), *map(len, by_label.values())])
    if share < _FEWEST_PER_LABEL:
        return ()
    drawn: list[Demonstration] = []
    for found in by_label.values():
        drawn += rng.sample(sorted(found.values(), key=lambda row: row.input), share)
    return tuple(drawn)


def mean_scores(scores: Sequence[AnswerScores]) -> tuple[float, ...] | None:
    """The mean of each column over the scores that are no failures; None when there are none."""
    values = [one.values for one in scores if one.failure is None]
    return tuple(sum(column) / len(values) for column in zip(*values, strict=True)) if values else None
