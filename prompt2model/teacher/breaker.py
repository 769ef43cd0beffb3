"""A circuit breaker (Nygard, Release It!, 2007): an endpoint that keeps breaking down is left alone for a while."""

from __future__ import annotations

from prompt2model.teacher.throttle import RetryPolicy


class Breaker:
    """Closed: everything passes. Open: nothing does until the rest is over, then one request at a time, as a probe.

    Not safe under threads: its owner has the lock.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._in_a_row = 0
        self._failed_probes = 0
        self._rest_until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether the endpoint is left alone or probed."""
        return self._rest_until is not None

    @property
    def lost(self) -> bool:
        """Whether so many probes failed that nobody should wait for this endpoint alone."""
        return self._failed_probes >= self._policy.attempts

    def opens_at(self) -> float:
        """The time from which a request may pass: infinity while a probe is under way, the past where it is closed."""
        if self._rest_until is None:
            return float("-inf")
        return float("inf") if self._probing else self._rest_until

    def probe(self) -> bool:
        """A request passes now. Returns whether it is a probe."""
        self._probing = self.open
        return self.open

    def not_probed(self) -> None:
        """The probe was not sent after all."""
        self._probing = False

    def alive(self) -> None:
        """The endpoint showed a sign of life."""
        self._in_a_row = self._failed_probes = 0
        self._rest_until, self._probing = None, False

    def broke_down(self, now: float, *, probe: bool) -> None:
        """A request met with a breakdown."""
        self._in_a_row += 1
        if probe:
            self._failed_probes += 1
            self.leave_alone(now)
        elif not self.open and self._in_a_row >= self._policy.breakdowns:
            self.leave_alone(now)

    def leave_alone(self, now: float) -> None:
        """Open, for as long as the failed probes call for."""
        self._rest_until, self._probing = now + self._policy.rest(self._failed_probes), False

    def hope(self, now: float) -> None:
        """Let one more probe pass now, and be lost again if it fails."""
        self._failed_probes = min(self._failed_probes, self._policy.attempts - 1)
        self._rest_until, self._probing = now, False
