"""A student that is a logistic regression on the vectors of a frozen encoder."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from prompt2model.inference import Embedder
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.linear_head import LinearHead, read_tensors, write_tensors
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, load_encoder, load_tokenizer, save_model

HEAD_FILE = "head.safetensors"


class EmbeddingStudent:
    """One forward pass of the encoder, in float32 as plain transformers does it, then one product for all labels."""

    batch_rows = 256
    batch_tokens = 8192

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str) -> None:
        import torch

        self.tokenizer: Any = load_tokenizer(location)
        self.labels = spec.labels
        model: Any = load_encoder(location, torch.float32)
        self._embedder = Embedder(model, self.tokenizer, device, torch.float32, spec.max_input_tokens)
        shapes = {"weights": (self._embedder.size, len(spec.labels)), "bias": (len(spec.labels),)}
        tensors = read_tensors(location.folder / HEAD_FILE, shapes)
        self._head = LinearHead(tensors["weights"], tensors["bias"])

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order."""
        vectors = self._embedder.embed_tokens([row.ids for row in inputs])
        return self._head.predictions(vectors, self.labels, [len(row.ids) for row in inputs])

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The label, in one piece; the generator returns the whole."""
        (prediction,) = self.answer([encoded], [item])
        if prediction.text is not None:
            yield prediction.text
        return prediction


def save_embedding(model: Any, tokenizer: Any, head: LinearHead, folder: Path) -> None:
    """What `EmbeddingStudent` reads, but for prompt2model.json."""
    save_model(model, tokenizer, folder)
    write_tensors(folder / HEAD_FILE, {"weights": head.weights, "bias": head.bias})
