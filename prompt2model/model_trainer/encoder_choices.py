"""Training an encoder to score the options of multiple choice: the softmax is over the options of each row."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from prompt2model.errors import NotEnoughDataError
from prompt2model.model_trainer.batching import TokenRows, parts_within
from prompt2model.model_trainer.fitting import Fitting, Tally
from prompt2model.model_trainer.head_start import start_pooler
from prompt2model.model_trainer.rows import item_of
from prompt2model.predictor.choice_pairs import encode_choices, reads_types, score_pairs
from prompt2model.records import Example

if TYPE_CHECKING:
    import numpy as np
    import torch

_CHUNK = 1024


class ChoiceRows:
    """Rows as pairs of tokens. `lengths` are the tokens of all options of each row.

    `own_evidence`: as `encode_choices` says.
    """

    def __init__(self, own_evidence: bool = False) -> None:
        self._own_evidence = own_evidence
        self.pairs = TokenRows()
        self.starts = array("i")
        self.targets = array("i")
        self.truncated = 0
        self._ends = array("q", [0])
        self._tokens = array("q")

    def add_all(self, rows: Iterable[Example], tokenizer: Any, input_format: str, max_tokens: int) -> None:
        """More rows. Raises NotEnoughDataError for one whose answer is none of its options."""
        source = iter(rows)
        while chunk := list(islice(source, _CHUNK)):
            targets = [_target(row) for row in chunk]
            items = [item_of(row) for row in chunk]
            encoded = encode_choices(tokenizer, items, input_format, max_tokens, own_evidence=self._own_evidence)
            for target, row in zip(targets, encoded, strict=True):
                for pair in row.pairs:
                    self.pairs.append(pair)
                self.starts.extend(row.starts)
                self.targets.append(target)
                self.truncated += row.truncated
                self._ends.append(len(self.pairs))
                self._tokens.append(len(row.ids))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of all options of each row."""
        import numpy as np

        return np.array(self._tokens, dtype=np.int64)

    def options(self, row: int) -> range:
        """The numbers of a row's pairs."""
        return range(self._ends[row], self._ends[row + 1])


class EncoderChoicesFitting(Fitting):
    """Cross-entropy over the options of each row; rows may have different numbers of them. The score is accuracy."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        train: Iterable[Example],
        validation: Iterable[Example],
        *,
        input_format: str,
        max_input_tokens: int,
        max_tokens_at_once: int,
        label_smoothing: float = 0.0,
        own_evidence: bool = False,
    ) -> None:
        import numpy as np

        self.model = model
        self.tokenizer = tokenizer
        self.max_new_tokens = 1
        self._device = str(model.device)
        self.max_tokens = max_tokens_at_once
        self._label_smoothing = label_smoothing
        self._typed = reads_types(model, tokenizer)
        self._rows, self._held = ChoiceRows(own_evidence), ChoiceRows(own_evidence)
        self._rows.add_all(train, tokenizer, input_format, max_input_tokens)
        self._held.add_all(validation, tokenizer, input_format, max_input_tokens)
        self.lengths = self._rows.lengths
        self.truncated_rows = self._rows.truncated
        self.validation_rows = len(self._held)
        self.weights = np.ones(len(self._rows))
        start_pooler(model)

    def loss_sum(self, rows: Sequence[int]) -> torch.Tensor:
        """Cross-entropy, summed."""
        import torch

        losses = [
            -(1 - self._label_smoothing) * likely[self._rows.targets[row]] - self._label_smoothing * likely.mean()
            for row, likely in zip(rows, self._log_probabilities(self._rows, rows), strict=True)
        ]
        return torch.stack(losses).sum()

    def validate(self, rows: Sequence[int]) -> Tally:
        """Cross-entropy and accuracy."""
        tally = Tally(weight=len(rows), n=len(rows))
        for part in parts_within(rows, self._held.lengths, self.max_tokens):
            for row, likely in zip(part, self._log_probabilities(self._held, part), strict=True):
                target = self._held.targets[row]
                tally.loss -= likely[target].item()
                tally.right += int(likely.argmax()) == target
        return tally

    def _log_probabilities(self, rows: ChoiceRows, numbers: Sequence[int]) -> list[torch.Tensor]:
        """log P(option) of each row's options."""
        options = [rows.options(int(number)) for number in numbers]
        flat = [pair for one in options for pair in one]
        scores = score_pairs(
            self.model,
            [rows.pairs[pair] for pair in flat],
            [rows.starts[pair] for pair in flat],
            fill=self.tokenizer.pad_token_id or 0,
            typed=self._typed,
            max_tokens=self.max_tokens,
            device=self._device,
        )
        return [part.log_softmax(dim=0) for part in scores.split([len(one) for one in options])]


def _target(row: Example) -> int:
    if row.target not in row.choices:
        what = f"which is none of its {len(row.choices)} choices" if row.choices else "and no choices"
        raise NotEnoughDataError(f"row {row.id} has the answer {row.target[:60]!r}, {what}; correct or drop the row")
    return row.choices.index(row.target)
