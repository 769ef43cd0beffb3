"""Whatever answers inputs: a trained student, a labeller made of a teacher, a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from prompt2model.records import Item, Prediction


class Predictor(Protocol):
    """The only way to an answer from anything that does the task. `labels` is empty where text is written."""

    name: str
    labels: tuple[str, ...]

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        ...

    def stream(self, item: Item) -> Iterator[str]:
        """The answer to one item, piece by piece. Raises a Prompt2ModelError where there is none that is whole."""
        ...
