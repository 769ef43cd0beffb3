"""A student that is a decoder: the local inference engine writes its answers or scores the closed ones."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from prompt2model.inference import AnswersRequest, CausalEngine, Generated, GenerateRequest, best_dtype
from prompt2model.predictor.adapter_folder import load_with_adapter
from prompt2model.predictor.closed_labels import closed_prediction
from prompt2model.predictor.input_format import EncodedInput
from prompt2model.predictor.student_folder import StudentSpec
from prompt2model.predictor.written_answer import written_prediction
from prompt2model.records import Item, Prediction
from prompt2model.weights import WeightsLocation, load_causal_lm, load_tokenizer


class DecoderStudent:
    """Greedy decoding, in bfloat16 where the processor has it.

    Where the answers are closed, each is scored by the sum of its tokens' log-probabilities, end of sequence
    included, and normalised over the closed set.
    """

    batch_rows = 1024
    batch_tokens = 1 << 24
    """The engine makes its own batches, and shares what prompts have in common, so it is given much at once."""

    def __init__(self, location: WeightsLocation, spec: StudentSpec, device: str, adapter: Path | None = None) -> None:
        import torch

        self.labels = spec.labels
        self.max_new_tokens = spec.max_new_tokens
        self.tokenizer: Any = load_tokenizer(location, adapter)
        model = (
            load_causal_lm(location, best_dtype(torch.device(device)))
            if adapter is None
            else load_with_adapter(location, spec, device, adapter)
        )
        self._engine = CausalEngine(model, self.tokenizer, device=device)

    def answer(self, inputs: Sequence[EncodedInput], items: Sequence[Item]) -> list[Prediction]:
        """Predictions of one batch, in its order. Its answers are all closed or all written."""
        if self.labels or items[0].choices:
            return self._choose(inputs, [self.labels or item.choices for item in items])
        return [_written(answer) for answer in self._engine.generate([self._request(row) for row in inputs])]

    def stream(self, encoded: EncodedInput, item: Item) -> Generator[str, None, Prediction]:
        """The answer piece by piece, a closed one in one; the generator returns the whole."""
        if self.labels or item.choices:
            (prediction,) = self.answer([encoded], [item])
            if prediction.text is not None:
                yield prediction.text
            return prediction
        pieces = self._engine.stream(self._request(encoded))
        started = False
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                return _written(end.value)
            shown = piece if started else piece.lstrip()
            started = started or bool(shown)
            if shown:
                yield shown

    def _choose(self, inputs: Sequence[EncodedInput], choices: Sequence[Sequence[str]]) -> list[Prediction]:
        end = self.tokenizer.eos_token
        requests = [
            AnswersRequest(row.text, tuple(f" {answer}{end}" for answer in answers))
            for row, answers in zip(inputs, choices, strict=True)
        ]
        return [
            Prediction(None, failure=scores.failure, prompt_tokens=scores.prompt_tokens)
            if scores.failure
            else closed_prediction(answers, scores.log_probabilities, scores.prompt_tokens)
            for answers, scores in zip(choices, self._engine.score(requests), strict=True)
        ]

    def _request(self, encoded: EncodedInput) -> GenerateRequest:
        return GenerateRequest(encoded.text, max_new_tokens=self.max_new_tokens)


def _written(answer: Generated) -> Prediction:
    if answer.failure:
        return Prediction(None, failure=answer.failure, prompt_tokens=answer.prompt_tokens)
    return written_prediction(
        answer.text,
        cut=answer.finish == "length",
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.tokens,
    )
