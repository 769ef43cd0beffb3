"""Training an encoder with a classification head."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from prompt2model.model_trainer.batching import TokenRows, parts_within
from prompt2model.model_trainer.fitting import Fitting, Tally
from prompt2model.model_trainer.head_start import ROWS_PER_LABEL, last_linear, start_head, start_pooler
from prompt2model.model_trainer.row_weights import ClassWeights, row_weights
from prompt2model.model_trainer.rows import encoded_examples
from prompt2model.model_trainer.targets import LabelTargets
from prompt2model.predictor.padding import pad_right
from prompt2model.records import Example

if TYPE_CHECKING:
    import torch


class EncoderFitting(Fitting):
    """Cross-entropy on the label, or on P(label) where labellers gave it; the score is accuracy.

    `soft_order` are the labels in the order of the rows' P(label); empty where that is not to be a target.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        labels: Sequence[str],
        train: Iterable[Example],
        validation: Iterable[Example],
        *,
        input_format: str,
        max_input_tokens: int,
        max_tokens_at_once: int,
        class_weights: ClassWeights = "off",
        soft_order: Sequence[str] = (),
        label_smoothing: float = 0.0,
    ) -> None:
        import numpy as np

        self.model = model
        self.tokenizer = tokenizer
        self.max_new_tokens = 1
        self._device = model.device
        self._labels = tuple(labels)
        self.max_tokens = max_tokens_at_once
        self._label_smoothing = label_smoothing
        self._goals = LabelTargets(labels, soft_order)
        self._inputs, self.truncated_rows = self._read(train, self._goals, input_format, max_input_tokens)
        held = LabelTargets(labels)
        self._held_inputs, _ = self._read(validation, held, input_format, max_input_tokens)
        self._targets, self._held_targets = np.asarray(self._goals.numbers), np.asarray(held.numbers)
        self.lengths = self._inputs.lengths
        self.validation_rows = len(self._held_inputs)
        self.weights = row_weights(self._targets, class_weights)

    def loss_sum(self, rows: Sequence[int]) -> torch.Tensor:
        """Weighted cross-entropy, summed."""
        import torch

        targets = (
            torch.from_numpy(self._goals.probabilities(rows)).to(self._device)
            if self._goals.has_soft
            else self._numbers(self._targets[rows])
        )
        losses = torch.nn.functional.cross_entropy(
            self._logits(self._inputs, rows), targets, reduction="none", label_smoothing=self._label_smoothing
        )
        weighted: torch.Tensor = (losses * torch.tensor(self.weights[rows], dtype=losses.dtype).to(losses.device)).sum()
        return weighted

    def validate(self, rows: Sequence[int]) -> Tally:
        """Cross-entropy and accuracy."""
        import torch

        tally = Tally(weight=len(rows), n=len(rows))
        for part in parts_within(rows, self._held_inputs.lengths, self.max_tokens):
            logits = self._logits(self._held_inputs, part)
            targets = self._numbers(self._held_targets[part])
            tally.loss += float(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
            tally.right += int((logits.argmax(dim=-1) == targets).sum())
        return tally

    def start_head(self) -> None:
        """Start from the labels' mean features. Heads that do not end in one linear layer keep their random start."""
        import torch

        head = last_linear(self.model, len(self._labels))
        if head is None:
            return
        start_pooler(self.model)
        chosen = self._some_of_each_label()
        place = {row: number for number, row in enumerate(chosen)}
        features = torch.zeros(len(chosen), head.in_features, device=self._device)
        seen: list[torch.Tensor] = []
        hook = head.register_forward_pre_hook(lambda _module, arguments: seen.append(arguments[0]))
        self.model.eval()
        with torch.no_grad():
            for part in parts_within(chosen, self.lengths, self.max_tokens):
                self._logits(self._inputs, part)
                features[[place[row] for row in part]] = seen.pop().float()
        hook.remove()
        start_head(head, features, self._numbers(self._targets[chosen]))

    def _some_of_each_label(self) -> list[int]:
        import numpy as np

        return sorted(
            int(row)
            for label in range(len(self._labels))
            for row in np.flatnonzero(self._targets == label)[:ROWS_PER_LABEL]
        )

    def _logits(self, rows: TokenRows, numbers: Sequence[int]) -> torch.Tensor:
        fill = self.tokenizer.pad_token_id or 0
        ids, mask = pad_right([rows[number] for number in numbers], fill, str(self._device))
        logits: torch.Tensor = self.model(input_ids=ids, attention_mask=mask).logits.float()
        return logits

    def _numbers(self, targets: Any) -> torch.Tensor:
        import torch

        return torch.as_tensor(targets, dtype=torch.int64).to(self._device)

    def _read(
        self, rows: Iterable[Example], targets: LabelTargets, input_format: str, max_tokens: int
    ) -> tuple[TokenRows, int]:
        truncated = 0

        def ids() -> Iterable[Sequence[int]]:
            nonlocal truncated
            for row, encoded in encoded_examples(rows, self.tokenizer, input_format, max_tokens):
                targets.add(row)
                truncated += encoded.truncated
                yield encoded.ids

        return TokenRows(ids()), truncated
