"""What the training loop asks of a family: the loss of some rows, and how good the model is on validation."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True, slots=True)
class Validation:
    """`loss` is mean cross-entropy in nats; `score` the share of the `n` answers or answer tokens that are right."""

    loss: float
    score: float
    n: int

    @property
    def standard_error(self) -> float:
        """Of the score, with one right and one wrong answer added, so that few answers never look certain."""
        share = (self.score * self.n + 1) / (self.n + 2)
        return math.sqrt(share * (1 - share) / self.n)

    def good_enough(self, best: Validation) -> bool:
        """Whether the score is within one standard error of the best."""
        return self.score >= best.score - best.standard_error


@dataclass(slots=True)
class Tally:
    """Sums over validation rows: of losses in nats and what they are divided by, of right answers and all answers."""

    loss: float = 0.0
    weight: float = 0.0
    right: float = 0.0
    n: float = 0.0

    def result(self) -> Validation:
        """The means."""
        return Validation(self.loss / self.weight, self.right / self.n, round(self.n))


class Fitting(ABC):
    """A model with its tokenised rows. `lengths` are the tokens of each training row, `weights` its share of the loss.

    `truncated_rows` counts training rows of which something was cut; `longest_answer` are the most tokens of one row
    whose logits are computed; `max_tokens` the most tokens of one forward pass.
    """

    model: Any
    tokenizer: Any
    lengths: np.ndarray
    weights: np.ndarray
    validation_rows: int
    truncated_rows: int
    max_tokens: int
    max_new_tokens: int
    longest_answer: int = 1

    @abstractmethod
    def loss_sum(self, rows: Sequence[int]) -> torch.Tensor:
        """Sum of the losses (nats) of some training rows; divided by their weights' sum it is the mean."""

    @abstractmethod
    def validate(self, rows: Sequence[int]) -> Tally:
        """Losses and right answers on some of the validation rows."""
