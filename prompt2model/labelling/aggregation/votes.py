"""Who said what about which input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from prompt2model.errors import UserInputError
from prompt2model.records import Prediction

Choices = NDArray[np.int64]

ABSTAINED = -1
"""Stands where a voter gave no label: it failed, could not be read or said something else."""


@dataclass(frozen=True, eq=False)
class Votes:
    """The votes of m voters on n inputs. A voter is whatever answers: a temperature, a prompt chain, a teacher.

    `choices`, int64 [n, m], are positions in `labels` or ABSTAINED. `asked`, int64 [n], is the label that each input
    was written for, or ABSTAINED; it is no vote, but wins ties of a majority.
    Raises UserInputError when the shapes do not fit, a name is there twice or a position is no label's.
    """

    labels: tuple[str, ...]
    voters: tuple[str, ...]
    choices: Choices
    asked: Choices = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        for kind, names in (("label", self.labels), ("voter", self.voters)):
            if not names:
                raise UserInputError(f"votes need at least one {kind}")
            twice = {name for name in names if names.count(name) > 1}
            if twice:
                raise UserInputError(f"each {kind} of the votes needs a name of its own; twice: {sorted(twice)}")
        choices = self._whole_numbers(self.choices, "votes")
        if choices.ndim != 2 or choices.shape[1] != len(self.voters):
            raise UserInputError(
                f"votes of {len(self.voters)} voters are a table of n inputs x {len(self.voters)}; "
                f"this one has the shape {choices.shape}"
            )
        asked = self._whole_numbers(self.asked, "labels asked for") if np.size(self.asked) else None
        if asked is None:
            asked = np.full(len(choices), ABSTAINED)
        if asked.shape != (len(choices),):
            raise UserInputError(f"{len(choices)} inputs need as many labels asked for; given: shape {asked.shape}")
        for table in (choices, asked):
            table.setflags(write=False)
        object.__setattr__(self, "choices", choices)
        object.__setattr__(self, "asked", asked)

    @classmethod
    def from_answers(
        cls,
        labels: Sequence[str],
        answers: Mapping[str, Sequence[str | None]],
        asked: Sequence[str | None] = (),
    ) -> Votes:
        """Votes from each voter's answers, by name, in the order of the inputs. What is no label abstains.

        Raises UserInputError when the voters answered different numbers of inputs.
        """
        lengths = {name: len(said) for name, said in answers.items()}
        if len(set(lengths.values())) > 1:
            raise UserInputError(f"every voter answers every input (None where it abstains); answers: {lengths}")
        places = {label: place for place, label in enumerate(labels)}

        def positions(texts: Sequence[str | None]) -> list[int]:
            return [ABSTAINED if text is None else places.get(text, ABSTAINED) for text in texts]

        # A list of rows also has a shape where there is no input.
        rows = list(zip(*(positions(said) for said in answers.values()), strict=True))
        table = np.array(rows, np.int64).reshape(len(rows), len(answers))
        return cls(tuple(labels), tuple(answers), table, np.array(positions(asked), np.int64))

    @classmethod
    def from_predictions(cls, labels: Sequence[str], predictions: Mapping[str, Iterable[Prediction]]) -> Votes:
        """Votes from each predictor's predictions, by name. A failure abstains."""
        return cls.from_answers(labels, {name: [one.text for one in said] for name, said in predictions.items()})

    def _whole_numbers(self, table: Choices, what: str) -> Choices:
        numbers = np.array(table)
        if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
            raise UserInputError(
                f"the {what} are positions in the list of labels, whole numbers; given: {numbers.dtype}"
            )
        if numbers.size and not (numbers.min() >= ABSTAINED and numbers.max() < len(self.labels)):
            raise UserInputError(
                f"the {what} are positions 0 to {len(self.labels) - 1}, or {ABSTAINED} for none; "
                f"given: {numbers.min()} to {numbers.max()}"
            )
        return numbers.astype(np.int64)
