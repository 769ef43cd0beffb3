"""Vectors of many texts, computed in blocks that a killed run finds again."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.artifacts import write_atomically
from prompt2model.text_index.near_duplicates import numbers_in

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.component import Progress
    from prompt2model.inference import Embedder

BLOCK = 512
"""Texts in a block."""

_FOREIGN = re.compile(r"[^\W\d_a-zà-öø-ÿœ]", re.IGNORECASE)
"""A letter outside Western Europe's: an English encoder tells words of other scripts apart badly."""


class TextVectors:
    """Unit vectors of the distinct texts, in the order in which they came.

    `matrix`: float32 [n, size]. `read`: bool [n], whether the vector says something about the whole text: not where
    the encoder cuts it off, has no token for a part of it, or the text is not in Latin script (its vector is zero).
    `numbers`: int32 [n], equal for texts that name the same numbers.

    Blocks are computed one by one and always of the same texts, since the last bits of a vector hang on what it is
    computed with. With a `folder` each is kept there in a file until `forget`; a run that was killed reads them back.
    """

    def __init__(
        self, embedder: Embedder, texts: Iterable[str], progress: Progress, folder: Path | None = None
    ) -> None:
        import numpy as np

        distinct = tuple(dict.fromkeys(texts))
        self._place = {text: place for place, text in enumerate(distinct)}
        self._folder = folder
        self.matrix = np.zeros((len(distinct), embedder.size), dtype=np.float32)
        self.read = np.zeros(len(distinct), dtype=bool)
        numbers: dict[tuple[str, ...], int] = {}
        self.numbers = np.array([numbers.setdefault(numbers_in(text), len(numbers)) for text in distinct], np.int32)
        starts = range(0, len(distinct), BLOCK)
        for start in progress.track(starts, "reading for meaning", len(starts)):
            vectors = self._block(embedder, distinct[start : start + BLOCK])
            self.matrix[start : start + BLOCK] = vectors
            self.read[start : start + BLOCK] = vectors.any(axis=1)

    def __len__(self) -> int:
        return len(self._place)

    def place(self, text: str) -> int:
        """The row of a text. Raises KeyError for one that was not given."""
        return self._place[text]

    def forget(self) -> None:
        """Delete the files."""
        for path in self._folder.glob(".vectors-*.npy") if self._folder else ():
            path.unlink()

    def _block(self, embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
        import numpy as np

        if self._folder is None:
            return _embed(embedder, texts)
        digest = hashlib.sha256("\x1e".join((str(embedder.model.name_or_path), *texts)).encode()).hexdigest()[:24]
        path = self._folder / f".vectors-{digest}.npy"
        if path.exists():
            return np.load(path, allow_pickle=False)
        vectors = _embed(embedder, texts)
        content = io.BytesIO()
        np.save(content, vectors, allow_pickle=False)
        write_atomically(path, content.getvalue())
        return vectors


def _embed(embedder: Embedder, texts: Sequence[str]) -> np.ndarray:
    """float32 [len(texts), size]; zero where the encoder does not see all of a text."""
    import numpy as np

    vectors = np.zeros((len(texts), embedder.size), dtype=np.float32)
    latin = np.array([_FOREIGN.search(text) is None for text in texts], dtype=bool)
    seen = latin & embedder.reads(texts)
    if seen.any():
        vectors[seen] = embedder.embed([text for text, one in zip(texts, seen, strict=True) if one])
    return vectors
