"""A student that is a logistic regression on TF-IDF weights: numpy and scikit-learn, no torch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

from prompt2model.predictor.input_format import EncodedInput, render_input
from prompt2model.predictor.linear_head import LinearHead, read_tensors, write_tensors
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.predictor.tfidf_features import TfidfFeatures, features_from, read_vocabulary, write_vocabulary
from prompt2model.records import Item, Prediction

WEIGHTS_FILE = "model.safetensors"


class TfidfStudent:
    """A sparse product gives the scores of all labels. Inputs of any length are read whole."""

    batch_rows = 1024
    batch_tokens = 1 << 24

    def __init__(self, folder: Path, spec: StudentSpec) -> None:
        self.labels = spec.labels
        self._input_format = spec.input_format
        blocks = read_vocabulary(folder)
        width = sum(len(block.terms) for block in blocks)
        shapes = {"idf": (width,), "weights": (width, len(spec.labels)), "bias": (len(spec.labels),)}
        tensors = read_tensors(folder / WEIGHTS_FILE, shapes)
        self._features = features_from(blocks, tensors["idf"])
        self._head = LinearHead(tensors["weights"], tensors["bias"])

    def encode(self, items: Sequence[Item]) -> list[EncodedInput]:
        """The texts that are read; there are no tokens of which any could be cut."""
        return [EncodedInput(render_input(item, self._input_format), (), False) for item in items]

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order."""
        features = self._features.of([row.text for row in inputs])
        return self._head.predictions(features, self.labels, [0] * len(inputs))

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The label, in one piece; the generator returns the whole."""
        (prediction,) = self.answer([encoded], [item])
        if prediction.text is not None:
            yield prediction.text
        return prediction


def save_tfidf(features: TfidfFeatures, head: LinearHead, folder: Path) -> None:
    """What `TfidfStudent` reads, but for prompt2model.json."""
    folder.mkdir(parents=True, exist_ok=True)
    write_vocabulary(features.blocks, folder)
    write_tensors(folder / WEIGHTS_FILE, {"idf": features.idf, "weights": head.weights, "bias": head.bias})
