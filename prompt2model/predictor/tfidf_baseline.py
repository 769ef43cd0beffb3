"""A logistic regression on TF-IDF weights, fitted in memory: what a student that is larger has to beat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from prompt2model.errors import NotEnoughDataError
from prompt2model.predictor.linear_head import LinearHead
from prompt2model.predictor.logistic import LabelledFeatures, fit_logistic
from prompt2model.predictor.tfidf_features import TfidfFeatures
from prompt2model.predictor.tfidf_terms import tfidf_features
from prompt2model.records import Example, Item, Prediction

_CHUNK = 1024


class TfidfBaseline:
    """Words, pairs of words and characters of the training inputs; the strength of its penalty by held-out rows."""

    name = "tfidf"

    def __init__(self, features: TfidfFeatures, head: LinearHead, labels: tuple[str, ...]) -> None:
        self.labels = labels
        self._features, self._head = features, head

    @classmethod
    def fit(cls, rows: Sequence[Example], labels: tuple[str, ...]) -> TfidfBaseline:
        """On the inputs and first references of rows with one of the labels.

        Raises NotEnoughDataError where fewer than two labels have a row, or no input has a word.
        """
        import numpy as np

        place = {label: number for number, label in enumerate(labels)}
        known = [row for row in rows if row.target in place]
        if len({row.target for row in known}) < 2:
            raise NotEnoughDataError("fewer than two labels have a training row, so there is nothing to tell apart")
        texts = [row.input for row in known]
        features = tfidf_features(texts, len(labels))
        targets = np.zeros((len(known), len(labels)), dtype=np.float32)
        targets[np.arange(len(known)), [place[row.target] for row in known]] = 1.0
        fitted = fit_logistic(LabelledFeatures(features.of(texts), targets), np.ones(len(known)), None)
        return cls(features, fitted.head, labels)

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, with P(label)."""
        source = iter(items)
        while chunk := list(islice(source, _CHUNK)):
            features = self._features.of([item.input for item in chunk])
            yield from self._head.predictions(features, self.labels, [0] * len(chunk))

    def stream(self, item: Item) -> Iterator[str]:
        """The label in one piece."""
        for prediction in self.predict([item]):
            yield prediction.text or ""
