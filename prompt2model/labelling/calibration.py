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
_FEWEST_PER_LABEL = 2


def choose_calibration(
    rows: Iterable[Demonstration],
    labels: Sequence[str],
    rng: random.Random,
    shown: Iterable[Demonstration] = (),
    spare: Iterable[Demonstration] = (),
) -> tuple[Demonstration, ...]:
    """As many of the rows for each label, drawn at random; none where a label has too few for a mean.

    A row is an input and its presumed label, which only keeps the sample balanced. Never give rows of a test. `spare`
    rows fill up labels that have too few. Inputs that are `shown` as demonstrations are left out: the teacher has read
    their labels.
    """
    known = {demonstration.input for demonstration in shown}
    first = _by_label(rows, labels, known)
    spared = _by_label(spare, labels, known | {text for texts in first.values() for text in texts})
    share = min([_MOST // max(1, len(labels)), *(len(first[label]) + len(spared[label]) for label in labels)])
    if share < _FEWEST_PER_LABEL:
        return ()
    drawn: list[Demonstration] = []
    for label in labels:
        own = rng.sample(first[label], min(share, len(first[label])))
        texts = own + rng.sample(spared[label], share - len(own))
        drawn += [Demonstration(text, label) for text in texts]
    return tuple(drawn)


def _by_label(rows: Iterable[Demonstration], labels: Sequence[str], without: AbstractSet[str]) -> dict[str, list[str]]:
    """The different inputs of each label, sorted, so that what is drawn of them depends on no order."""
    found: dict[str, set[str]] = {label: set() for label in labels}
    for row in rows:
        if row.output in found and row.input not in without:
            found[row.output].add(row.input)
    return {label: sorted(texts) for label, texts in found.items()}


def mean_scores(scores: Sequence[AnswerScores]) -> tuple[float, ...] | None:
    """The mean of each column over the scores that are no failures; None when there are none."""
    values = [one.values for one in scores if one.failure is None]
    return tuple(sum(column) / len(values) for column in zip(*values, strict=True)) if values else None
