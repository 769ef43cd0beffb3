"""A student that is an encoder with a classification head."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from prompt2model.errors import RunFolderError
from prompt2model.predictor.adapter_folder import load_with_adapter
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.padding import pad_right
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, load_encoder_classifier, load_tokenizer


class EncoderStudent:
    """One forward pass gives the probabilities of all labels. Computed in float32, as plain transformers does."""

    batch_rows = 64
    batch_tokens = 8192

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str, adapter: Path | None = None) -> None:
        import torch

        self.tokenizer = load_tokenizer(location, adapter)
        self.labels = spec.labels
        self.device = device
        self.model: Any = (
            load_encoder_classifier(location, dtype=torch.float32).to(device)
            if adapter is None
            else load_with_adapter(location, spec, device, adapter)
        )
        named = tuple(self.model.config.id2label[index] for index in range(self.model.config.num_labels))
        if named != spec.labels:
            raise RunFolderError(
                f"{location.folder}: config.json and prompt2model.json name other labels; train the student again"
            )

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order."""
        import torch

        ids, mask = pad_right([row.ids for row in inputs], self.tokenizer.pad_token_id or 0, self.device)
        with torch.inference_mode():
            logits = self.model(input_ids=ids, attention_mask=mask).logits.float()
            probabilities = logits.softmax(dim=-1).cpu()
        best = probabilities.argmax(dim=-1).tolist()
        return [
            Prediction(self.labels[choice], tuple(row), prompt_tokens=len(encoded.ids))
            for choice, row, encoded in zip(best, probabilities.tolist(), inputs, strict=True)
        ]

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The label, in one piece; the generator returns the whole."""
        (prediction,) = self.answer([encoded], [item])
        if prediction.text is not None:
            yield prediction.text
        return prediction
