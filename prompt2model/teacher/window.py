"""How many requests may be under way at one endpoint: additive increase, multiplicative decrease.

Chiu and Jain, 1989, doi 10.1016/0169-7552(89)90019-6. How far a decrease goes follows DCTCP (Alizadeh et al., SIGCOMM
2010, doi 10.1145/1851182.1851192): in proportion to how many of the recent answers told of congestion. A single 429
among many answers costs little, a row of them halves again and again.
"""

from __future__ import annotations

_FIRST = 8
"""Requests at once before anything is known about the endpoint."""


class Window:
    """A number from 1 to `most`. It grows by one for a window of answers; before the first congestion, for each answer.

    The congestion of requests that were sent before the last decrease is that decrease's own and does not count again.
    Not safe under threads: its owner has the lock.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = float(min(_FIRST, most))
        self._congested = 0.0
        self._narrowed = float("-inf")

    @property
    def room(self) -> int:
        """How many requests may be under way: the nearest whole number."""
        return int(self.size + 0.5)

    def widen(self) -> None:
        """A request was answered."""
        self._note(0.0)
        untouched = self._narrowed == float("-inf")
        self.size = min(float(self.most), self.size + (1.0 if untouched else 1.0 / self.size))

    def narrow(self, sent: float, now: float) -> None:
        """A request that was sent at the time `sent` met with congestion."""
        self._note(1.0)
        if sent > self._narrowed:
            self._narrowed = now
            self.size = max(1.0, self.size * (1.0 - self._congested / 2.0))

    def _note(self, congested: float) -> None:
        """A moving mean over about as many answers as the window holds."""
        self._congested += (congested - self._congested) / max(self.size, 1.0)
