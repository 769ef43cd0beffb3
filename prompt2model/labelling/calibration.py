"""What a teacher's scores owe to its own habits rather than to the input, measured on unlabelled inputs.

Batch calibration: Zhou et al., arXiv 2309.17249. A content-free input instead: Zhao et al., "Calibrate Before Use",
arXiv 2102.09690; as a difference of log-probabilities it is the domain-conditional PMI of Holtzman et al., arXiv
2104.08315.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from prompt2model.labelling.scoring_forms import AnswerScores
from prompt2model.records import Demonstration

CONTENT_FREE = ("N/A", "", "...", "[MASK]")
"""Inputs that say nothing: what a label scores on them, it owes to its own words and the demonstrations' order."""

_MOST = 64
"""Inputs that are enough for a mean."""
_SHARE_OF_LABELS = 0.75
"""Labels that must have an input: a label whose own inputs are missing looks likelier than it is."""


def choose_calibration(
    rows: Iterable[Demonstration],
    labels: Sequence[str],
    rng: random.Random,
    shown: Iterable[Demonstration] = (),
    spare: Iterable[Demonstration] = (),
) -> tuple[Demonstration, ...]:
    """Rows of each label, drawn at random, as many of each where there are enough; none where many labels have none.

    A row is an input and its presumed label, which only keeps the sample balanced. Never give rows of a test. `spare`
    rows fill up labels that have too few. Inputs that are `shown` as demonstrations are left out: the teacher has read
    their labels.
    """
    known = {demonstration.input for demonstration in shown}
    first = _by_label(rows, labels, known)
    spared = _by_label(spare, labels, known | {text for texts in first.values() for text in texts})
    share = max(1, _MOST // max(1, len(labels)))
    drawn: list[Demonstration] = []
    for label in labels:
        own = rng.sample(first[label], min(share, len(first[label])))
        texts = own + rng.sample(spared[label], min(share - len(own), len(spared[label])))
        drawn += [Demonstration(text, label) for text in texts]
    present = {row.output for row in drawn}
    return tuple(drawn) if len(present) >= max(2, _SHARE_OF_LABELS * len(labels)) else ()


def _by_label(rows: Iterable[Demonstration], labels: Sequence[str], without: AbstractSet[str]) -> dict[str, list[str]]:
    """The different inputs of each label, sorted, so that what is drawn of them depends on no order."""
    found: dict[str, set[str]] = {label: set() for label in labels}
    for row in rows:
        if row.output in found and row.input not in without:
            found[row.output].add(row.input)
    return {label: sorted(texts) for label, texts in found.items()}


def mean_scores(groups: Iterable[Sequence[AnswerScores]]) -> tuple[float, ...] | None:
    """The mean of each column over the scores that are no failures; None when there are none.

    Every group (the inputs of one label) counts the same, however many they are.
    """
    values = [[one.values for one in group if one.failure is None] for group in groups]
    means = [tuple(sum(column) / len(rows) for column in zip(*rows, strict=True)) for rows in values if rows]
    return tuple(sum(column) / len(means) for column in zip(*means, strict=True)) if means else None
