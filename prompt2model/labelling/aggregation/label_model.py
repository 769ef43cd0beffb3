"""A label model: how good each voter is, learned from the votes alone (Dawid and Skene, 1979)."""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.fitting import Fit, fit_accuracies, fit_confusions, fit_shared
from prompt2model.labelling.aggregation.patterns import VotePatterns
from prompt2model.labelling.aggregation.result import Aggregation
from prompt2model.labelling.aggregation.votes import Votes

_EVIDENCE = 2.3
"""Nats by which a richer model must explain the votes better: ten to one, "strong" by Jeffreys."""
_ACCURACY_STRENGTHS = (5.0, 30.0)
"""Votes' worth of prior on a voter's accuracy."""
_CONFUSION_STRENGTHS = (5.0, 20.0, 100.0)
"""Votes' worth of prior on each row of a confusion matrix."""
_FEWEST_VOTERS = 3
"""Of two voters that differ, nothing tells who is right."""


class LabelModel:
    """P(label) by Dawid-Skene, with the voters independent given the label.

    Starts at the majority and leaves it only for evidence: equally good voters and classes, then class balance, own
    accuracies, own confusion matrices, each taken when it explains the votes better by 2.3 nats net of its parameters.
    Fewer than three voters are taken as equally good. Wrong voters that are wrong together fool it: see
    `DependentLabelModel`.
    """

    name = "label model"

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input, and each voter's estimated accuracy."""
        patterns = VotePatterns.of(votes)
        fit = best_fit(patterns, patterns.voters)
        return patterns.aggregation(fit.probabilities, fit.name, np.arange(patterns.voters))


def best_fit(patterns: VotePatterns, independent: int) -> Fit:
    """The simplest model that explains the votes. `independent`: how many voters are no copies of one another.

    With one label, or without a vote, there is nothing to learn: the start stands.
    """
    shared = [fit_shared(patterns, patterns.shares(), balance) for balance in (False, True)]
    best = _richer(shared[0], [shared[1]])
    if independent < _FEWEST_VOTERS or patterns.labels == 1 or not patterns.counts.any():
        return best
    accuracies = [
        fit_accuracies(patterns, equal.probabilities, balance, float(equal.accuracy[0]), strength)
        for balance, equal in zip((False, True), shared, strict=True)
        for strength in _ACCURACY_STRENGTHS
    ]
    start = max(accuracies, key=lambda fit: fit.elbo)
    confusions = [fit_confusions(patterns, start, strength) for strength in _CONFUSION_STRENGTHS]
    return _richer(_richer(best, accuracies), confusions)


def _richer(best: Fit, candidates: list[Fit]) -> Fit:
    candidate = max(candidates, key=lambda fit: fit.elbo)
    return candidate if candidate.elbo > best.elbo + _EVIDENCE else best
