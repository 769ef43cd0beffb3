"""The baseline that every student must beat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prompt2model.errors import NotEnoughDataError
from prompt2model.records import Example, Item, Prediction


class MajorityPredictor:
    """Always answers the same: the most frequent answer."""

    name = "majority"

    def __init__(self, label: str, labels: tuple[str, ...] = ()) -> None:
        self.label = label
        self.labels = labels
        self._probabilities = tuple(float(one == label) for one in labels) if label in labels else None

    @classmethod
    def fit(cls, rows: Iterable[Example], labels: tuple[str, ...] = ()) -> MajorityPredictor:
        """The most frequent target of the rows; ties go to the first in alphabetical order.

        Raises NotEnoughDataError without a row.
        """
        counts = Counter(row.target for row in rows)
        if not counts:
            raise NotEnoughDataError("there is no row to take the most frequent answer from; give at least one")
        return cls(min(counts, key=lambda answer: (-counts[answer], answer)), labels)

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """The same answer for each item."""
        for _ in items:
            yield Prediction(self.label, self._probabilities)

    def stream(self, item: Item) -> Iterator[str]:
        """The answer in one piece."""
        yield self.label
