"""Whether a request may be sent to one endpoint now: its window, its breaker, and the pause that it asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from prompt2model.teacher.breaker import Breaker
from prompt2model.teacher.throttle import RetryPolicy, TransientError
from prompt2model.teacher.window import Window

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to send one request, given at the time `sent`; a `probe` tries whether a broken endpoint is back."""

    sent: float
    probe: bool


class Gate:
    """Lets requests through to one endpoint. Times are seconds of a clock that only goes forward. Thread-safe."""

    def __init__(self, most: int, policy: RetryPolicy) -> None:
        self.most = most
        self._window = Window(most)
        self._breaker = Breaker(policy)
        self._paused_until = float("-inf")
        self._under_way = 0
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        """How many more requests the window has room for."""
        with self._lock:
            return self._window.room - self._under_way

    @property
    def window(self) -> float:
        """The present size of the window."""
        with self._lock:
            return self._window.size

    @property
    def left_alone(self) -> bool:
        """Whether the endpoint broke down, or never answered, and is only probed."""
        with self._lock:
            return self._breaker.open

    @property
    def lost(self) -> bool:
        """Whether the endpoint broke down so often that nobody should wait for it alone."""
        with self._lock:
            return self._breaker.lost

    def opens_at(self) -> float:
        """When a request may pass, as far as time decides; infinity where an answer has to come first."""
        with self._lock:
            return self._opens_at()

    def enter(self, now: float) -> Pass | None:
        """Leave to send a request now, or None. Each is given back with `leave`."""
        with self._lock:
            if now < self._opens_at():
                return None
            self._under_way += 1
            return Pass(now, self._breaker.probe())

    def withdraw(self, given: Pass) -> None:
        """Nothing was sent after all."""
        with self._lock:
            self._under_way -= 1
            if given.probe:
                self._breaker.not_probed()

    def through(self, given: Pass, send: Callable[[], T]) -> T:
        """What `send` gives, with the gate told how it went."""
        failure: TransientError | None = None
        try:
            return send()
        except TransientError as error:
            failure = error
            raise
        finally:
            self.leave(given, time.monotonic(), failure)

    def leave(self, given: Pass, now: float, error: TransientError | None = None) -> None:
        """A request that had been let through has ended, with `error` where it may be tried again.

        A wait that the endpoint asks for (`Retry-After`) holds for all requests to it, not only for the one that is
        told so.
        """
        with self._lock:
            self._under_way -= 1
            if error is None:
                self._window.widen()
                self._breaker.alive()
                return
            if error.congested:
                self._window.narrow(given.sent, now)
            if error.retry_after is not None:
                self._paused_until = max(self._paused_until, now + error.retry_after)
            if error.kind == "rate_limited":
                self._breaker.alive()
            else:
                self._breaker.broke_down(now, probe=given.probe)

    def leave_alone(self, now: float) -> None:
        """Nothing answers there: begin with a rest."""
        with self._lock:
            self._breaker.leave_alone(now)

    def hope(self, now: float) -> None:
        """One more probe, now, although the endpoint is lost."""
        with self._lock:
            self._breaker.hope(now)

    def pause(self, now: float) -> float:
        """Seconds for which the endpoint asked to be left alone."""
        with self._lock:
            return max(0.0, self._paused_until - now)

    def _opens_at(self) -> float:
        if self._under_way >= self._window.room:
            return float("inf")
        return max(self._paused_until, self._breaker.opens_at())
