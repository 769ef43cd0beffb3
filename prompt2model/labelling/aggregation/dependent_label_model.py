"""A label model in which the votes of voters that depend on one another do not count as so many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from prompt2model.labelling.aggregation.copying import leaders
from prompt2model.labelling.aggregation.dependence import groups, near_copies, residual_dependence
from prompt2model.labelling.aggregation.fitting import Fit, fit_shared
from prompt2model.labelling.aggregation.label_model import EVIDENCE, best_fit, own_accuracies
from prompt2model.labelling.aggregation.patterns import Floats, VotePatterns
from prompt2model.labelling.aggregation.result import Aggregation
from prompt2model.labelling.aggregation.votes import Votes

_ROUNDS = 4
_CHANGE = 0.02
_TESTABLE = 4
"""Independent voters from which dependence beyond the label can be seen: three explain any agreement."""


class DependentLabelModel:
    """P(label) by Dawid-Skene with votes that may repeat those of voters they depend on; mean over what may depend.

    Near copies are found first, by what the other voters contradict; then the dependence of each pair, given the
    majority of what is left. A model that trusts voters by their agreement takes dependent ones for good ones, so the
    dependence is sought before any voter is trusted. The majority in turn takes a few good voters that it outvotes
    for dependent ones, so what the model no longer sees, once voters have their own accuracies, is dropped.

    Then three models of all votes are fitted: no voter depends on another, only the near copies do, or all that was
    found. P(label) is their mean, weighted by how well they explain the votes (Bayesian model averaging; Hoeting et
    al., 1999, doi 10.1214/ss/1009212519), each ten times as likely beforehand as the next. So few inputs, which
    cannot tell copies from good voters, leave it open.

    After Ask Me Anything (Arora et al., arXiv 2210.02441). What differs: correlations instead of the inverse
    covariance, all pairs instead of the strongest edge, and a voter repeats another's vote with some probability
    instead of a factor for each pair.

    What no votes can tell: whether voters that always agree are copies or all excellent, when the few others agree
    with one another against them. Near copies (a correlation of .9) are then likelier copies.
    """

    name = "label model with dependent voters"

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input; each voter's estimated accuracy, group and weight."""
        patterns = VotePatterns.of(votes)
        structures = _structures(patterns)
        fits = [_fitted(patterns, structure) for structure in structures]
        evidence = np.array([fit.elbo - EVIDENCE * place for place, fit in enumerate(fits)])
        shares = np.exp(evidence - evidence.max())
        shares /= shares.sum()
        probabilities = np.tensordot(shares, np.stack([fit.probabilities for fit in fits]), axes=1)
        dependence = np.tensordot(shares, np.stack([structure.dependence for structure in structures]), axes=1)
        name = fits[int(np.argmax(shares))].name
        return patterns.aggregation(probabilities, name, groups(dependence), dependence)


class _Structure(NamedTuple):
    """Who may depend on whom, float64 [m, m], and how many voters are no copies of one another."""

    dependence: Floats
    independent: int


def _structures(patterns: VotePatterns) -> list[_Structure]:
    """From no dependence to all that is seen; each takes more for granted than the one before."""
    copies, independent = near_copies(patterns)
    found = [_Structure(np.zeros_like(copies), patterns.voters)]
    if copies.any():
        found.append(_Structure(copies, independent))
    if independent >= _TESTABLE:
        dependence = _settled(patterns, copies)
        if (dependence != copies).any():
            found.append(_Structure(dependence, independent))
    return found


def _fitted(patterns: VotePatterns, structure: _Structure) -> Fit:
    start = patterns.weighted(structure.dependence).shares()
    following = patterns.following(leaders(patterns, structure.dependence))
    return best_fit(following, start, structure.independent)


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
