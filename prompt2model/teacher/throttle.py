"""The one retry policy: what is tried again, how often, how long it waits, and when an endpoint is left alone.

Exponential backoff with jitter over the upper half of the interval ("equal jitter"); a `Retry-After` of the endpoint is
honoured instead.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of one request's attempts and of one endpoint's breakdowns. Times in seconds.

    `attempts` bounds how often an endpoint may break down on one request. Being told to wait (429) is no breakdown:
    there only `patience`, the total time for waiting, is the bound.
    `breakdowns` in a row, of whatever requests, and the endpoint is left alone for `first_rest`; then one request is
    sent as a probe. Each probe that fails doubles the rest; after `attempts` of them the endpoint counts as lost.
    """

    attempts: int = 6
    first_wait: float = 0.5
    longest_wait: float = 30.0
    patience: float = 300.0
    breakdowns: int = 5
    first_rest: float = 1.0

    def wait(self, waits: int, retry_after: float | None, jitter: float) -> float:
        """Seconds before the next attempt, after `waits` earlier waits; `jitter` in [0, 1)."""
        if retry_after is not None:
            # A little more than asked, so that those told to wait alike do not all come back at once.
            return retry_after + jitter * min(self.first_wait, 0.1 * retry_after)
        return self._doubled(self.first_wait, waits) * (0.5 + 0.5 * jitter)

    def rest(self, failed_probes: int) -> float:
        """Seconds for which a broken endpoint is left alone."""
        return self._doubled(self.first_rest, failed_probes)

    def _doubled(self, first: float, times: int) -> float:
        return min(self.longest_wait, first * 2.0 ** min(times, 30))


class TransientError(Exception):
    """An attempt failed in a way that may pass. Never leaves the teacher room."""

    def __init__(
        self,
        kind: Literal["rate_limited", "unavailable"],
        detail: str,
        *,
        retry_after: float | None = None,
        congested: bool | None = None,
        maybe_billed: bool = False,
    ) -> None:
        super().__init__(detail)
        self.kind: Literal["rate_limited", "unavailable"] = kind
        self.detail = detail
        self.retry_after = retry_after
        self.congested = kind == "rate_limited" if congested is None else congested
        """Whether fewer requests at a time may help: told to wait, overloaded, or not answered in time."""
        self.maybe_billed = maybe_billed
        """Whether the answer may have been computed, and billed, before the attempt failed."""


class Attempts:
    """The attempts of one request so far. `now` is any clock that only goes forward, in seconds."""

    def __init__(self, policy: RetryPolicy, now: float, jitter: random.Random) -> None:
        self._policy = policy
        self._start = now
        self._jitter = jitter
        self._breakdowns = self._waits = 0

    def wait_after(self, error: TransientError, now: float, *, elsewhere: bool = False) -> float | None:
        """Seconds to wait before trying again there; None when the policy's limits are reached.

        With `elsewhere` another endpoint can be asked meanwhile, so that a long wait at one ends nothing.
        """
        self._breakdowns += error.kind == "unavailable"
        wait = self._policy.wait(self._waits, error.retry_after, self._jitter.random())
        self._waits += 1
        out_of_time = now - self._start + (0.0 if elsewhere else wait) > self._policy.patience
        return None if self._breakdowns >= self._policy.attempts or out_of_time else wait
