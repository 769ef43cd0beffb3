"""The teacher that comes with prompt2model: SmolLM2-135M-Instruct, run in this process on packaged weights.

Needs no key, no address and no GPU. It is small: it follows lists and `Input:` / `Output:` forms, not "reply in JSON".
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from prompt2model.errors import TeacherRequestError
from prompt2model.teacher.client import ChatRequest, ChatResponse, Message, ScoreRequest, ScoreResponse
from prompt2model.weights import EMBEDDED_TEACHER

if TYPE_CHECKING:
    from prompt2model.inference import CausalEngine, Generated, GenerateRequest

TOP_P = 0.95
"""Nucleus for sampled answers (arXiv 1904.09751): the far tail of so small a model is noise."""


class EmbeddedClient:
    """Answers in groups of `batch_size`, and scores given answers by their log-probabilities, more at a time.

    Every request draws its random numbers from its own content, so an answer never depends on what was asked before.
    Tokens of a prompt are counted as they are read: what the prompts of a group share, once.
    The weights are loaded at the first request; WeightsError says how to install them where they are missing.
    """

    model = f"embedded:{EMBEDDED_TEACHER.rpartition('/')[2]}"
    batch_size = 64
    score_batch_size = 256

    def __init__(self) -> None:
        self._loaded: CausalEngine | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"EmbeddedClient({EMBEDDED_TEACHER!r})"

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests in order, `batch_size` at a time."""
        source = iter(requests)
        while group := list(islice(source, self.batch_size)):
            engine = self._engine()
            generated = engine.generate([self._generate_request(engine, request) for request in group])
            for request, answer in zip(group, generated, strict=True):
                yield request, _response(answer)

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer piece by piece. Raises TeacherRequestError when the input is too long or the answer is empty."""
        engine = self._engine()
        response = _response((yield from engine.stream(self._generate_request(engine, request))))
        if response.failure is not None:
            raise TeacherRequestError(
                f"{self.model} gave no answer ({response.detail}); change the input and try again"
            )
        return response

    def score_many(self, requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
        """Score the answers of all requests in order, `score_batch_size` requests at a time."""
        from prompt2model.inference import AnswersRequest

        for start in range(0, len(requests), self.score_batch_size):
            group = requests[start : start + self.score_batch_size]
            engine = self._engine()
            scores = engine.score([AnswersRequest(_prompt(engine, r.messages), r.answers) for r in group])
            for request, score in zip(group, scores, strict=True):
                tokens = score.read_tokens + sum(score.answer_tokens)
                yield request, ScoreResponse(score.log_probabilities, tokens, score.failure)

    def _engine(self) -> CausalEngine:
        from prompt2model.inference import CausalEngine, best_device, best_dtype
        from prompt2model.weights import load_causal_lm, load_tokenizer, locate

        with self._lock:
            if self._loaded is None:
                location, device = locate(EMBEDDED_TEACHER), best_device()
                # Moved by device alone: `to(dtype)` would round the table of rotary positions, which stays float32.
                model = load_causal_lm(location, best_dtype(device)).to(device)
                self._loaded = CausalEngine(model, load_tokenizer(location), batch_size=self.batch_size)
            return self._loaded

    def _generate_request(self, engine: CausalEngine, request: ChatRequest) -> GenerateRequest:
        from prompt2model.inference import GenerateRequest

        return GenerateRequest(
            _prompt(engine, request.messages),
            max_new_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=TOP_P,
            stop=request.stop,
            seed=int(request.key(self.model)[:15], 16),
        )


def _prompt(engine: CausalEngine, messages: Sequence[Message]) -> str:
    return engine.chat_prompt([{"role": message.role, "content": message.content} for message in messages])


def _response(answer: Generated) -> ChatResponse:
    if answer.failure is not None:
        detail = f"the prompt has {answer.prompt_tokens:,} tokens, more than the model reads"
        return ChatResponse("", "stop", 0, 0, answer.failure, detail)
    if not answer.text.strip():
        return ChatResponse("", answer.finish, answer.read_tokens, answer.tokens, "empty", "the answer is empty")
    return ChatResponse(answer.text, answer.finish, answer.read_tokens, answer.tokens)
