"""What both families that write have in common: the loss on answer tokens, and how good their answers are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prompt2model.model_trainer.batching import parts_within
from prompt2model.model_trainer.fitting import Fitting, Tally
from prompt2model.model_trainer.rows import AnswerRows

if TYPE_CHECKING:
    import numpy as np
    import torch

_LEAST_ROOM = 16
_SPARE_ROOM = 1.25


def answer_room(rows: AnswerRows) -> int:
    """Tokens that a student may write: a quarter more than the longest answer it was trained on, and 16 at least."""
    return max(_LEAST_ROOM, round(_SPARE_ROOM * int(rows.answers.lengths.max())))


class AnswerFitting(Fitting):
    """Cross-entropy on the answer's tokens only, end of sequence included; the input is read, not learned."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        train: AnswerRows,
        validation: AnswerRows,
        closed: bool,
        max_tokens_at_once: int,
        answer_weights: np.ndarray | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        """`answer_weights` [rows], mean 1, weigh the rows; None: all alike."""
        import numpy as np

        self.model = model
        self.tokenizer = tokenizer
        self.lengths = train.inputs.lengths + train.answers.lengths
        self._answer_weights = np.ones(len(train.inputs)) if answer_weights is None else answer_weights
        self.weights = train.answers.lengths * self._answer_weights
        self.validation_rows = len(validation.inputs)
        self.truncated_rows = train.truncated
        self.max_new_tokens = answer_room(train)
        self.longest_answer = int(train.answers.lengths.max()) + 1
        self._train, self._held = train, validation
        self._closed = closed
        self._label_smoothing = label_smoothing
        self.max_tokens = max_tokens_at_once
        self._device = str(model.device)

    def loss_sum(self, rows: Sequence[int]) -> torch.Tensor:
        """Weighted cross-entropy of all answer tokens, summed."""
        import torch

        logits, targets, kept = self._logits(self._train, rows)
        losses = torch.nn.functional.cross_entropy(
            logits[kept].float(), targets[kept], reduction="none", label_smoothing=self._label_smoothing
        )
        weights = torch.tensor(self._answer_weights[rows], dtype=losses.dtype, device=losses.device)
        weighted: torch.Tensor = (losses * weights[kept.nonzero()[:, 0]]).sum()
        return weighted

    def validate(self, rows: Sequence[int]) -> Tally:
        """Losses of tokens. A row is right when greedy decoding gets it; of free text, tokens are counted.

        Exactly then greedy decoding writes an answer when each of its tokens is the likeliest after the right
        beginning. Free text is scored by tokens, because few long texts are hit whole.
        """
        tally = Tally()
        lengths = self._held.inputs.lengths + self._held.answers.lengths
        for part in parts_within(rows, lengths, self.max_tokens):
            logits, targets, kept = self._logits(self._held, part)
            right = (logits.argmax(dim=-1) == targets) & kept
            tally.loss += float(_cross_entropy(logits, targets, kept))
            tally.weight += int(kept.sum())
            tally.right += int((right == kept).all(dim=1).sum() if self._closed else right.sum())
            tally.n += len(targets) if self._closed else int(kept.sum())
        return tally

    @abstractmethod
    def _logits(self, rows: AnswerRows, numbers: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits [rows, tokens, vocabulary] of the answers, targets and which of them count [rows, tokens]."""


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    import torch

    loss: torch.Tensor = torch.nn.functional.cross_entropy(logits[kept].float(), targets[kept], reduction="sum")
    return loss
