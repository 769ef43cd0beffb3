"""What an aggregator makes of votes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from prompt2model.labelling.aggregation.votes import Votes

Probabilities = NDArray[np.float64]

_SAME = 1e-9
"""Probabilities that differ by less are tied: they only differ by the order of a sum."""


class LabelBelief(NamedTuple):
    """What the votes on one input say. `probabilities` stand in the order of the labels; `probability` is P(answer)."""

    answer: str
    probability: float
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class VoterEstimate:
    """What was learned about a voter.

    `accuracy` is the share of its votes that are right by the aggregator's own probabilities; None when it never
    voted. `group` is the number of its group: voters of a group depend on one another beyond what the label explains.
    `weight` is what one of its votes counts where all others vote too: 1 alone, 1/k for each of k copies.
    """

    name: str
    votes: int
    accuracy: float | None
    group: int
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Aggregation:
    """A belief about each input, in the order of the inputs; None where every voter abstained: nobody knows.

    `table`, float64 [n, labels], holds the probabilities, NaN in the rows of None. `places`, int64 [n], are the
    answers' positions in `labels`. `model` names what the votes were taken to follow.
    """

    labels: tuple[str, ...]
    voters: tuple[VoterEstimate, ...]
    table: Probabilities
    places: NDArray[np.int64]
    model: str

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, row: int) -> LabelBelief | None:
        if np.isnan(self.table[row, 0]):
            return None
        probabilities, place = self.table[row], int(self.places[row])
        return LabelBelief(self.labels[place], float(probabilities[place]), tuple(map(float, probabilities)))

    def __iter__(self) -> Iterator[LabelBelief | None]:
        return (self[row] for row in range(len(self)))


class Aggregator(Protocol):
    """Turns votes into P(label).

    The same votes give the same result; the order of inputs, voters and labels changes nothing but the order.
    """

    name: str

    def aggregate(self, votes: Votes) -> Aggregation:
        """The belief about each input, and what was learned about each voter."""
        ...


def likeliest(table: Probabilities, votes: Votes) -> NDArray[np.int64]:
    """The position of each row's likeliest label; ties to the label asked for, then to the shortest, then by alphabet.

    ABSTAINED where a row has no probabilities. table: float64 [n, labels].
    """
    order = by_length(votes.labels)
    best = np.max(table, axis=1, keepdims=True, initial=-1.0)
    tied = table >= best - _SAME
    places = order[np.argmax(tied[:, order], axis=1)]
    rows = np.arange(len(table))
    asked_wins = (votes.asked >= 0) & tied[rows, votes.asked]
    places = np.where(asked_wins, votes.asked, places)
    return np.where(np.isnan(table).any(axis=1), -1, places)


def by_length(labels: tuple[str, ...]) -> NDArray[np.int64]:
    """The positions of the labels, the shortest first, then by alphabet."""
    return np.array(sorted(range(len(labels)), key=lambda place: (len(labels[place]), labels[place])), np.int64)
