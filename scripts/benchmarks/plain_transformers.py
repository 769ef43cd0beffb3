"""What the engine is measured against: the same model run by transformers alone, as well as that can be done.

Batches sorted by length, left padding, a KV cache, the same number format, scaled dot-product attention, scores of the
vocabulary only where they are wanted, every row stopped at its own end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, LogitsProcessorList, StoppingCriteria, StoppingCriteriaList

from prompt2model.inference import AnswersRequest, CausalEngine, GenerateRequest
from prompt2model.weights import EMBEDDED_TEACHER, load_causal_lm, locate

BATCH = 64
READ_TOKENS = 4096
"""Most tokens, padding included, that one forward pass of the scoring reads."""


class PlainModel:
    """The embedded teacher's weights in a transformers model of their own."""

    def __init__(self, engine: CausalEngine, dtype: torch.dtype) -> None:
        self.model = load_causal_lm(locate(EMBEDDED_TEACHER), dtype).to(engine.device)
        self.dtype = dtype
        self._engine = engine
        self._ends = sorted(engine._end_tokens)
        vocabulary = self.model.config.vocab_size
        texts = [engine.tokenizer.decode([token]) for token in range(vocabulary)]
        self._breaks = torch.tensor(["\n" in text for text in texts], device=engine.device)

    def generate(self, requests: Sequence[GenerateRequest], batch: int = BATCH) -> list[list[int]]:
        """New tokens of each request, its end included. Of stop strings only a line's end is known."""
        prompts = self._engine.encode([request.prompt for request in requests])
        order = sorted(range(len(requests)), key=lambda index: -len(prompts[index]))
        found: dict[int, list[int]] = {}
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            rows = self._generate([prompts[index] for index in part], [requests[index] for index in part])
            found.update(zip(part, rows, strict=True))
        return [found[index] for index in range(len(requests))]

    def _generate(self, prompts: Sequence[list[int]], requests: Sequence[GenerateRequest]) -> list[list[int]]:
        ids, mask = self._left_padded(prompts)
        sampled = requests[0].temperature > 0
        settings: dict[str, Any] = {"do_sample": sampled}
        if sampled:
            settings |= {"temperature": 1.0, "top_k": 0, "top_p": requests[0].top_p}
            settings["logits_processor"] = LogitsProcessorList([_Temperatures(requests, ids.device)])
        stops = any(request.stop for request in requests)
        with torch.inference_mode():
            whole = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=max(request.max_new_tokens for request in requests),
                eos_token_id=self._ends,
                pad_token_id=self._ends[0],
                stopping_criteria=StoppingCriteriaList([_AtToken(self._breaks)] if stops else []),
                **settings,
            )
        return [self._cut(row, stops) for row in whole[:, ids.shape[1] :].tolist()]

    def _cut(self, tokens: list[int], stops: bool) -> list[int]:
        """Without the padding behind the row's end."""
        for place, token in enumerate(tokens):
            if token in self._ends or (stops and self._breaks[token]):
                return tokens[: place + 1]
        return tokens

    def _left_padded(self, prompts: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        width = max(map(len, prompts))
        ids = torch.tensor([[self._ends[0]] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        return ids.to(self.model.device), mask.to(self.model.device)

    def score(self, requests: Sequence[AnswersRequest]) -> list[list[float]]:
        """The summed log-probabilities of each request's answers; a row for every prompt with every answer."""
        prompts = self._engine.encode([request.prompt for request in requests])
        rows: list[tuple[int, int, list[int], int]] = []
        for index, request in enumerate(requests):
            for number, answer in enumerate(request.answers):
                tokens = list(self._engine._answer(answer))
                rows.append((index, number, [*prompts[index], *tokens], len(tokens)))
        rows.sort(key=lambda row: len(row[2]))
        sums = [[0.0] * len(request.answers) for request in requests]
        while rows:
            count = max(1, READ_TOKENS // len(rows[0][2]))
            while count > 1 and count * len(rows[min(count, len(rows)) - 1][2]) > READ_TOKENS:
                count -= 1
            part, rows = rows[:count], rows[count:]
            values = self.token_log_probabilities([row[2] for row in part], [row[3] for row in part])
            for (index, number, _, _), one in zip(part, values, strict=True):
                sums[index][number] = sum(one)
        return sums

    def token_log_probabilities(self, rows: Sequence[list[int]], counts: Sequence[int]) -> list[list[float]]:
        """Log-probabilities of the last `counts` tokens of each row, by one plain forward pass."""
        width = max(map(len, rows))
        device = self.model.device
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
        places = [
            (number, len(row) - count + step)
            for number, (row, count) in enumerate(zip(rows, counts, strict=True))
            for step in range(count)
        ]
        with torch.inference_mode():
            # Padding stands on the right, behind all real tokens, so that causal attention needs no mask.
            hidden = self.model.model(input_ids=ids, use_cache=False).last_hidden_state
            states = hidden[[row for row, _ in places], [place - 1 for _, place in places]]
            scores = self.model.lm_head(states).float()
            wanted = torch.tensor([rows[row][place] for row, place in places], device=device)
            found = (scores.gather(1, wanted[:, None])[:, 0] - scores.logsumexp(dim=-1)).tolist()
        values = iter(found)
        return [[next(values) for _ in range(count)] for count in counts]

    def top_gap(self, tokens: Sequence[int]) -> float:
        """How far the likeliest next token lies above the second, in nats."""
        with torch.inference_mode():
            scores = self.model(torch.tensor([list(tokens)], device=self.model.device)).logits[0, -1].float()
        first, second = scores.topk(2).values.tolist()
        return float(first - second)


class _Temperatures(LogitsProcessor):
    """Each row's own temperature."""

    def __init__(self, requests: Sequence[GenerateRequest], device: torch.device) -> None:
        self._values = torch.tensor([[request.temperature] for request in requests], device=device)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        return scores / self._values


class _AtToken(StoppingCriteria):
    """Ends each row at a token of a given set."""

    def __init__(self, ends: torch.Tensor) -> None:
        self._ends = ends

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return self._ends[input_ids[:, -1]]
