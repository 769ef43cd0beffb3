"""What both families that write have in common: the loss on answer tokens, and how good their answers are."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prompt2model.model_trainer.batching import parts_within
from prompt2model.model_trainer.fitting import Fitting, Validation
from prompt2model.model_trainer.rows import AnswerRows

if TYPE_CHECKING:
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
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.lengths = train.inputs.lengths + train.answers.lengths
        self.weights = train.answers.lengths
        self.validation_rows = len(validation.inputs)
        self.truncated_rows = train.truncated
        self.max_new_tokens = answer_room(train)
        self._train, self._held = train, validation
        self._closed = closed
        self._max_tokens = max_tokens_at_once
        self._device = str(model.device)

    def loss_sum(self, rows: Sequence[int]) -> torch.Tensor:
        """Cross-entropy of all answer tokens, summed."""
        return _cross_entropy(*self._logits(self._train, rows))

    def validate(self) -> Validation:
        """Loss per token; the score of closed answers is the share of rows that greedy decoding gets right."""
        tally = AnswerTally(self._closed)
        lengths = self._held.inputs.lengths + self._held.answers.lengths
        for part in parts_within(range(self.validation_rows), lengths, self._max_tokens):
            tally.add(*self._logits(self._held, part))
        return tally.result()

    @abstractmethod
    def _logits(self, rows: AnswerRows, numbers: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits [rows, tokens, vocabulary] of the answers, targets and which of them count [rows, tokens]."""


class AnswerTally:
    """Adds up loss and right answers over batches.

    A row counts as right when each of its tokens is the likeliest after the right beginning: exactly then greedy
    decoding writes it. Closed answers are scored by rows, free text by tokens, because few long texts are hit whole.
    """

    def __init__(self, closed: bool) -> None:
        self._closed = closed
        self._loss = 0.0
        self._tokens = self._right_tokens = self._rows = self._right_rows = 0

    def add(self, logits: torch.Tensor, targets: torch.Tensor, kept: torch.Tensor) -> None:
        """One batch: logits [rows, tokens, vocabulary], targets and which of them count [rows, tokens]."""
        self._loss += float(_cross_entropy(logits, targets, kept))
        right = (logits.argmax(dim=-1) == targets) & kept
        self._tokens += int(kept.sum())
        self._right_tokens += int(right.sum())
        self._rows += len(targets)
        self._right_rows += int((right == kept).all(dim=1).sum())

    def result(self) -> Validation:
        """Loss in nats per token, and the score."""
        right, n = (self._right_rows, self._rows) if self._closed else (self._right_tokens, self._tokens)
        return Validation(self._loss / self._tokens, right / n, n)


def _cross_entropy(logits: torch.Tensor, targets: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    import torch

    loss: torch.Tensor = torch.nn.functional.cross_entropy(logits[kept].float(), targets[kept], reduction="sum")
    return loss
