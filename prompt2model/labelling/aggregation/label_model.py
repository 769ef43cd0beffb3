"""A label model: how good each voter is, learned from the votes alone (Dawid and Skene, 1979)."""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.fitting import Fit, fit_accuracies, fit_confusions, fit_shared
from prompt2model.labelling.aggregation.patterns import VotePatterns
from prompt2model.labelling.aggregation.result import Aggregation, Probabilities
from prompt2model.labelling.aggregation.votes import Votes

EVIDENCE = 2.3
"""Nats by which a richer model must explain the votes better: ten to one, "strong" by Jeffreys."""
_ACCURACY_STRENGTHS = (5.0, 30.0)
"""Votes' worth of prior on a voter's accuracy."""
_CONFUSION_STRENGTHS = (5.0, 20.0, 100.0)
"""Votes' worth of prior on each row of a confusion matrix."""
_COMMON = 0.05
"""Share of the inputs from which a label that the majority gives must not vanish."""
_VANISHED = 0.1
"""Part of the majority's share below which a label has vanished."""
_FEWEST_VOTERS = 3
"""Of two voters that differ, nothing tells who is right."""


class LabelModel:
    """P(label) by Dawid-Skene, with the voters independent given the label.

    Starts at the majority and leaves it only for evidence: equally good voters and classes, then class balance, own
    accuracies, own confusion matrices. Each is taken when it explains the votes better by 2.3 nats net of its
    parameters and lets no common label vanish. Fewer than three voters are taken as equally good. Voters that are
    wrong together fool it: see `DependentLabelModel`.
    """

    name = "label model"

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input, and each voter's estimated accuracy."""
        patterns = VotePatterns.of(votes)
        fit = best_fit(patterns, patterns.shares(), patterns.voters)
        return patterns.aggregation(fit.probabilities, fit.name, np.arange(patterns.voters))


def best_fit(patterns: VotePatterns, start: Probabilities, independent: int) -> Fit:
    """The simplest model that explains the votes. `independent`: how many voters are no copies of one another.

    start: float64 [u, L], the P(label) to set out from.
    With one label, or without a vote, there is nothing to learn: the start stands.
    """
    shared = [fit_shared(patterns, start, balance) for balance in (False, True)]
    majority = shared[0]
    best = _richer(majority, [shared[1]], patterns, majority)
    if independent < _FEWEST_VOTERS or patterns.labels == 1 or not patterns.counts.any():
        return best
    accuracies = [fit for equal in shared for fit in own_accuracies(patterns, equal)]
    likeliest = max(accuracies, key=lambda fit: fit.elbo)
    confusions = [fit_confusions(patterns, likeliest, strength) for strength in _CONFUSION_STRENGTHS]
    best = _richer(best, accuracies, patterns, majority)
    return _richer(best, confusions, patterns, majority)


def own_accuracies(patterns: VotePatterns, equal: Fit) -> list[Fit]:
    """Fits of each voter's own accuracy with weaker and stronger priors, from a fit of equal voters on."""
    centre = float(equal.accuracy[0])
    return [
        fit_accuracies(patterns, equal.probabilities, equal.estimated_balance, centre, strength)
        for strength in _ACCURACY_STRENGTHS
    ]


def _richer(best: Fit, candidates: list[Fit], patterns: VotePatterns, majority: Fit) -> Fit:
    """The best candidate, if it explains the votes so much better and keeps the labels.

    Votes that are mostly noise are explained best by a single class. Nobody is helped by that.
    """
    candidate = max(candidates, key=lambda fit: fit.elbo)
    kept = patterns.counts @ candidate.probabilities
    before = patterns.counts @ majority.probabilities
    common = before >= _COMMON * patterns.counts.sum()
    keeps = bool((kept >= _VANISHED * before)[common].all())
    return candidate if keeps and candidate.elbo > best.elbo + EVIDENCE else best
