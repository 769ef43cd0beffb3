"""Training a logistic regression on TF-IDF weights: seconds on a processor, and often hard to beat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.predictor import render_input
from prompt2model.predictor.tfidf import save_tfidf
from prompt2model.predictor.tfidf_terms import tfidf_features
from prompt2model.records import Item

if TYPE_CHECKING:
    from prompt2model.predictor.linear_head import LinearHead


class TfidfReader:
    """Inputs as TF-IDF weights of the training inputs' terms. Nothing is cut."""

    max_input_tokens = 0
    truncated = 0

    def __init__(self, train: Sequence[Item], input_format: str, labels: int) -> None:
        self._input_format = input_format
        self._features = tfidf_features(self._texts(train), labels)

    def of(self, items: Sequence[Item]) -> Any:
        """CSR float32 [len(items), terms]."""
        return self._features.of(self._texts(items))

    def save(self, head: LinearHead, folder: Path) -> None:
        """Terms and weights."""
        save_tfidf(self._features, head, folder)

    def _texts(self, items: Sequence[Item]) -> list[str]:
        return [render_input(item, self._input_format) for item in items]
