"""The best weights of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prompt2model.model_trainer.fitting import Validation

if TYPE_CHECKING:
    import torch


class BestKeeper:
    """The weights of the latest checkpoint whose validation is within one standard error of the best, in main memory.

    The highest score of several on a few hundred rows is partly luck, and a later checkpoint was trained at a lower
    rate. (Breiman et al., Classification and Regression Trees, 1984, choose by the same one-standard-error rule.)
    """

    def __init__(self) -> None:
        self.weights: Mapping[str, torch.Tensor] = {}
        self.kept: Validation | None = None
        self.step = 0
        self.since_best = 0
        self.offered = 0
        self._best: Validation | None = None

    def takes(self, validation: Validation) -> bool:
        """Count a validation; whether the weights that gave it are good enough to be kept."""
        self.since_best += 1
        self.offered += 1
        if self._best is None or validation.score > self._best.score:
            self._best, self.since_best = validation, 0
        return validation.good_enough(self._best)

    def keep(self, step: int, validation: Validation, weights: Mapping[str, torch.Tensor]) -> None:
        """These are the best so far."""
        self.kept, self.step, self.weights = validation, step, weights

    def to_json(self) -> dict[str, Any]:
        """All but the weights."""
        best, kept = (None if one is None else asdict(one) for one in (self._best, self.kept))
        return {
            "best": best, "kept": kept, "step": self.step, "since_best": self.since_best, "offered": self.offered
        }  # fmt: skip

    def restore(self, content: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
        """Take up what `to_json` wrote, and the weights."""
        self._best, self.kept = (
            None if content[name] is None else Validation(**content[name]) for name in ("best", "kept")
        )
        self.step, self.since_best, self.offered = (content[name] for name in ("step", "since_best", "offered"))
        self.weights = weights
