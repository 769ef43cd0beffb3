"""The different patterns of votes and how often each occurs: what the models are fitted to.

Inputs with the same votes have the same P(label), so each pattern is computed once. Labels, voters and patterns
stand in an order of their own, so that sums, and with them results, do not depend on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from prompt2model.labelling.aggregation.result import Aggregation, Probabilities, VoterEstimate, by_length, likeliest
from prompt2model.labelling.aggregation.votes import Votes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_ALL: Mapping[int, Floats] = MappingProxyType({})
"""Of no voter is a vote in doubt to be its own."""


@dataclass(frozen=True, eq=False)
class VotePatterns:
    """u different patterns of the votes of m voters on L labels.

    choices: int64 [u, m], ABSTAINED where a voter has none; counts: float64 [u], 0 for the pattern without a vote;
    weights: float64 [u, m], what each vote counts, 0 for none; leaders: int64 [u, m], the voter whose vote each vote
    may repeat, -1 for nobody's; rows: int64 [n], the pattern of each input.
    """

    votes: Votes
    choices: Ints
    counts: Floats
    rows: Ints
    weights: Floats
    leaders: Ints
    voter_order: Ints
    label_order: Ints

    @classmethod
    def of(cls, votes: Votes) -> VotePatterns:
        """The patterns of the votes; every vote counts 1."""
        label_order = by_length(votes.labels)
        voter_order = np.array(sorted(range(len(votes.voters)), key=votes.voters.__getitem__), np.int64)
        place = np.append(np.argsort(label_order), -1)  # ABSTAINED, -1, takes the last
        ordered = place[votes.choices[:, voter_order]]
        choices, rows, counts = np.unique(ordered, axis=0, return_inverse=True, return_counts=True)
        voted = choices >= 0
        counted = counts * voted.any(axis=1).astype(np.float64)
        weights, leaders = voted.astype(np.float64), np.full_like(choices, -1)
        return cls(votes, choices, counted, rows.reshape(-1), weights, leaders, voter_order, label_order)

    @property
    def labels(self) -> int:
        """The number of labels."""
        return len(self.label_order)

    @property
    def voters(self) -> int:
        """The number of voters."""
        return self.choices.shape[1]

    def weighted(self, dependence: Floats) -> VotePatterns:
        """The same patterns where a vote counts 1 / (1 + the sum of its dependence on the others that voted).

        dependence: float64 [m, m] from 0 (none) to 1 (a copy), 0 on the diagonal. k copies together count 1; what
        equally correlated voters count is their effective number (Kish's design effect).
        """
        voted = (self.choices >= 0).astype(np.float64)
        return replace(self, weights=voted / (1 + voted @ dependence))

    def following(self, leaders: Ints) -> VotePatterns:
        """The same patterns where votes may repeat their leaders'."""
        return replace(self, leaders=leaders)

    def voted(self, voter: int) -> Ints:
        """The patterns in which a voter has a vote."""
        return np.nonzero(self.choices[:, voter] >= 0)[0]

    def shares(self) -> Probabilities:
        """The share of each label among the (weighted) votes, float64 [u, L]; equal where there is none."""
        sums = np.zeros((len(self.choices), self.labels))
        for voter in range(self.voters):
            rows = self.voted(voter)
            sums[rows, self.choices[rows, voter]] += self.weights[rows, voter]
        totals = sums.sum(axis=1, keepdims=True)
        return np.where(totals > 0, sums / np.where(totals > 0, totals, 1), 1 / self.labels)

    def right(self, probabilities: Probabilities, own: Mapping[int, Floats] = _ALL) -> tuple[Floats, Floats]:
        """Each voter's expected number of right votes and its number of votes, weighted: float64 [m] both.

        own: by voter, float64 [its patterns, L], the share of its votes that count, given each label; all if not there.
        """
        right, total = np.zeros(self.voters), np.zeros(self.voters)
        for voter in range(self.voters):
            rows = self.voted(voter)
            counts = self.counts[rows] * self.weights[rows, voter]
            mass = probabilities[rows] * own.get(voter, 1.0)
            right[voter] = counts @ mass[np.arange(len(rows)), self.choices[rows, voter]]
            total[voter] = counts @ mass.sum(axis=1)
        return right, total

    def confusions(self, probabilities: Probabilities, own: Mapping[int, Floats] = _ALL) -> Floats:
        """The expected number of votes by voter, true label and vote, weighted: float64 [m, L, L]. own: see `right`."""
        counts = np.zeros((self.voters, self.labels, self.labels))
        for voter in range(self.voters):
            rows = self.voted(voter)
            by_vote = np.argsort(self.choices[rows, voter], kind="stable")
            said, starts = np.unique(self.choices[rows[by_vote], voter], return_index=True)
            if len(rows):
                mass = probabilities[rows] * own.get(voter, 1.0)
                mass = (mass * (self.counts[rows] * self.weights[rows, voter])[:, None])[by_vote]
                counts[voter][:, said] = np.add.reduceat(mass, starts, axis=0).T
        return counts

    def aggregation(
        self, probabilities: Probabilities, model: str, groups: Ints, dependence: Floats | None = None
    ) -> Aggregation:
        """The result in the caller's order. probabilities: float64 [u, L]; groups: int64 [m], any numbers."""
        votes = self.votes
        ordered = np.empty_like(probabilities)
        ordered[:, self.label_order] = probabilities
        ordered[self.counts == 0] = np.nan
        table = ordered[self.rows]
        estimates = self._estimates(probabilities, groups, dependence)
        return Aggregation(votes.labels, estimates, table, likeliest(table, votes), model)

    def _estimates(
        self, probabilities: Probabilities, groups: Ints, dependence: Floats | None
    ) -> tuple[VoterEstimate, ...]:
        every = self.weighted(np.zeros((self.voters, self.voters)))
        right, total = every.right(probabilities)
        place = np.argsort(self.voter_order)
        numbers: dict[int, int] = {}
        estimates = []
        for name, voter in zip(self.votes.voters, place, strict=True):
            group = numbers.setdefault(int(groups[voter]), len(numbers))
            accuracy = float(right[voter] / total[voter]) if total[voter] else None
            weight = 1.0 if dependence is None else float(1 / (1 + dependence[voter].sum()))
            estimates.append(VoterEstimate(name, int(total[voter]), accuracy, group, weight))
        return tuple(estimates)
