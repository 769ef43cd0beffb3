"""Votes of simulated voters on inputs whose true labels are known to the simulation only."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from prompt2model.labelling.aggregation import ABSTAINED, Votes

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Copy:
    """A voter that repeats another with probability `fidelity`. Else it answers at random (`noisy`) or by itself."""

    voter: int
    of: int
    fidelity: float
    noisy: bool = False


@dataclass(frozen=True)
class Case:
    """n inputs, `labels` labels and one voter per accuracy.

    errors: `any` other label alike; `confused`, 7 in 10 on one label that is easily taken for the true one, the same
    for all voters; `biased`, 7 in 10 on the voter's favourite. `ratio`: how many times as frequent each class is as
    the next one. `abstaining`: the mean share of abstentions, other for each voter. `hard`: the share of inputs on
    which all voters are right less than half as often and 8 in 10 of the errors fall on the same label.
    `adversarial` voters give a label that is wrong in the same way, as often as their accuracy says, else the true one.
    """

    family: str
    n: int
    labels: int
    accuracies: tuple[float, ...]
    errors: Literal["any", "confused", "biased"] = "any"
    ratio: float = 1.0
    abstaining: float = 0.0
    hard: float = 0.0
    copies: tuple[Copy, ...] = ()
    adversarial: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The family and the sizes."""
        return f"{self.family}, {self.labels} labels, {len(self.accuracies)} voters, n={self.n}"

    def simulate(self, seed: int) -> tuple[Votes, Ints]:
        """The votes and the true labels; another draw for each seed and case."""
        rng = np.random.default_rng([seed, zlib.crc32(repr(self).encode())])
        frequencies = rng.permutation(self.ratio ** -np.arange(self.labels, dtype=float))
        truth = rng.choice(self.labels, self.n, p=frequencies / frequencies.sum())
        taken_for = (np.arange(self.labels) + rng.integers(1, self.labels, self.labels)) % self.labels
        hard, lure = rng.random(self.n) < self.hard, self._wrong(truth, rng)
        columns = []
        for voter, accuracy in enumerate(self.accuracies):
            wrong = self._wrong(truth, rng)
            if self.errors == "confused":
                wrong = np.where(rng.random(self.n) < 0.7, taken_for[truth], wrong)
            favourite = rng.integers(self.labels)
            if self.errors == "biased":
                wrong = np.where((rng.random(self.n) < 0.7) & (truth != favourite), favourite, wrong)
            wrong = np.where(hard & (rng.random(self.n) < 0.8), lure, wrong)
            right = rng.random(self.n) < np.where(hard, 0.4 * accuracy, accuracy)
            if voter in self.adversarial:
                right, wrong = ~right, (truth + 1) % self.labels
            columns.append(np.where(right, truth, wrong))
        for copy in self.copies:
            own = rng.integers(0, self.labels, self.n) if copy.noisy else columns[copy.voter]
            columns[copy.voter] = np.where(rng.random(self.n) < copy.fidelity, columns[copy.of], own)
        table = np.stack(columns, axis=1)
        if self.abstaining:
            table[rng.random(table.shape) < rng.uniform(0, 2 * self.abstaining, len(columns))] = ABSTAINED
        # Names of random length, so that ties to the shortest are ties to any.
        labels = tuple("x" * length + str(place) for place, length in enumerate(rng.integers(1, 9, self.labels)))
        return Votes(labels, tuple(f"voter {number:02}" for number in range(len(columns))), table), truth

    def _wrong(self, truth: Ints, rng: np.random.Generator) -> Ints:
        return (truth + rng.integers(1, self.labels, self.n)) % self.labels
