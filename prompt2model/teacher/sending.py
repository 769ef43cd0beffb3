"""One pass of requests over the endpoints: who is sent where and when, what is tried again, and when all stops.

All decisions are taken in the calling thread; the pool's threads only wait for answers. A request that was told to wait
holds no place meanwhile, and may go to another endpoint at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from prompt2model.errors import TeacherUnreachableError
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.endpoint import Endpoint
from prompt2model.teacher.gate import Pass
from prompt2model.teacher.openai_errors import RejectedError
from prompt2model.teacher.pool import Pool
from prompt2model.teacher.throttle import Attempts, RetryPolicy, TransientError
from prompt2model.teacher.tokens import most_tokens

_LOOK_AGAIN = 0.05
"""Seconds after which room is looked for again that another pass over the same endpoints may have left."""

Afford = Callable[[ChatRequest], bool]
Outcome = tuple[ChatRequest, ChatResponse, RejectedError | None]
"""A request, its answer or failure, and the endpoint's rejection where it is one: a failure `refused` then."""


class Call:
    """A request on its way to an answer."""

    def __init__(self, request: ChatRequest, attempts: Attempts, *, elsewhere: bool) -> None:
        self.request = request
        self._attempts = attempts
        self._elsewhere = elsewhere
        self._not_before: dict[Endpoint, float] = {}
        self._lost = 0
        self.failure = TransientError("unavailable", "nothing was sent")

    def may_go_to(self, endpoint: Endpoint, now: float) -> bool:
        """Whether this request has waited long enough for the endpoint."""
        return now >= self._not_before.get(endpoint, now)

    def earliest(self, endpoint: Endpoint) -> float:
        """When this request may go to the endpoint."""
        return max(self._not_before.get(endpoint, 0.0), endpoint.gate.opens_at())

    def failed(self, endpoint: Endpoint, error: TransientError, now: float) -> bool:
        """Take note of an attempt that failed. Whether there may be another."""
        self.failure = error
        self._lost += error.maybe_billed
        wait = self._attempts.wait_after(error, now, elsewhere=self._elsewhere)
        self._not_before[endpoint] = now + (wait or 0.0)
        return wait is not None

    def charged(self, response: ChatResponse) -> ChatResponse:
        """The response, with what earlier attempts may have cost."""
        if not self._lost:
            return response
        return replace(
            response,
            lost_prompt_tokens=self._lost * most_tokens(self.request.messages, self.request.schema),
            lost_completion_tokens=self._lost * self.request.max_tokens,
        )

    def given_up(self) -> ChatResponse:
        """The response of a request whose last attempt failed in a way that may pass."""
        return self.charged(ChatResponse("", failure=self.failure.kind, detail=self.failure.detail))


Jobs = Pool[tuple[Call, Endpoint, Pass], ChatResponse]


class Switchboard:
    """The endpoints that serve one model, and the calls that wait for room at one of them. Safe under threads."""

    def __init__(self, model: str, endpoints: Sequence[Endpoint], policy: RetryPolicy) -> None:
        self.model = model
        self.endpoints = tuple(endpoints)
        self.policy = policy
        # Jitter only spreads requests in time; no answer depends on it.
        self._jitter = random.Random(0)

    def call(self, request: ChatRequest) -> Call:
        """A call that begins now."""
        attempts = Attempts(self.policy, time.monotonic(), self._jitter)
        return Call(request, attempts, elsewhere=len(self.endpoints) > 1)

    def enter(self, call: Call | None = None) -> tuple[Endpoint, Pass] | None:
        """Leave to send the call (None: any new one) to the endpoint with most room; None where there is no room."""
        now = time.monotonic()
        for endpoint in sorted(self.endpoints, key=lambda one: -one.gate.free):
            if (call is None or call.may_go_to(endpoint, now)) and (given := endpoint.gate.enter(now)):
                return endpoint, given
        return None

    def wait_for(self, calls: Iterable[Call], *, a_new_one: bool) -> float:
        """Seconds until one of the calls, or a new one, may be sent as far as time decides; infinity if it does not."""
        times = [call.earliest(endpoint) for call in calls for endpoint in self.endpoints]
        if a_new_one:
            times += [endpoint.gate.opens_at() for endpoint in self.endpoints]
        return max(0.0, min(times, default=float("inf")) - time.monotonic())

    def nothing_left(self, failure: TransientError | None) -> TeacherUnreachableError | None:
        """The error that ends a run when every endpoint is lost, or asks for more patience than there is."""
        detail = failure.detail if failure is not None else "no answer"
        where = " and ".join(endpoint.address for endpoint in self.endpoints)
        if all(endpoint.gate.lost for endpoint in self.endpoints):
            return TeacherUnreachableError(
                f"{self.model} at {where} gives no answers any more ({detail}); everything made so far is kept; "
                "wait until it does, then resume"
            )
        pauses = [endpoint.gate.pause(time.monotonic()) for endpoint in self.endpoints if not endpoint.gate.lost]
        if min(pauses) > self.policy.patience:
            return TeacherUnreachableError(
                f"{self.model} at {where} asks to wait for {min(pauses) / 60:.0f} minutes ({detail}); everything made "
                "so far is kept; resume then"
            )
        return None

    def hope(self) -> None:
        """A new pass begins: where every endpoint was lost, each gets one more probe now."""
        if all(endpoint.gate.lost for endpoint in self.endpoints):
            for endpoint in self.endpoints:
                endpoint.gate.hope(time.monotonic())


