"""The one retry policy: what is tried again, how often, and how long it waits.

Exponential backoff with jitter over the upper half of the interval ("equal jitter"); a `Retry-After` of the endpoint is
honoured instead.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of one request's attempts. Times in seconds.

    `attempts` bounds how often an endpoint may break down on the request. Being told to wait (429) is no breakdown:
    there only `patience`, the total time for waiting, is the bound.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    patience: float = 300.0


class TransientError(Exception):
    """An attempt failed in a way that may pass. Never leaves the teacher room."""

    def __init__(
        self,
        kind: Literal["rate_limited", "unavailable"],
        detail: str,
        *,
        retry_after: float | None = None,
        answered: bool = True,
        maybe_billed: bool = False,
    ) -> None:
        super().__init__(detail)
        self.kind: Literal["rate_limited", "unavailable"] = kind
        self.detail = detail
        self.retry_after = retry_after
        self.answered = answered
        """Whether anything answered at the address."""
        self.maybe_billed = maybe_billed
        """Whether the answer may have been computed, and billed, before the attempt failed."""


class Throttle:
    """Repeats an attempt until it works or the policy says stop. Safe under threads."""

    def __init__(
        self,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
    ) -> None:
        self.policy = policy or RetryPolicy()
        self._sleep = sleep
        self._clock = clock
        # Jitter only spreads requests in time; no answer depends on it.
        self._random = random.Random(seed)

    def call(
        self,
        attempt: Callable[[], T],
        *,
        stop: threading.Event | None = None,
        on_failure: Callable[[TransientError], None] | None = None,
    ) -> T:
        """The result of `attempt`. Raises its last TransientError when the policy's limits or `stop` are reached."""
        start = self._clock()
        breakdowns = waits = 0
        while True:
            try:
                return attempt()
            except TransientError as error:
                if on_failure is not None:
                    on_failure(error)
                breakdowns += error.kind == "unavailable"
                wait = self._wait(waits, error.retry_after)
                waits += 1
                out_of_time = self._clock() - start + wait > self.policy.patience
                if breakdowns >= self.policy.attempts or out_of_time or (stop is not None and stop.is_set()):
                    raise
                self._pause(wait, stop)

    def _wait(self, waits: int, retry_after: float | None) -> float:
        ceiling = min(self.policy.longest_wait, self.policy.first_wait * 2.0 ** min(waits, 30))
        jitter = self._random.random()
        if retry_after is not None:
            # A little more than asked, so that those told to wait alike do not all come back at once.
            return retry_after + jitter * min(self.policy.first_wait, 0.1 * retry_after)
        return ceiling * (0.5 + 0.5 * jitter)

    def _pause(self, seconds: float, stop: threading.Event | None) -> None:
        if self._sleep is not None:
            self._sleep(seconds)
        elif stop is not None:
            stop.wait(seconds)
        else:
            time.sleep(seconds)
