"""Token rows in little memory, and which rows are computed together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_GROUP = 50
"""Batches that are drawn together and sorted by length: rows of one batch are then about as long as each other."""


class TokenRows:
    """Rows of token ids in one int32 array: 4 bytes a token. Filled first, read afterwards."""

    def __init__(self, rows: Iterable[Sequence[int]] = ()) -> None:
        self._flat, self._ends = array("i"), array("q", [0])
        for row in rows:
            self.append(row)

    def append(self, row: Sequence[int]) -> None:
        """One more row."""
        self._flat.extend(row)
        self._ends.append(len(self._flat))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, row: int) -> array[int]:
        return self._flat[self._ends[row] : self._ends[row + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        import numpy as np

        return np.diff(np.array(self._ends, dtype=np.int64))


def epoch_batches(lengths: np.ndarray, batch_size: int, generator: np.random.Generator) -> list[np.ndarray]:
    """All rows once, in random order, in batches of rows of similar length; batch sizes differ by one at most."""
    import numpy as np

    order = generator.permutation(len(lengths))
    group = batch_size * _GROUP
    batches: list[np.ndarray] = []
    for start in range(0, len(order), group):
        part = order[start : start + group]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches.extend(np.array_split(part, -(-len(part) // batch_size)))
    return [batches[number] for number in generator.permutation(len(batches))]


def steps_in_epoch(rows: int, batch_size: int) -> int:
    """Batches in which `epoch_batches` gives the rows."""
    whole, rest = divmod(rows, batch_size * _GROUP)
    return whole * _GROUP + -(-rest // batch_size)


def parts_within(rows: Sequence[int] | np.ndarray, lengths: np.ndarray, max_tokens: int) -> Iterator[list[int]]:
    """The rows, longest first, in parts of at most `max_tokens` tokens after padding (one row at least)."""
    part: list[int] = []
    width = 1
    for row in sorted((int(row) for row in rows), key=lambda row: (-int(lengths[row]), row)):
        if part and width * (len(part) + 1) > max_tokens:
            yield part
            part = []
        if not part:
            width = max(1, int(lengths[row]))
        part.append(row)
    if part:
        yield part
