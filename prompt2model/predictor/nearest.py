"""Answers by likeness: the answer of the training row, or the label, whose text means most nearly the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from prompt2model.errors import NotEnoughDataError
from prompt2model.records import Example, Item, Prediction

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.inference.embedder import TextEncoder

_CHUNK = 256


class NearestTextPredictor:
    """Gives the answer that belongs to the nearest of some texts, by cosine of their embeddings.

    `vectors` float32 [texts, size], rows of length 1; ties go to the earlier text. An input without a letter that the
    encoder knows is still near to something: such a predictor never fails to answer.
    """

    def __init__(
        self, name: str, encoder: TextEncoder, vectors: np.ndarray, answers: Sequence[str], labels: tuple[str, ...] = ()
    ) -> None:
        self.name, self.labels = name, labels
        self._encoder, self._vectors, self._answers = encoder, vectors, list(answers)

    @classmethod
    def of_rows(
        cls, rows: Sequence[Example], encoder: TextEncoder, labels: tuple[str, ...] = ()
    ) -> NearestTextPredictor:
        """One nearest neighbour among training rows. Raises NotEnoughDataError without a row."""
        if not rows:
            raise NotEnoughDataError("there is no training row that an input could be near; give at least one")
        vectors = encoder.embed([row.input for row in rows])
        return cls("nearest", encoder, vectors, [row.target for row in rows], labels)

    @classmethod
    def of_labels(cls, labels: tuple[str, ...], encoder: TextEncoder) -> NearestTextPredictor:
        """The label whose name is nearest: what an encoder tells before it is trained."""
        names = [label.replace("_", " ").replace("-", " ") for label in labels]
        return cls("base", encoder, encoder.embed(names), labels, labels)

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            likeness = self._encoder.embed([item.input for item in chunk]) @ self._vectors.T
            for best in likeness.argmax(axis=1).tolist():
                yield Prediction(self._answers[best])

    def stream(self, item: Item) -> Iterator[str]:
        """The answer in one piece."""
        for prediction in self.predict([item]):
            yield prediction.text or ""
