"""A student that is an encoder-decoder: it writes the answer, or scores the closed labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Thread
from typing import TYPE_CHECKING, Any

from prompt2model.predictor.closed_labels import closed_prediction
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.padding import pad_right
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, load_seq2seq, load_tokenizer

if TYPE_CHECKING:
    import torch

_ROWS_AT_ONCE = 64
"""Answers that the decoder scores in one pass."""
_IGNORED = -100


class EncoderDecoderStudent:
    """Greedy decoding in float32, as plain transformers does.

    Where the answers are closed, each is scored by the sum of its tokens' log-probabilities, end of sequence
    included: the model's own distribution over whole answers, normalised over the closed set.
    """

    batch_rows = 64
    batch_tokens = 8192

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str) -> None:
        import torch

        self.tokenizer: Any = load_tokenizer(location)
        self.labels = spec.labels
        self.max_new_tokens = spec.max_new_tokens
        self.device = device
        self.model: Any = load_seq2seq(location, dtype=torch.float32).to(device)

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order."""
        ids, mask = pad_right([row.ids for row in inputs], self.tokenizer.pad_token_id, self.device)
        choices = [self.labels or item.choices for item in items]
        if all(choices):
            return [
                closed_prediction(answers, scores, len(encoded.ids))
                for answers, scores, encoded in zip(choices, self._score(ids, mask, choices), inputs, strict=True)
            ]
        return self._write(ids, mask, inputs)

    def stream(self, encoded: EncodedInput, item: Item) -> Iterator[str]:
        """The answer piece by piece; a closed answer in one."""
        if self.labels or item.choices:
            yield self.answer([encoded], [item])[0].text or ""
            return
        from transformers import TextIteratorStreamer

        ids, mask = pad_right([encoded.ids], self.tokenizer.pad_token_id, self.device)
        streamer = TextIteratorStreamer(self.tokenizer, skip_special_tokens=True)
        worker = Thread(target=self._generate, args=(ids, mask, streamer), daemon=True)
        worker.start()
        yield from (piece for piece in streamer if piece)
        worker.join()

    def _write(self, ids: torch.Tensor, mask: torch.Tensor, inputs: Sequence[EncodedInput]) -> list[Prediction]:
        rows = self._generate(ids, mask).cpu()
        texts = self.tokenizer.batch_decode(rows, skip_special_tokens=True)
        lengths = (rows != self.tokenizer.pad_token_id).sum(dim=1).tolist()
        return [
            Prediction(
                text.strip() or None,
                failure=None if text.strip() else "empty",
                raw=text,
                prompt_tokens=len(encoded.ids),
                completion_tokens=length,
            )
            for text, length, encoded in zip(texts, lengths, inputs, strict=True)
        ]

    def _generate(self, ids: torch.Tensor, mask: torch.Tensor, streamer: Any = None) -> torch.Tensor:
        written: torch.Tensor = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            streamer=streamer,
        )
        return written

    def _score(self, ids: torch.Tensor, mask: torch.Tensor, choices: Sequence[Sequence[str]]) -> list[list[float]]:
        """Log-probability (nats) of each row's answers. The encoder reads a row once, whatever the answers."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        pairs = [(row, answer) for row, answers in enumerate(choices) for answer in answers]
        distinct = list(dict.fromkeys(answer for _, answer in pairs))
        tokens = dict(zip(distinct, self.tokenizer(text_target=distinct)["input_ids"], strict=True))
        scores: list[list[float]] = [[] for _ in choices]
        with torch.inference_mode():
            states = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            for start in range(0, len(pairs), _ROWS_AT_ONCE):
                part = pairs[start : start + _ROWS_AT_ONCE]
                rows = torch.tensor([row for row, _ in part], device=self.device)
                targets, filled = pad_right([tokens[answer] for _, answer in part], 0, self.device)
                logits = self.model(
                    encoder_outputs=BaseModelOutput(last_hidden_state=states[rows]),
                    attention_mask=mask[rows],
                    labels=targets.masked_fill(filled == 0, _IGNORED),
                ).logits
                likely = logits.float().log_softmax(dim=-1).gather(2, targets.unsqueeze(2)).squeeze(2)
                for (row, _), score in zip(part, (likely * filled).sum(dim=1).tolist(), strict=True):
                    scores[row].append(score)
        return scores
