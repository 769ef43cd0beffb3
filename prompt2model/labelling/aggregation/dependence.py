"""Which voters depend on one another beyond what the latent label explains.

Ask Me Anything (Arora et al., arXiv 2210.02441) splits the inverse covariance of the votes into a sparse and a
low-rank part and keeps the strongest edge. Here the covariance itself is looked at, pair by pair: given the label,
independent voters correlate by the product of their correlations with it, so whatever is above that is dependence.
Inverting would fail where copies make the matrix singular, and a pair that all others contradict is found by name.
"""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.fitting import one_coin
from prompt2model.labelling.aggregation.patterns import Floats, Ints, VotePatterns
from prompt2model.labelling.aggregation.result import Probabilities

_COPY = 0.9
"""Correlation of votes from which two voters may be copies."""
_FEWEST = 4
"""Voters of which a pair can be told to be copies: the others must be able to contradict it."""
_CONTRADICTION = 2.5
"""Standard errors by which two others must agree more than excellent voters would let them, and .05 on top."""
_TOLERANCE = 0.05
_CERTAIN = 2.0
"""Standard errors taken off every residual correlation: what may be chance counts as none."""
_ROW_PRIOR = 20.0
"""Votes' worth of prior on a row of the confusion matrices that residuals are taken from."""
_LINKED = 0.25
"""Dependence from which two voters are reported as one group."""


def near_copies(patterns: VotePatterns) -> tuple[Floats, int]:
    """Voters that all but repeat one another: dependence 1 between them, float64 [m, m]; and how many units are left.

    Two voters that nearly always agree are copies or both excellent. If excellent, they know the label, and two
    others cannot agree with each other more often than through it; when they do, the pair is taken for copies, the
    closest pair first. With fewer than two others nothing tells, and they stay apart.
    """
    correlation, overlap = _correlations(patterns)
    units = [[voter] for voter in range(patterns.voters)]
    while len(units) >= _FEWEST:
        pair = _closest_contradicted(correlation, overlap, units)
        if pair is None:
            break
        first, second = pair
        units[first] += units.pop(second)
    dependence = np.zeros_like(correlation)
    for unit in units:
        dependence[np.ix_(unit, unit)] = 1
    np.fill_diagonal(dependence, 0)
    return dependence, len(units)


def residual_dependence(patterns: VotePatterns, probabilities: Probabilities) -> Floats:
    """The correlation of each pair's votes about what is expected of them given the label, float64 [m, m], 0 to 1.

    Less two standard errors, so that chance counts as none. probabilities: float64 [u, L], P(label) of each pattern.
    """
    theta = _confusions(patterns, probabilities)
    squares = (theta**2).sum(axis=-1)
    size = np.zeros((patterns.voters, len(patterns.choices)))
    for voter in range(patterns.voters):
        expected = (probabilities * theta[voter].T[patterns.choices[:, voter]]).sum(axis=1)
        size[voter] = 1 - 2 * expected + probabilities @ squares[voter]
    dependence = np.zeros((patterns.voters, patterns.voters))
    for one in range(patterns.voters):
        for other in range(one + 1, patterns.voters):
            rows = _both(patterns, one, other)
            said, also = patterns.choices[rows, one], patterns.choices[rows, other]
            mass, counts = probabilities[rows], patterns.counts[rows]
            expected = (mass * (theta[other].T[said] + theta[one].T[also])).sum(axis=1)
            product = (said == also) - expected + mass @ (theta[one] * theta[other]).sum(axis=1)
            scale = np.sqrt((counts @ size[one, rows]) * (counts @ size[other, rows]))
            if scale > 0:
                sure = counts @ product - _CERTAIN * np.sqrt(counts @ product**2)
                dependence[one, other] = dependence[other, one] = np.clip(sure / scale, 0, 1)
    return dependence


def groups(dependence: Floats) -> Ints:
    """The group of each voter: those linked by a dependence of .25 or more, directly or by way of others."""
    group = np.arange(len(dependence))
    for one, other in zip(*np.nonzero(dependence >= _LINKED), strict=True):
        group[group == group[other]] = group[one]
    return group


def _correlations(patterns: VotePatterns) -> tuple[Floats, Floats]:
    """Correlation of the votes (covariance of the indicators of all labels) and inputs that both voted on: [m, m]."""
    correlation, overlap = np.eye(patterns.voters), np.zeros((patterns.voters, patterns.voters))
    for one in range(patterns.voters):
        for other in range(one + 1, patterns.voters):
            rows = _both(patterns, one, other)
            counts, said, also = patterns.counts[rows], patterns.choices[rows, one], patterns.choices[rows, other]
            total = counts.sum()
            overlap[one, other] = overlap[other, one] = total
            if not total:
                continue
            first = np.bincount(said, counts, patterns.labels) / total
            second = np.bincount(also, counts, patterns.labels) / total
            scale = np.sqrt((1 - first @ first) * (1 - second @ second))
            if scale > 1e-9:  # a voter that always says the same varies with nobody
                covariance = counts @ (said == also) / total - first @ second
                correlation[one, other] = correlation[other, one] = covariance / scale
    return correlation, overlap


def _closest_contradicted(correlation: Floats, overlap: Floats, units: list[list[int]]) -> tuple[int, int] | None:
    """The two units with the highest correlation that two other units contradict, the first one first; or None."""
    size = len(units)
    closest, mean, inputs = (np.zeros((size, size)) for _ in range(3))
    for one in range(size):
        for other in range(size):
            block = np.ix_(units[one], units[other])
            closest[one, other], mean[one, other] = correlation[block].max(), correlation[block].mean()
            inputs[one, other] = overlap[block].min()
    pairs = [(one, other) for one in range(size) for other in range(one + 1, size) if closest[one, other] >= _COPY]
    for one, other in sorted(pairs, key=lambda pair: -closest[pair]):
        others = [unit for unit in range(size) if unit not in (one, other)]
        if _contradicted(mean, inputs, one, other, others):
            return one, other
    return None


def _contradicted(mean: Floats, inputs: Floats, one: int, other: int, others: list[int]) -> bool:
    """Whether two of the others correlate more than one and other, as independent voters, allow."""
    block = np.ix_(others, others)
    toward = (mean[one, others] + mean[other, others]) / 2
    between, allowed = mean[block], np.outer(toward, toward) / mean[one, other]
    seen = np.minimum(inputs[block], np.minimum(inputs[one, others], inputs[other, others])[:, None])
    seen = np.maximum(np.minimum(seen, seen.T), 1)
    spread = np.outer(toward**2, (1 - toward**2) ** 2) / mean[one, other] ** 2
    error = np.sqrt(((1 - between**2) ** 2 + spread + spread.T) / seen)
    return bool(np.triu(between - allowed > _TOLERANCE + _CONTRADICTION * error, 1).any())


def _confusions(patterns: VotePatterns, probabilities: Probabilities) -> Floats:
    """Smoothed confusion matrices, float64 [m, L, L]: rows with few votes follow the voter's accuracy."""
    right, total = patterns.right(probabilities)
    counts = patterns.confusions(probabilities)
    prior = _ROW_PRIOR * one_coin((right + 1) / (total + 2), patterns.labels)
    return (counts + prior) / (counts.sum(axis=-1, keepdims=True) + _ROW_PRIOR)


def _both(patterns: VotePatterns, one: int, other: int) -> Ints:
    """The patterns in which both voters have a vote."""
    return np.nonzero((patterns.choices[:, one] >= 0) & (patterns.choices[:, other] >= 0))[0]
