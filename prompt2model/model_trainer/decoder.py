"""Training a decoder to go on with the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from prompt2model.model_trainer.answers import AnswerFitting
from prompt2model.model_trainer.rows import AnswerRows

if TYPE_CHECKING:
    import torch


class DecoderFitting(AnswerFitting):
    """One text per row: the input's tokens, then the answer's."""

    def _logits(self, rows: AnswerRows, numbers: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits [rows, tokens, vocabulary] of the answers, targets and which of them count [rows, tokens].

        Rows are padded on the left: all answers then end in the same column, and the output layer, a large part of a
        small model, is computed for the last columns only.
        """
        import numpy as np
        import torch

        whole = [rows.inputs[row] + rows.answers[row] for row in numbers]
        spans = [len(rows.answers[row]) for row in numbers]
        width, kept_width = max(map(len, whole)), max(spans)
        ids = np.full((len(whole), width), self.tokenizer.pad_token_id, dtype=np.int64)
        mask = np.zeros((len(whole), width), dtype=np.int64)
        kept = np.zeros((len(whole), kept_width), dtype=bool)
        for number, (row, span) in enumerate(zip(whole, spans, strict=True)):
            ids[number, width - len(row) :] = row
            mask[number, width - len(row) :] = 1
            kept[number, kept_width - span :] = True
        positions = np.maximum(mask.cumsum(axis=1) - 1, 0)
        logits = self.model(
            input_ids=torch.from_numpy(ids).to(self._device),
            attention_mask=torch.from_numpy(mask).to(self._device),
            position_ids=torch.from_numpy(positions).to(self._device),
            logits_to_keep=kept_width + 1,
            use_cache=False,
        ).logits[:, :-1]
        targets = torch.from_numpy(ids[:, width - kept_width :]).to(self._device)
        return logits, targets, torch.from_numpy(kept).to(self._device)
