"""Which inputs are asked together: like with like, each input in one batch.

Retrieval-based batch selection: Auto-Demo prompting, Feng et al., arXiv 2410.01724. There the batch of an input is the
input and its nearest ones, so batches overlap. For labelling every input is needed once: the nearest ones are taken
without replacement, so that the last batches hold what was left over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np


class Embeds(Protocol):
    """Texts → unit vectors, float32 [len(texts), size]."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Rows of length 1, in the order of the texts."""
        ...


def nearest_batches(texts: Sequence[str], size: int, embedder: Embeds) -> list[list[int]]:
    """A partition of the places of the texts into batches of `size`, one smaller one at the end where it does not fit.

    The first text that is left and the `size` - 1 that are left and nearest to it by cosine are a batch; equals in the
    order of the texts. Inside a batch places rise. Time grows with the square of the number of texts: give some
    thousand at once.
    """
    import numpy as np

    vectors = embedder.embed(texts)
    left = np.arange(len(texts))
    batches = []
    while len(left):
        # Rounded, so that equal texts are equally near however the product was summed.
        cosines = (vectors[left] @ vectors[left[0]]).round(5)
        cosines[0] = np.inf
        taken = np.argsort(-cosines, kind="stable")[:size]
        batches.append(sorted(left[taken].tolist()))
        left = np.delete(left, taken)
    return batches


def given_batches(count: int, size: int) -> list[list[int]]:
    """The places 0 … `count` - 1 in their order, `size` at a time."""
    return [list(range(start, min(start + size, count))) for start in range(0, count, size)]
