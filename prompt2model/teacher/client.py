"""The border to a language model: requests, responses, and the two protocols that answer them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol, TypeGuard, runtime_checkable

from prompt2model.records import FailureKind


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a language model.

    `draw` tells samples of the same request apart: the n-th draw is another answer, kept under another key.
    `temperature` in [0, 2]; `max_tokens` is the longest answer; `purpose` names the use in cost tables and is not
    part of the key. When the last message is the assistant's, the model continues it.
    `schema` is the JSON schema of the answer as text (`schemas.schema_text`), "" for free text. An endpoint that takes
    it holds to it; elsewhere the answer is what the messages bring about, so they have to describe the form too.
    """

    messages: tuple[Message, ...]
    temperature: float = 0.0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    draw: int = 0
    purpose: str = ""
    schema: str = ""

    def key(self, model: str) -> str:
        """The content of the request as a hash: what the ledger files the answer under."""
        content = asdict(self)
        del content["purpose"]
        if not self.schema:
            # Requests for free text keep the keys that they have in older ledgers.
            del content["schema"]
        return _hash({"model": model, **content})


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """An answer, or the kind of failure. `finish` is `length` when the answer was cut at `max_tokens`.

    The tokens are those of this answer. `lost_prompt_tokens` and `lost_completion_tokens` are at most what was spent
    on earlier attempts whose answer never arrived whole (a time limit, a cut connection): they are charged, not kept.
    """

    text: str
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    failure: FailureKind | None = None
    detail: str = ""
    lost_prompt_tokens: int = 0
    lost_completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Which of these answers would the model give? `answers` follow the last message as the assistant's turn."""

    messages: tuple[Message, ...]
    answers: tuple[str, ...]
    purpose: str = ""

    def key(self, model: str) -> str:
        """The content of the request as a hash: what the ledger files the scores under."""
        content = asdict(self)
        del content["purpose"]
        return _hash({"model": model, **content})


@dataclass(frozen=True, slots=True)
class ScoreResponse:
    """Sum of the log-probabilities (nats) of each answer's tokens, in the order of the answers, or a failure."""

    log_probabilities: tuple[float, ...]
    prompt_tokens: int = 0
    failure: FailureKind | None = None


class ChatClient(Protocol):
    """A language model that can be asked.

    Answers may arrive in any order; each comes with its request. `batch_size` is the number of requests that the
    client computes together (1 for an endpoint): the ledger sends and stores such a group as a whole, so that a
    killed run meets the same groups again.
    """

    model: str
    batch_size: int

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer all requests. Raises TeacherError only when no request can be answered at all."""
        ...

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer to one request, piece by piece; the generator returns the whole answer at its end.

        There is a person at the other side, so a failure is not a value here: it raises TeacherError.
        """
        ...


@runtime_checkable
class Scorer(ChatClient, Protocol):
    """A client that can also tell how likely given answers are, of `score_batch_size` requests together."""

    score_batch_size: int

    def score_many(self, requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
        """Score the answers of all requests."""
        ...


class AsksAgain(ChatClient, Protocol):
    """A client that asks again when an answer was lost on the way, which may have to be paid each time.

    `afford` is asked before each such attempt; where it says no, the request fails as `over_budget`.
    """

    asks_again: bool

    def complete_many(
        self, requests: Iterable[ChatRequest], afford: Callable[[ChatRequest], bool] = ...
    ) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer all requests."""
        ...

    def stream(
        self, request: ChatRequest, afford: Callable[[ChatRequest], bool] = ...
    ) -> Generator[str, None, ChatResponse]:
        """The answer to one request, piece by piece."""
        ...


class SpreadsGroups(ChatClient, Protocol):
    """A client that computes several groups at once, each as if it were alone."""

    spreads_groups: bool

    def complete_groups(self, groups: Iterable[Sequence[ChatRequest]]) -> Iterator[tuple[int, Sequence[ChatResponse]]]:
        """Number and answers of each group, as groups are done; `groups` are taken as there is room for them."""
        ...

    def score_groups(self, groups: Iterable[Sequence[ScoreRequest]]) -> Iterator[tuple[int, Sequence[ScoreResponse]]]:
        """Number and scores of each group, as groups are done."""
        ...


def spreads_groups(client: object) -> TypeGuard[SpreadsGroups]:
    """Whether the client, or what it wraps, computes several groups at once."""
    return bool(getattr(client, "spreads_groups", False))


def asks_again(client: object) -> TypeGuard[AsksAgain]:
    """Whether the client takes `afford`."""
    return bool(getattr(client, "asks_again", False))


def is_scorer(client: object) -> TypeGuard[Scorer]:
    """Whether `client.score_many` works. A wrapper always has the method; its `can_score` tells of what it wraps."""
    return isinstance(client, Scorer) and bool(getattr(client, "can_score", True))


def _hash(content: dict[str, object]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    # Data from anywhere may hold half a surrogate pair.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
