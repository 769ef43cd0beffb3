"""Votes that may repeat another voter's.

Dong, Berti-Equille and Srivastava (2009), doi 10.14778/1687627.1687690: a voter that depends on another repeats its
vote with some probability and else votes by itself. Who may repeat whom forms a tree, so the votes have a joint
probability given the label, and structures of dependence can be compared by how well they explain the votes. What
differs: here every vote either repeats or does not, by variational Bayes, and which of two repeats the other is left
open, as it changes the probability of their votes only where they are not equally good.
"""

from __future__ import annotations

import numpy as np

from prompt2model.labelling.aggregation.dirichlet import divergence, expected_log
from prompt2model.labelling.aggregation.patterns import Floats, Ints, VotePatterns
from prompt2model.labelling.aggregation.result import Probabilities

_PRIOR = np.ones(2)
"""Beta(repeats, votes by itself) of a pair of which nothing is known."""
_TIE = 1e-6
"""What agreement counts beside dependence: it decides between equals."""
_FIRST_ACCURACY = 0.7
"""Of voters before anything is learned of them, to tell at first how many of the votes are repeats."""


def leaders(patterns: VotePatterns, dependence: Floats) -> Ints:
    """Whose vote each vote may repeat, int64 [u, m]; -1 for nobody's. dependence: float64 [m, m].

    Voters are taken in the order of a maximum spanning tree; each may repeat the voter before it on which it depends
    most, of those that have a vote. Of equal dependence the more frequent agreement counts: of three near copies two
    repeat the third, and a copy of a copy explains their votes worse.
    """
    voted = patterns.choices >= 0
    near = dependence + _TIE * _agreement(patterns)
    found = np.full(patterns.choices.shape, -1)
    taken: list[int] = []
    left = list(range(patterns.voters))
    while left:
        most = near[:, taken].max(axis=1, initial=0.0)
        ranks = [(most[voter], near[voter] @ (dependence[voter] > 0), -voter) for voter in left]
        voter = -max(ranks)[2]
        for leader in sorted(taken, key=lambda one: near[voter, one]):
            if dependence[voter, leader] > 0:
                found[voted[:, leader] & voted[:, voter], voter] = leader
        taken.append(voter)
        left.remove(voter)
    return found


def _agreement(patterns: VotePatterns) -> Floats:
    """The share of the inputs both voted on where two voters say the same, float64 [m, m]."""
    agreement = np.zeros((patterns.voters, patterns.voters))
    for one in range(patterns.voters):
        said = patterns.choices[:, one, None]
        both = ((said >= 0) & (patterns.choices >= 0)) * patterns.counts[:, None]
        total = both.sum(axis=0)
        agreement[one] = (both * (said == patterns.choices)).sum(axis=0) / np.where(total > 0, total, 1)
    return agreement


class Copying:
    """How often followers repeat their leaders, as one fit learns it.

    `own`: for each voter with a leader, float64 [its patterns, L], the probability that its vote is its own, given
    each label.
    """

    def __init__(self, patterns: VotePatterns) -> None:
        self._patterns = patterns
        pairs: dict[tuple[int, int], int] = {}
        self._pair: dict[int, Ints] = {}
        self._same: dict[int, Ints] = {}
        self.own: dict[int, Floats] = {}
        wrong = (1 - _FIRST_ACCURACY) / max(patterns.labels - 1, 1)
        for voter in range(patterns.voters):
            rows = patterns.voted(voter)
            followed = patterns.leaders[rows, voter]
            if (followed < 0).all():
                continue
            said = patterns.choices[rows, voter]
            self._pair[voter] = np.array(
                [-1 if leader < 0 else pairs.setdefault((voter, int(leader)), len(pairs)) for leader in followed]
            )
            same = (followed >= 0) & (said == patterns.choices[rows, followed])
            self._same[voter] = np.nonzero(same)[0]
            likely = np.where(np.arange(patterns.labels) == said[:, None], _FIRST_ACCURACY, wrong)
            self.own[voter] = np.where(same[:, None], likely / (1 + likely), 1.0)
        self._posterior = np.repeat(_PRIOR[None], len(pairs), axis=0)

    def learn(self, probabilities: Probabilities) -> None:
        """How often each pair's votes are repeats, given P(label), float64 [u, L]."""
        seen = np.zeros_like(self._posterior)
        for voter, pair in self._pair.items():
            rows = self._patterns.voted(voter)
            counts, some = self._patterns.counts[rows], pair >= 0
            own = counts * (probabilities[rows] * self.own[voter]).sum(axis=1)
            np.add.at(seen, pair[some], np.stack([counts - own, own], axis=1)[some])
        self._posterior = _PRIOR + seen

    def explained(self, voter: int, log_own: Floats) -> Floats:
        """The expected log-probability of a voter's votes given each label, from that of votes of its own.

        Both float64 [the voter's patterns, L]. Keeps the share of its own votes in `own`.
        """
        if voter not in self._pair:
            return log_own
        expected = expected_log(self._posterior)
        pair, same = self._pair[voter], self._same[voter]
        log_votes = log_own + np.where(pair >= 0, expected[pair, 1], 0.0)[:, None]
        repeats = expected[pair[same], 0, None]
        odds = np.exp(log_votes[same] - repeats)
        log_votes[same] = repeats + np.log1p(odds)
        self.own[voter][same] = odds / (1 + odds)
        return log_votes

    def cost(self) -> float:
        """What the pairs' probabilities cost in evidence, nats."""
        return divergence(self._posterior, np.broadcast_to(_PRIOR, self._posterior.shape))
