"""A label model in which voters that depend on one another do not count as so many."""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.dependence import groups, near_copies, residual_dependence
from prompt2model.labelling.aggregation.fitting import Fit, fit_shared
from prompt2model.labelling.aggregation.label_model import best_fit, own_accuracies
from prompt2model.labelling.aggregation.patterns import Floats, VotePatterns
from prompt2model.labelling.aggregation.result import Aggregation
from prompt2model.labelling.aggregation.votes import Votes

_ROUNDS = 4
_CHANGE = 0.02
_TESTABLE = 4
"""Independent voters from which dependence beyond the label can be seen: three explain any agreement."""


class DependentLabelModel:
    """P(label) by Dawid-Skene, where each vote counts 1 / (1 + its dependence on the others that voted).

    Near copies are found first, by what the other voters contradict; then the dependence of each pair, given the
    majority of what is left. A model that trusts voters by their agreement takes dependent ones for good ones, so the
    dependence is sought before any voter is trusted. The majority in turn takes a few good voters that it outvotes
    for dependent ones, so what the model no longer sees, once voters have their own accuracies, is dropped.

    After Ask Me Anything (Arora et al., arXiv 2210.02441). What differs: correlations instead of the inverse
    covariance, all pairs instead of the strongest edge, and a tempered likelihood instead of a joint model of the
    dependent votes, which would need parameters that few votes cannot pay.

    What no votes can tell: whether voters that always agree are copies or all excellent, when the few others agree
    with one another against them. Near copies (a correlation of .9) are then taken for copies.
    """

    name = "label model with dependent voters"

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input; each voter's estimated accuracy, group and weight."""
        patterns = VotePatterns.of(votes)
        dependence, independent = near_copies(patterns)
        if independent >= _TESTABLE:
            dependence = _settled(patterns, dependence)
        fit = best_fit(patterns.weighted(dependence), independent)
        return patterns.aggregation(fit.probabilities, fit.name, groups(dependence), dependence)


def _settled(patterns: VotePatterns, copies: Floats) -> Floats:
    """The dependence beyond copies, float64 [m, m]: what both the majority and the model see."""
    dependence = copies
    for _ in range(_ROUNDS):
        before, dependence = dependence, _seen(patterns, copies, _majority(patterns.weighted(dependence)))
        if np.abs(dependence - before).max() < _CHANGE:
            break
    weighted = patterns.weighted(dependence)
    trusting = max(own_accuracies(weighted, _majority(weighted)), key=lambda fit: fit.elbo)
    return np.minimum(dependence, _seen(patterns, copies, trusting))


def _majority(weighted: VotePatterns) -> Fit:
    fits = [fit_shared(weighted, weighted.shares(), balance) for balance in (False, True)]
    return max(fits, key=lambda fit: fit.elbo)


def _seen(patterns: VotePatterns, copies: Floats, fit: Fit) -> Floats:
    """The dependence that is left when the labels are taken to be the fit's."""
    return np.maximum(copies, residual_dependence(patterns, fit.probabilities))
