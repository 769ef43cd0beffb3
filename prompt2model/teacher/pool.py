"""Jobs that run in threads, as many as are needed at once; results in the order in which they finish."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Pool(Generic[T, R]):
    """Runs `function(item)` for every item that is put in. Put in and taken out by one thread.

    The threads are daemons: a person who interrupts does not wait for them.
    """

    def __init__(self, function: Callable[[T], R]) -> None:
        self.under_way = 0
        self._function = function
        self._todo: SimpleQueue[tuple[T] | None] = SimpleQueue()
        self._done: SimpleQueue[tuple[T, R | BaseException]] = SimpleQueue()
        self._threads = 0

    def put(self, item: T) -> None:
        """Begin with an item, in a thread that is free or a new one."""
        self.under_way += 1
        self._todo.put((item,))
        if self._threads < self.under_way:
            threading.Thread(target=self._work, daemon=True, name=f"teacher-{self._threads}").start()
            self._threads += 1

    def take(self, seconds: float | None) -> tuple[T, R | BaseException] | None:
        """An item that is done, with what came of it; None when none is within that time (None: no limit)."""
        try:
            done = self._done.get(timeout=seconds)
        except Empty:
            return None
        self.under_way -= 1
        return done

    def close(self) -> None:
        """Let the threads end when they have done what they have begun."""
        for _ in range(self._threads):
            self._todo.put(None)

    def _work(self) -> None:
        while (entry := self._todo.get()) is not None:
            (item,) = entry
            try:
                result: R | BaseException = self._function(item)
            except BaseException as error:
                result = error
            self._done.put((item, result))
