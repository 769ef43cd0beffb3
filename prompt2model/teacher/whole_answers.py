"""A limit for the whole of an answer, beside the limit for each silence: bytes that drip would go on for ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx2


class _Timed(httpx2.SyncByteStream):
    """The bytes of an answer until a time, by the monotonic clock."""

    def __init__(self, inner: httpx2.SyncByteStream, until: float) -> None:
        self._inner, self._until = inner, until

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            if time.monotonic() > self._until:
                raise httpx2.ReadTimeout("the answer does not come to an end")
            yield piece

    def close(self) -> None:
        self._inner.close()


def within(seconds: float) -> Callable[[httpx2.Response], None]:
    """A hook for responses: their bytes have to arrive within so many seconds. Else ReadTimeout is raised."""

    def hook(response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Timed(response.stream, time.monotonic() + seconds)

    return hook
