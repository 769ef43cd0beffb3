"""A teacher on local weights whose groups of requests are computed by workers elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TypeVar, cast

from prompt2model.cluster import Workers
from prompt2model.teacher.client import ChatRequest, ChatResponse, Scorer, ScoreRequest, ScoreResponse
from prompt2model.teacher.connect import connect

WORKER_BYTES = 2 << 30
"""Memory of a worker with the embedded teacher: weights, and the keys and values of a full group."""

RequestT = TypeVar("RequestT", ChatRequest, ScoreRequest)


@dataclass(frozen=True, slots=True)
class Shard:
    """A group of requests, all to be written or all to be scored, and the spec of the client that answers them."""

    spec: str
    requests: tuple[ChatRequest, ...] | tuple[ScoreRequest, ...]


class SpreadClient:
    """`here`, a client on local weights, computed by `workers`: the same requests together, so the same answers.

    Each group is one job, sent with nothing but its requests; workers load the weights once and keep them. A group is
    what `here` would compute together (`batch_size`, `score_batch_size`), however many workers there are. `spec` is
    what `connect` makes the client of. Streams are for a person who waits, and come from `here`.
    """

    spreads_groups = True

    def __init__(self, here: Scorer, spec: str, workers: Workers) -> None:
        self.model = here.model
        self.batch_size, self.score_batch_size = here.batch_size, here.score_batch_size
        self._here, self._spec, self._workers = here, spec, workers

    def __repr__(self) -> str:
        return f"SpreadClient({self._here!r})"

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests in order, in groups of `batch_size`. Raises ClusterError."""
        groups = _groups(requests, self.batch_size)
        yield from _in_order(groups, self.complete_groups(groups))

    def score_many(self, requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
        """Score the answers of all requests in order, in groups of `score_batch_size`. Raises ClusterError."""
        groups = _groups(requests, self.score_batch_size)
        yield from _in_order(groups, self.score_groups(groups))

    def complete_groups(
        self, groups: Iterable[Sequence[ChatRequest]]
    ) -> Iterator[tuple[int, tuple[ChatResponse, ...]]]:
        """Number and answers of each group, as groups are done. Raises ClusterError."""
        return cast(Iterator[tuple[int, tuple[ChatResponse, ...]]], self._spread(groups))

    def score_groups(self, groups: Iterable[Sequence[ScoreRequest]]) -> Iterator[tuple[int, tuple[ScoreResponse, ...]]]:
        """Number and scores of each group, as groups are done. Raises ClusterError."""
        return cast(Iterator[tuple[int, tuple[ScoreResponse, ...]]], self._spread(groups))

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer piece by piece, computed in this process."""
        return self._here.stream(request)

    def _spread(self, groups: Iterable[Sequence[RequestT]]) -> Iterator[tuple[int, tuple]]:
        shards = (Shard(self._spec, tuple(group)) for group in groups)
        for number, answers in self._workers.map(answer_shard, shards, memory=WORKER_BYTES):
            if isinstance(answers, Exception):
                raise answers
            yield number, answers


def answer_shard(shard: Shard) -> tuple[ChatResponse, ...] | tuple[ScoreResponse, ...]:
    """In a worker: the answers to a group, in order."""
    client = _loaded(shard.spec)
    if any(isinstance(request, ScoreRequest) for request in shard.requests):
        return tuple(answer for _, answer in client.score_many(cast(Sequence[ScoreRequest], shard.requests)))
    return tuple(answer for _, answer in client.complete_many(cast(Sequence[ChatRequest], shard.requests)))


@lru_cache(maxsize=1)
def _loaded(spec: str) -> Scorer:
    """The client of this process; its weights are loaded at its first request and kept."""
    return cast(Scorer, connect(spec))


def _groups(requests: Iterable[RequestT], size: int) -> list[list[RequestT]]:
    source = iter(requests)
    return list(iter(lambda: list(islice(source, size)), []))


def _in_order(groups: Sequence[Sequence[RequestT]], done: Iterator[tuple[int, tuple]]) -> Iterator[tuple]:
    waiting: dict[int, tuple] = {}
    awaited = 0
    for number, answers in done:
        waiting[number] = answers
        while awaited in waiting:
            yield from zip(groups[awaited], waiting.pop(awaited), strict=True)
            awaited += 1
