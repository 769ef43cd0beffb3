"""Any endpoint that speaks the chat completions protocol: OpenAI, vLLM, Ollama, llama.cpp, `transformers serve`.

A request goes to `endpoint.py` for one attempt; `sending.py` decides which, where and when; `throttle.py` holds the one
retry policy.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from functools import partial

from prompt2model.errors import ConfigError, TeacherError, TeacherKeyError, TeacherUnreachableError
from prompt2model.teacher.address import checked_urls, is_loopback
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.endpoint import OPENAI_URL, Endpoint
from prompt2model.teacher.gate import Pass
from prompt2model.teacher.openai_errors import EndpointNames, RejectedError, rejection
from prompt2model.teacher.sending import Afford, Call, Sending, Switchboard
from prompt2model.teacher.throttle import RetryPolicy, TransientError

KEY_VARIABLE = "OPENAI_API_KEY"
_SILENT = ("rate_limited", "unavailable")
"""Failures by which an endpoint says nothing about the request."""
_LONGEST_SLEEP = 0.05
"""Seconds after which a stream looks for the room that others leave."""


class OpenAICompatibleClient:
    """Asks an endpoint, or several that serve the same model: an item goes to whichever has room.

    At most `concurrency` requests are under way at each; how many at a time follows from how it answers. In each
    attempt it may be silent for `timeout` seconds, and the whole answer may take five times as long. Answers are filed
    under the first address, whichever gave them.
    The key is read from the environment variable `key_variable` and may be missing for addresses on this machine, and
    with `needs_key` False, where nothing will be asked.
    Where a reasoning model refuses `temperature`, TeacherRequestError says so: leaving it out in silence would change
    what the data are. Stop texts that the endpoint does not take are cut here, which gives the same text.
    An endpoint has no way to continue an assistant's turn that every server shares: the turn is sent as the last
    message, and where the answer repeats it, the repetition is taken off.

    Raises ConfigError for an address that is none, TeacherKeyError where a key is needed and missing.
    """

    batch_size = 1
    asks_again = True

    def __init__(
        self,
        name: str,
        base_url: str | Sequence[str] | None = None,
        *,
        concurrency: int = 8,
        timeout: float = 120.0,
        key_variable: str = KEY_VARIABLE,
        needs_key: bool = True,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.name = name
        self.model = f"openai:{name}"
        self.base_urls = checked_urls(base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        self.base_url = self.base_urls[0]
        if concurrency < 1:
            raise ConfigError(f"concurrency is {concurrency}; give a number of at least 1")
        self.concurrency = concurrency
        far = next((url for url in self.base_urls if not is_loopback(url)), None)
        key = _key(key_variable, needed=needs_key and far is not None, address=far or self.base_url)
        policy = policy or RetryPolicy()
        self._endpoints = tuple(
            Endpoint(
                name,
                EndpointNames(self.model, url, key, key_variable),
                key,
                concurrency=concurrency,
                timeout=timeout,
                policy=policy,
            )
            for url in self.base_urls
        )
        self._switchboard = Switchboard(self.model, self._endpoints, policy)
        self._reached = False
        self._answered = False
        self._silent_in_a_row = 0

    def __repr__(self) -> str:
        return f"OpenAICompatibleClient({self.name!r}, {', '.join(map(repr, self.base_urls))})"

    @property
    def identity(self) -> str:
        """What answers are filed under: two servers may give different models the same name."""
        return self.model if self.base_url == OPENAI_URL else f"{self.model} at {self.base_url}"

    @property
    def silent_addresses(self) -> tuple[str, ...]:
        """Of several addresses, those that do not answer now."""
        if len(self._endpoints) == 1:
            return ()
        return tuple(endpoint.address for endpoint in self._endpoints if endpoint.gate.left_alone)

    def complete_many(
        self, requests: Iterable[ChatRequest], afford: Afford = lambda request: True
    ) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests in the order in which answers arrive.

        Failures are held back until the endpoint has answered anything at all, and are errors where it never does.
        `afford` is asked before a request is sent again whose answer was lost on the way, and may have to be paid all
        the same; where it says no, the request fails as `over_budget`.
        """
        held: list[tuple[ChatRequest, ChatResponse]] = []
        last: ChatResponse | RejectedError | None = None
        sending = Sending(self._switchboard, self._checked(requests), afford)
        try:
            for request, response, rejected in sending.outcomes():
                if rejected is not None and rejected.parameter is not None:
                    raise rejection(rejected)
                if response.failure == "over_budget":
                    yield request, response
                    continue
                if rejected is None and response.failure not in _SILENT:
                    self._answered, self._silent_in_a_row = True, 0
                else:
                    # Once others are answered, a rejection is this item's own matter; silence never is.
                    self._silent_in_a_row += not (rejected is not None and self._answered)
                    last = rejected or response
                held.append((request, response))
                if self._answered:
                    yield from held
                    held.clear()
                if last is not None and self._too_silent and not sending.ending:
                    raise self._gives_nothing(last)
            if held and last is not None:
                raise self._gives_nothing(last)
        except TeacherError:
            # These are no answers, whatever comes: how they ended has to be known where costs are counted.
            yield from (pair for pair in held if pair[1].failure in _SILENT)
            raise

    def stream(self, request: ChatRequest, afford: Afford = lambda request: True) -> Generator[str, None, ChatResponse]:
        """The answer piece by piece, as the endpoint sends it. Tried again only before the first piece.

        `afford` as for `complete_many`; where it says no, TeacherUnreachableError is raised.
        """
        self._check_reachable()
        self._switchboard.hope()
        call = self._switchboard.call(request)
        try:
            pieces = self._opened(call, afford)
            return call.charged((yield from pieces))
        except TransientError as error:
            raise TeacherUnreachableError(
                f"{self.model} at {self._where} gave no whole answer ({error.detail}); try again later"
            ) from None
        except RejectedError as error:
            raise rejection(error) from None

    def _opened(self, call: Call, afford: Afford) -> Generator[str, None, ChatResponse]:
        """A stream whose first piece is there. Raises TransientError when no further attempt may be made."""
        while True:
            endpoint, given = self._place(call)
            try:
                return endpoint.gate.through(given, partial(endpoint.open_stream, call.request))
            except TransientError as error:
                again = call.failed(endpoint, error, time.monotonic())
                if not again or (error.maybe_billed and not afford(call.request)):
                    raise

    def _place(self, call: Call) -> tuple[Endpoint, Pass]:
        """Leave to send the call, as soon as there is room."""
        while (place := self._switchboard.enter(call)) is None:
            nothing = self._switchboard.nothing_left(call.failure)
            if nothing is not None:
                raise nothing
            time.sleep(min(_LONGEST_SLEEP, self._switchboard.wait_for([call], a_new_one=False)))
        return place

    def _checked(self, requests: Iterable[ChatRequest]) -> Iterator[ChatRequest]:
        for request in requests:
            self._check_reachable()
            yield request

    def _check_reachable(self) -> None:
        """One quick look at each address before the first request, so that a wrong one is not retried for minutes.

        Of several, those where nothing answers are left alone for now.
        """
        if self._reached:
            return
        missing = {endpoint: why for endpoint in self._endpoints if (why := endpoint.missing()) is not None}
        if len(missing) == len(self._endpoints):
            where = " and ".join(f"{endpoint.address} ({why})" for endpoint, why in missing.items())
            raise TeacherUnreachableError(f"nothing answers at {where}; start the server or correct --base-url")
        for endpoint in missing:
            endpoint.gate.leave_alone(time.monotonic())
        self._reached = True

    @property
    def _where(self) -> str:
        return " and ".join(self.base_urls)

    @property
    def _too_silent(self) -> bool:
        return self._silent_in_a_row >= max(self.concurrency * len(self._endpoints), 3)

    def _gives_nothing(self, outcome: ChatResponse | RejectedError) -> TeacherError:
        if isinstance(outcome, RejectedError):
            return rejection(outcome)
        what, advice = "gave no answer to any request", "check that it serves chat completions there"
        if outcome.failure == "rate_limited":
            what, advice = "tells every request to wait", "everything made so far is kept; wait, or raise its limit"
        elif self._answered:
            what, advice = "gives no answers any more", "everything made so far is kept; wait until it does"
        return TeacherUnreachableError(
            f"{self.model} at {self._where} {what} ({outcome.detail}); {advice}, then resume"
        )


def _key(variable: str, needed: bool, address: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key and needed:
        raise TeacherKeyError(
            f"{address} needs a key and {variable} is not set; set it (export {variable}=...), "
            "or use --teacher embedded, which needs none"
        )
    if not key.isascii() or any(character.isspace() for character in key):
        raise TeacherKeyError(f"the key in {variable} holds characters that no key has; set it again")
    return key