class Sending:
    """Answers requests in the order in which answers arrive. Used once.

    When the requests or an endpoint raise, nothing more is sent: what is under way still ends, what waits fails with
    its last failure, and then the error is raised.
    """

    def __init__(self, switchboard: Switchboard, requests: Iterable[ChatRequest], afford: Afford) -> None:
        self._switchboard = switchboard
        self._source = iter(requests)
        self._afford = afford
        self._waiting: list[Call] = []
        self._most = sum(endpoint.gate.most for endpoint in switchboard.endpoints)
        """Requests that wait, at most; and those that are under way or answered and not yet handed on, at most."""
        self._exhausted = False
        self._error: BaseException | None = None
        switchboard.hope()

    @property
    def ending(self) -> bool:
        """Whether an error will be raised when what is under way has ended."""
        return self._error is not None

    def outcomes(self) -> Iterator[Outcome]:
        """Every request with its answer or its failure."""
        pool: Jobs = Pool(_attempt)
        try:
            while True:
                self._send(pool)
                if self._error is not None:
                    yield from ((call.request, call.given_up(), None) for call in self._waiting)
                    self._waiting.clear()
                if not pool.under_way and not self._waiting and (self._exhausted or self._error is not None):
                    break
                done = pool.take(self._patience(pool))
                if done is not None:
                    (call, endpoint, _), result = done
                    yield from self._ended(call, endpoint, result)
            if self._error is not None:
                raise self._error
        finally:
            pool.close()

    def _send(self, pool: Jobs) -> None:
        """Send what may be sent now: first what has waited, then new requests."""
        if self._error is None:
            self._error = self._switchboard.nothing_left(self._last_failure())
        for call in list(self._waiting):
            if self._error is None and pool.under_way < self._most and (place := self._switchboard.enter(call)):
                self._waiting.remove(call)
                pool.put((call, *place))
        # An answer that is not handed on keeps its place: what a kill can cost is never more than what fits.
        while self._takes_new and pool.under_way < self._most and (place := self._switchboard.enter()):
            request = self._next()
            if request is None:
                place[0].gate.withdraw(place[1])
                return
            pool.put((self._switchboard.call(request), *place))

    @property
    def _takes_new(self) -> bool:
        return self._error is None and not self._exhausted and len(self._waiting) < self._most

    def _next(self) -> ChatRequest | None:
        try:
            request = next(self._source, None)
        except Exception as error:
            self._error = error
            return None
        self._exhausted = request is None
        return request

    def _patience(self, pool: Jobs) -> float | None:
        """For how long nothing can be done but wait for answers; None where only an answer changes that."""
        if self._error is not None or pool.under_way >= self._most:
            return None
        seconds = self._switchboard.wait_for(self._waiting, a_new_one=self._takes_new)
        if seconds < float("inf"):
            return seconds
        # Without any request of this pass under way, the places are held by others.
        return None if pool.under_way else _LOOK_AGAIN

    def _ended(self, call: Call, endpoint: Endpoint, result: ChatResponse | BaseException) -> Iterator[Outcome]:
        if isinstance(result, TransientError):
            again = call.failed(endpoint, result, time.monotonic())
            if again and result.maybe_billed and self._error is None and not self._afford(call.request):
                yield call.request, call.charged(ChatResponse("", failure="over_budget", detail=result.detail)), None
            elif again:
                self._waiting.append(call)
            else:
                yield call.request, call.given_up(), None
        elif isinstance(result, RejectedError):
            yield call.request, call.charged(ChatResponse("", failure="refused", detail=result.detail)), result
        elif isinstance(result, BaseException):
            self._error = self._error or result
        else:
            yield call.request, call.charged(result), None

    def _last_failure(self) -> TransientError | None:
        return self._waiting[-1].failure if self._waiting else None


def _attempt(job: tuple[Call, Endpoint, Pass]) -> ChatResponse:
    call, endpoint, given = job
    return endpoint.gate.through(given, lambda: endpoint.attempt(call.request))
