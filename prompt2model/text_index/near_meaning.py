"""Finding texts that mean nearly the same: the cosine of sentence embeddings, computed exactly for all pairs.

Sentence embeddings: Sentence-BERT (arXiv 1908.10084). Removing pairs above a cosine from training data: SemDeDup
(arXiv 2303.09540), there among the members of a cluster, here among all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt2model.text_index.text_vectors import BLOCK, TextVectors

if TYPE_CHECKING:
    import numpy as np

NEAR_COPY = 0.97
"""Cosine of all-MiniLM-L6-v2 from which two English texts are near copies.

Chosen on what people and teachers wrote. Of 50 pairs above .95 that were read, 49 said the same (the other: "this
month", "next month"); but of 7,168 questions of a bank's customers .95 takes away one in eight, .97 one in sixteen, and
the pairs of different intents fall from nine to one. From .90 to .95 one word often makes another question ("on
Saturday", "on Wednesday": .946).
"""

_CHUNK = 8192
_MOST_PER_TEXT = 64
_DIGITS = 3


class NearMeanings:
    """An index of texts that tells which of them mean nearly the same as a new one.

    Two texts are near when the cosine of their vectors, rounded to three digits, is at least `threshold`, in (0, 1],
    and they name the same numbers, to which an embedding is nearly blind. Texts that the encoder does not read whole
    are near nothing. All texts, those to be found and those to be asked about, must be in `vectors`.

    A block of 512 texts is compared at once with 8,192 kept ones after another (16 MB), which is fast where texts are
    asked about in the order of `vectors`. At most the 64 nearest of each 8,192 are found.
    """

    def __init__(self, vectors: TextVectors, threshold: float = NEAR_COPY) -> None:
        import numpy as np

        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must lie in (0, 1], got {threshold}")
        self.threshold = threshold
        self._vectors = vectors
        self._keys: list[str] = []
        self._kept: np.ndarray = np.zeros(0, dtype=np.int64)
        self._added: list[int] = []
        self._block = -1
        self._ahead: dict[int, list[tuple[float, int]]] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: str, text: str) -> None:
        """Keep `text` under `key`. Raises KeyError for a text without a vector."""
        self._added.append(self._vectors.place(text))
        self._keys.append(key)

    def find(self, text: str) -> str | None:
        """The key of the nearest text at or above the threshold (the earliest of equals), or None."""
        return next(iter(self.find_all(text)), None)

    def find_all(self, text: str) -> list[str]:
        """The keys of all texts at or above the threshold, the nearest first, equals in the order they came."""
        import numpy as np

        place = self._vectors.place(text)
        if not self._vectors.read[place]:
            return []
        if place // BLOCK != self._block or len(self._added) > BLOCK:
            self._look_ahead(place // BLOCK)
        found = list(self._ahead.get(place, ()))
        if self._added:
            asked, added = np.array([place]), np.array(self._added, dtype=np.int64)
            found += [(cosine, len(self._kept) + kept) for _, kept, cosine in self._near(asked, added)]
        return [self._keys[number] for _, number in sorted(found, key=lambda one: (-one[0], one[1]))]

    def _look_ahead(self, block: int) -> None:
        """Compare a whole block with everything that is kept."""
        import numpy as np

        self._kept = np.concatenate([self._kept, np.array(self._added, dtype=np.int64)])
        self._added = []
        self._block, self._ahead = block, {}
        asked = np.arange(block * BLOCK, min((block + 1) * BLOCK, len(self._vectors)))
        for start in range(0, len(self._kept), _CHUNK):
            for row, kept, cosine in self._near(asked, self._kept[start : start + _CHUNK]):
                self._ahead.setdefault(int(asked[row]), []).append((cosine, start + kept))

    def _near(self, asked: np.ndarray, kept: np.ndarray) -> list[tuple[int, int, float]]:
        """(position in `asked`, position in `kept`, cosine) of all near pairs, at most 64 of a text."""
        import numpy as np

        matrix, numbers = self._vectors.matrix, self._vectors.numbers
        cosines = matrix[asked] @ matrix[kept].T
        rows, columns = np.nonzero(cosines >= self.threshold - 10**-_DIGITS)
        same = numbers[asked[rows]] == numbers[kept[columns]]
        rows, columns = rows[same], columns[same]
        values = np.round(cosines[rows, columns].astype(np.float64), _DIGITS)
        near = values >= self.threshold
        rows, columns, values = rows[near], columns[near], values[near]
        order = np.lexsort((columns, -values, rows))
        rows, columns, values = rows[order], columns[order], values[order]
        rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
        few = rank < _MOST_PER_TEXT
        return list(zip(rows[few].tolist(), columns[few].tolist(), values[few].tolist(), strict=True))
