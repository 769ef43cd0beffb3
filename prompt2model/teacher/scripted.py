"""A client whose answers are a function: for tests and for examples that run anywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import replace

from prompt2model.teacher.client import ChatRequest, ChatResponse, ScoreRequest, ScoreResponse
from prompt2model.teacher.tokens import likely_prompt_tokens, likely_tokens


class ScriptedClient:
    """Answers with `answer(request)`: a text, or a whole response (for failures).

    `requests` and `score_requests` keep everything that was asked, in order; `calls` counts both.
    `answer` must depend on the request alone where a test compares runs.
    """

    def __init__(
        self,
        answer: Callable[[ChatRequest], str | ChatResponse],
        score: Callable[[ScoreRequest], Sequence[float]] | None = None,
        model: str = "scripted",
        batch_size: int = 1,
    ) -> None:
        self.model = model
        self.batch_size = self.score_batch_size = batch_size
        self.requests: list[ChatRequest] = []
        self.score_requests: list[ScoreRequest] = []
        self._answer = answer
        self._score = score
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """How many requests were answered or scored."""
        return len(self.requests) + len(self.score_requests)

    @property
    def can_score(self) -> bool:
        """Whether a scoring function was given."""
        return self._score is not None

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests one by one, in order."""
        for request in requests:
            yield request, self._respond(request)

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer word by word. Raises TeacherError when the scripted response is a failure."""
        from prompt2model.errors import TeacherError

        response = self._respond(request)
        if response.failure is not None:
            raise TeacherError(f"the teacher {self.model} gave no answer ({response.failure}); try again")
        start = 0
        for end in [i + 1 for i, c in enumerate(response.text) if c == " "] + [len(response.text)]:
            if end > start:
                yield response.text[start:end]
            start = end
        return response

    def score_many(self, requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
        """Score with the scripted function."""
        if self._score is None:
            raise TypeError("this ScriptedClient was made without a scoring function")
        for request in requests:
            with self._lock:
                self.score_requests.append(request)
            tokens = likely_prompt_tokens(request.messages) + sum(likely_tokens(answer) for answer in request.answers)
            yield request, ScoreResponse(tuple(float(value) for value in self._score(request)), tokens)

    def _respond(self, request: ChatRequest) -> ChatResponse:
        with self._lock:
            self.requests.append(request)
        given = self._answer(request)
        response = ChatResponse(given, failure=None if given else "empty") if isinstance(given, str) else given
        if response.failure is None and not response.prompt_tokens:
            response = replace(
                response,
                prompt_tokens=likely_prompt_tokens(request.messages),
                completion_tokens=max(1, likely_tokens(response.text)),
            )
        return response
