"""How much each training row counts where labels are uneven."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

ClassWeights = Literal["auto", "on", "off"]
_UNEVEN = 10
"""How many times as frequent as the rarest label the most frequent one is where `auto` weighs rows."""


def row_weights(targets: Sequence[int] | np.ndarray, wanted: ClassWeights) -> np.ndarray:
    """float64 [rows], mean 1: the weight of each row by how frequent its label is.

    `on` gives all labels the same weight together. `auto` takes the square root of those weights, and only where labels
    are very uneven: full weights let a handful of rare rows, often the noisiest, move the model as much as hundreds.
    """
    import numpy as np

    targets = np.asarray(targets, dtype=np.int64)
    if wanted == "off" or not len(targets):
        return np.ones(len(targets))
    counts = np.bincount(targets)
    present = counts[counts > 0]
    if wanted == "auto" and present.max() < _UNEVEN * present.min():
        return np.ones(len(targets))
    weights = 1.0 / counts[targets] ** (1.0 if wanted == "on" else 0.5)
    return weights / weights.mean()
