"""A student that is an encoder-decoder: it writes the answer, or scores the closed labels."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from prompt2model.predictor.adapter_folder import load_with_adapter
from prompt2model.predictor.closed_labels import closed_prediction
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.padding import pad_right
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.predictor.written_answer import written_prediction
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

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str, adapter: Path | None = None) -> None:
        import torch

        self.tokenizer: Any = load_tokenizer(location, adapter)
        self.labels = spec.labels
        self.max_new_tokens = spec.max_new_tokens
        self.device = device
        self.model: Any = (
            load_seq2seq(location, dtype=torch.float32).to(device)
            if adapter is None
            else load_with_adapter(location, spec, device, adapter)
        )
        configured = self.model.generation_config.eos_token_id
        ends = configured if isinstance(configured, list) else [configured]
        self._end_tokens = {token for token in (*ends, self.tokenizer.eos_token_id) if token is not None}

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order. Its answers are all closed or all written."""
        ids, mask = pad_right([row.ids for row in inputs], self.tokenizer.pad_token_id, self.device)
        if self.labels or items[0].choices:
            choices = [self.labels or item.choices for item in items]
            return [
                closed_prediction(answers, scores, len(encoded.ids))
                for answers, scores, encoded in zip(choices, self._score(ids, mask, choices), inputs, strict=True)
            ]
        return self._write(ids, mask, inputs)

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The answer piece by piece, a closed one in one; the generator returns the whole."""
        if self.labels or item.choices:
            (prediction,) = self.answer([encoded], [item])
            if prediction.text is not None:
                yield prediction.text
            return prediction
        from transformers import TextIteratorStreamer

        ids, mask = pad_right([encoded.ids], self.tokenizer.pad_token_id, self.device)
        streamer = TextIteratorStreamer(self.tokenizer, skip_special_tokens=True)
        rows: list[torch.Tensor] = []
        errors: list[BaseException] = []
        left = Event()

        def work() -> None:
            try:
                rows.append(self._generate(ids, mask, streamer, left))
            except BaseException as error:
                errors.append(error)
            finally:
                # Where generation fails, nobody else tells the reader that nothing comes any more.
                streamer.on_finalized_text("", stream_end=True)

        worker = Thread(target=work, daemon=True)
        worker.start()
        try:
            yield from (piece for piece in streamer if piece)
        finally:
            # Whoever stops reading early does not leave the model writing.
            left.set()
            worker.join()
        if errors:
            raise errors[0]
        (prediction,) = self._read(rows[0], [encoded])
        return prediction

    def _write(self, ids: torch.Tensor, mask: torch.Tensor, inputs: Sequence[EncodedInput]) -> list[Prediction]:
        return self._read(self._generate(ids, mask), inputs)

    def _read(self, rows: torch.Tensor, inputs: Sequence[EncodedInput]) -> list[Prediction]:
        """Written rows as predictions; an answer without an end token was cut."""
        # The first token is the decoder's start, which in some models is the end token as well.
        rows = rows[:, 1:].cpu()
        texts = self.tokenizer.batch_decode(rows, skip_special_tokens=True)
        lengths = (rows != self.tokenizer.pad_token_id).sum(dim=1).tolist()
        return [
            written_prediction(
                text,
                cut=self._end_tokens.isdisjoint(row),
                prompt_tokens=len(encoded.ids),
                completion_tokens=length,
            )
            for text, row, length, encoded in zip(texts, rows.tolist(), lengths, inputs, strict=True)
        ]

    def _generate(
        self, ids: torch.Tensor, mask: torch.Tensor, streamer: Any = None, left: Event | None = None
    ) -> torch.Tensor:
        """Tokens of the answers [rows, tokens]; `left` ends them early."""
        import torch
        from transformers import StoppingCriteriaList

        def is_left(written: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
            return torch.full((len(written),), left is not None and left.is_set(), device=written.device)

        written: torch.Tensor = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=self.max_new_tokens,
            do_sample=False,
            num_beams=1,
            streamer=streamer,
            stopping_criteria=StoppingCriteriaList([is_left]),
        )
        return written

    def _targets(self, answers: Sequence[str]) -> list[list[int]]:
        """Tokens of the answers as they were learned: with an end, which some tokenizers do not write."""
        end = self.tokenizer.eos_token_id
        rows: list[list[int]] = self.tokenizer(text_target=list(answers))["input_ids"]
        return [row if row and row[-1] == end else [*row, end] for row in rows]

    def _score(self, ids: torch.Tensor, mask: torch.Tensor, choices: Sequence[Sequence[str]]) -> list[list[float]]:
        """Log-probability (nats) of each row's answers. The encoder reads a row once, whatever the answers."""
        import torch
        from transformers.modeling_outputs import BaseModelOutput

        pairs = [(row, answer) for row, answers in enumerate(choices) for answer in answers]
        distinct = list(dict.fromkeys(answer for _, answer in pairs))
        tokens = dict(zip(distinct, self._targets(distinct), strict=True))
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
