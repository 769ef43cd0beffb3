"""A client that is interrupted, as by Ctrl+C."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prompt2model.teacher import ChatRequest, ChatResponse, LedgerClient


class Interrupted(LedgerClient):
    """Is interrupted after `most` answers."""

    most = 10**9

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """The answers of the ledger and the endpoint."""
        for pair in super().complete_many(requests):
            if not self.most:
                raise KeyboardInterrupt
            self.most -= 1
            yield pair
