"""Shards of given inputs that a cluster answers ahead of their turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from prompt2model.component import RunContext
from prompt2model.console import SilentProgress
from prompt2model.dataset_generator.config import DatasetGeneratorConfig
from prompt2model.dataset_generator.input_labellers import Labels, input_labeller, labellers
from prompt2model.records import Example, Rows, TaskSpec
from prompt2model.teacher.client import spreads_groups

_MOST_AHEAD = 64
"""Shards under way at once, however large the cluster is."""


@dataclass(frozen=True, slots=True)
class _Ahead:
    shard: list[Example]
    inputs: frozenset[str]
    asking: Future[None]


def asked_ahead(
    shards: Iterator[list[Example]],
    unlabelled: Rows,
    task: TaskSpec,
    config: DatasetGeneratorConfig,
    context: RunContext,
) -> Iterator[list[Example]]:
    """The shards in order. While the caller labels one, the next ones are labelled too, for the ledger's sake only.

    When their turn comes the caller finds all answers there. So rows, counts, and which requests were computed
    together are those of one shard after the other: the first shard is left to the caller, with what all shards share,
    and one that has an input in common with a shard under way waits for it. Where asking ahead fails (a budget that
    does not cover what is under way together), the caller goes on alone.

    Without a cluster, or with a teacher that is no work for it, the shards are passed on.
    """
    clients = labellers(context.teachers).values()
    if not context.workers.distributed or not all(map(spreads_groups, clients)):
        yield from shards
        return
    first = next(shards, None)
    if first is None:
        return
    yield first
    quiet = replace(context, progress=SilentProgress())
    free: SimpleQueue[Labels] = SimpleQueue()

    def ask(shard: Sequence[Example]) -> None:
        try:
            labeller = free.get_nowait()
        except Empty:
            labeller = input_labeller(unlabelled, task, config, quiet)
        for _ in labeller.label(shard):
            pass
        free.put(labeller)

    width = min(_MOST_AHEAD, context.workers.size + 1)
    pool = ThreadPoolExecutor(width, thread_name_prefix="labelling ahead")
    try:
        yield from _in_turn(shards, pool, ask, width)
    finally:
        # Not waited for: what is under way ends with the cluster.
        pool.shutdown(wait=False, cancel_futures=True)


def _in_turn(
    shards: Iterator[list[Example]], pool: ThreadPoolExecutor, ask: Callable[[Sequence[Example]], None], width: int
) -> Iterator[list[Example]]:
    ahead: deque[_Ahead] = deque()
    held: list[list[Example]] = []

    def fill() -> None:
        while len(ahead) < width:
            shard = held.pop() if held else next(shards, None)
            if shard is None:
                return
            inputs = frozenset(row.input for row in shard)
            if any(inputs & other.inputs for other in ahead):
                held.append(shard)
                return
            ahead.append(_Ahead(shard, inputs, pool.submit(ask, shard)))

    fill()
    while ahead:
        turn = ahead.popleft()
        if turn.asking.exception() is not None:
            wait([other.asking for other in ahead])
            yield turn.shard
            yield from (other.shard for other in ahead)
            yield from held
            yield from shards
            return
        fill()
        yield turn.shard
