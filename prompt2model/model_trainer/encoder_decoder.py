"""Training an encoder-decoder to write the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt2model.model_trainer.answers import AnswerFitting
from prompt2model.model_trainer.rows import AnswerRows
from prompt2model.predictor.padding import pad_right

if TYPE_CHECKING:
    import torch


class EncoderDecoderFitting(AnswerFitting):
    """The encoder reads the input; the decoder is shown the right answer so far (teacher forcing)."""

    def _logits(self, rows: AnswerRows, numbers: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits [rows, tokens, vocabulary], targets and which of them count [rows, tokens]."""
        ids, mask = pad_right([rows.inputs[row] for row in numbers], self.tokenizer.pad_token_id, self._device)
        targets, kept = pad_right([rows.answers[row] for row in numbers], self.tokenizer.pad_token_id, self._device)
        # The model shifts these to the right itself, behind its start token.
        starts = self.model.prepare_decoder_input_ids_from_labels(targets)
        logits = self.model(input_ids=ids, attention_mask=mask, decoder_input_ids=starts, use_cache=False).logits
        return logits, targets, kept.bool()
