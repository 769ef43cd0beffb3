"""Calls that run at the same time in a fixed number of threads, over an iterator of any length."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_threads(
    function: Callable[[T], R], items: Iterable[T], workers: int, stop: threading.Event
) -> Iterator[tuple[T, R]]:
    """`(item, function(item))` in the order in which they finish; at most `workers` items are under way.

    Items are taken in the calling thread, one when another is done, so memory stays flat. When `function` or `items`
    raises, no further item is taken, what is under way is still finished and yielded, and then the error is raised.
    `stop` is set when the consumer walks away. The threads are daemons: a person who interrupts does not wait for them.
    """
    todo: SimpleQueue[tuple[T] | None] = SimpleQueue()
    done: SimpleQueue[tuple[T, R | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        while (entry := todo.get()) is not None:
            (item,) = entry
            try:
                result = function(item)
            except BaseException as error:
                done.put((item, None, error))
            else:
                done.put((item, result, None))

    source = iter(items)
    error: BaseException | None = None
    exhausted = False
    started = under_way = 0
    try:
        while True:
            while under_way < workers and not exhausted and error is None:
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                    break
                except Exception as raised:
                    error = raised
                    break
                todo.put((item,))
                under_way += 1
                if started < under_way:
                    threading.Thread(target=work, daemon=True, name=f"teacher-{started}").start()
                    started += 1
            if not under_way:
                break
            item, result, raised_in_thread = done.get()
            under_way -= 1
            if raised_in_thread is None:
                yield item, result  # type: ignore[misc]
            else:
                error = error or raised_in_thread
        if error is not None:
            raise error
    finally:
        if under_way:
            stop.set()
        for _ in range(started):
            todo.put(None)
