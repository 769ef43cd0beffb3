"""How many examples are wanted, and of which label the next ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.records import DataRequest, Rows, TaskSpec

ANY = ""
"""The one group of a task without closed labels."""


def quotas(task: TaskSpec, available: Rows, request: DataRequest, config: DatasetGeneratorConfig) -> dict[str, int]:
    """Examples wanted of each label (under `ANY` where there are no closed labels); all zero when none are needed."""
    labels = task.labels or (ANY,)
    have = Counter(row.target if task.labels else ANY for row in available)
    wanted = {label: request.wanted_by_label.get(label, 0) for label in labels}
    if config.examples == "auto":
        if not any(wanted.values()):
            target = config.per_label if task.labels else config.unlabelled_target
            wanted = {label: target - have[label] if 2 * have[label] < target else 0 for label in labels}
        total = sum(wanted.values())
        return wanted if total <= config.max_auto else _in_proportion(config.max_auto, wanted)
    if any(wanted.values()):
        return _in_proportion(config.examples, wanted)
    return _level(config.examples, {label: have[label] for label in labels})


def share_out(count: int, missing: Mapping[str, int], yields: Mapping[str, float]) -> list[str]:
    """The labels of the next `count` examples: the ones that lack most, first, with regard to how many get through.

    `missing` is what each label still lacks; `yields` the share of its examples that were accepted so far.
    """
    expected = {label: 0.0 for label, lack in missing.items() if lack > 0}
    chosen: list[str] = []
    while expected and len(chosen) < count:
        label = max(expected, key=lambda name: missing[name] - expected[name])
        if missing[label] - expected[label] <= 0:
            break
        expected[label] += yields.get(label, 1.0)
        chosen.append(label)
    return chosen


def _level(count: int, have: Mapping[str, int]) -> dict[str, int]:
    """Give each of `count` examples to the label that has the fewest rows so far."""
    given = dict.fromkeys(have, 0)
    for _ in range(count):
        label = min(have, key=lambda name: have[name] + given[name])
        given[label] += 1
    return given


def _in_proportion(count: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`count` divided like the weights; largest remainders first, so that it adds up."""
    total = sum(weights.values())
    shares = {label: count * weight / total for label, weight in weights.items()}
    given = {label: int(share) for label, share in shares.items()}
    by_remainder: Sequence[str] = sorted(shares, key=lambda label: given[label] - shares[label])
    for label in by_remainder[: count - sum(given.values())]:
        given[label] += 1
    return given
