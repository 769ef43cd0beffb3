"""A student that is an encoder which scores the options of each item."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from prompt2model.errors import RunFolderError
from prompt2model.predictor.adapter_folder import load_with_adapter
from prompt2model.predictor.choice_pairs import EncodedChoices, encode_choices, reads_types, score_pairs
from prompt2model.predictor.closed_labels import closed_prediction
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, load_encoder_classifier, load_tokenizer

_NO_CHOICES = "the item has no choices to choose among"


class EncoderChoicesStudent:
    """P(option) is the softmax of the options' scores, in float32 as plain transformers computes them.

    An item without choices is refused.
    """

    batch_rows = 64
    batch_tokens = 16384

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str, adapter: Path | None = None) -> None:
        import torch

        self.labels: tuple[str, ...] = ()
        self._spec = spec
        self._device = device
        self._tokenizer: Any = load_tokenizer(location, adapter)
        self._model: Any = (
            load_encoder_classifier(location, dtype=torch.float32).to(device)
            if adapter is None
            else load_with_adapter(location, spec, device, adapter)
        )
        if self._model.config.num_labels != 1:
            raise RunFolderError(
                f"{location.folder}: config.json names {self._model.config.num_labels} labels, and a student for "
                "multiple choice has one score; train the student again"
            )
        self._typed = reads_types(self._model, self._tokenizer)

    def encode(self, items: Sequence[Item]) -> list[EncodedChoices]:
        """The pairs of each item."""
        spec = self._spec
        own = spec.evidence is not None
        return encode_choices(self._tokenizer, items, spec.input_format, spec.max_input_tokens, own_evidence=own)

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order."""
        import torch

        encoded = [row for row in inputs if isinstance(row, EncodedChoices)]
        pairs = [pair for row in encoded for pair in row.pairs]
        if not pairs:
            return [_refused() for _ in items]
        with torch.inference_mode():
            scores = score_pairs(
                self._model,
                pairs,
                [start for row in encoded for start in row.starts],
                fill=self._tokenizer.pad_token_id or 0,
                typed=self._typed,
                max_tokens=self.batch_tokens,
                device=self._device,
            )
        given = iter(scores.tolist())
        return [
            closed_prediction(item.choices, [next(given) for _ in item.choices], len(row.ids))
            if item.choices
            else _refused()
            for row, item in zip(encoded, items, strict=True)
        ]

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The option, in one piece; the generator returns the whole."""
        (prediction,) = self.answer([encoded], [item])
        if prediction.text is not None:
            yield prediction.text
        return prediction


def _refused() -> Prediction:
    return Prediction(None, failure="refused", raw=_NO_CHOICES)
