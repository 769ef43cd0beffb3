"""What classifiers are trained towards: one label, or P(label) where labellers gave it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt2model.errors import NotEnoughDataError
from prompt2model.records import Example

if TYPE_CHECKING:
    import numpy as np


class LabelTargets:
    """Targets of rows, in the order in which they were added.

    `labels` are the classes; P(label) of a row stands in the order of `soft_order` (`TaskSpec.labels`), of which some
    labels may be no class; its share for those is divided among the others.
    """

    def __init__(self, labels: Sequence[str], soft_order: Sequence[str] = ()) -> None:
        self.labels = tuple(labels)
        self.numbers: list[int] = []
        self._place = {label: number for number, label in enumerate(labels)}
        self._soft_order = tuple(soft_order)
        self._soft: dict[int, tuple[float, ...]] = {}

    def add(self, row: Example) -> None:
        """The target of one more row. Raises NotEnoughDataError for a label that is no class."""
        if row.target not in self._place:
            raise NotEnoughDataError(
                f"row {row.id} has the label {row.target[:60]!r}, which is none of the task's "
                f"{len(self.labels)} labels; add it to the task or drop the row"
            )
        if row.soft_label is not None and len(row.soft_label) == len(self._soft_order):
            self._add_soft(row.soft_label)
        self.numbers.append(self._place[row.target])

    @property
    def has_soft(self) -> bool:
        """Whether any row has P(label)."""
        return bool(self._soft)

    def probabilities(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """float32 [len(rows), labels]: P(label), which is one label's alone where no labeller gave it."""
        import numpy as np

        targets = np.zeros((len(rows), len(self.labels)), dtype=np.float32)
        for place, row in enumerate(rows):
            if int(row) in self._soft:
                targets[place] = self._soft[int(row)]
            else:
                targets[place, self.numbers[int(row)]] = 1.0
        return targets

    def _add_soft(self, soft_label: Sequence[float]) -> None:
        given = dict(zip(self._soft_order, soft_label, strict=True))
        shares = [given.get(label, 0.0) for label in self.labels]
        total = sum(shares)
        if total > 0:
            self._soft[len(self.numbers)] = tuple(share / total for share in shares)
