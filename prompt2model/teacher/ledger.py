"""A client that asks the ledger first, and enters every answer there before anybody sees it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from prompt2model.errors import (
    BudgetExceededError,
    TeacherError,
    TeacherKeyError,
    TeacherRequestError,
    TeacherUnreachableError,
)
from prompt2model.teacher.address import addresses
from prompt2model.teacher.client import (
    ChatClient,
    ChatRequest,
    ChatResponse,
    Scorer,
    ScoreRequest,
    ScoreResponse,
    asks_again,
    is_scorer,
    spreads_groups,
)
from prompt2model.teacher.ledger_file import Account, Answer, Charge, Ledger, Settlement
from prompt2model.teacher.prices import Prices
from prompt2model.teacher.tokens import likely_prompt_tokens, likely_tokens, most_tokens

if TYPE_CHECKING:
    from prompt2model.teacher.budget import Budget

_ASIDE = 256
"""Known answers held while the endpoint works on unknown ones, at most."""
_MAY_PASS = ("rate_limited", "unavailable", "over_budget")
"""Failures that are no answer: asked again on resume."""

RequestT = TypeVar("RequestT", ChatRequest, ScoreRequest)


class LedgerClient:
    """`inner` behind a ledger and, where given, a budget. Calls are counted under `step` and `role`.

    A client that computes groups (`batch_size` above 1) gets the unknown members of each slice of `batch_size` requests
    together, and their answers are stored in one transaction: a killed run meets the same groups again, and so the
    same rounding. One that computes several groups at once gets the very same ones. An endpoint's answers are stored
    one by one as they arrive. Equal requests are asked once.

    `answered` counts the answers that came from the client inside rather than from the ledger.

    Raises PriceUnknownError for a budget in money without a price; while asking, BudgetExceededError before the first
    call that does not fit, after everything under way was stored and yielded.
    """

    def __init__(
        self,
        inner: ChatClient,
        ledger: Ledger,
        *,
        step: str,
        role: str = "teacher",
        budget: Budget | None = None,
        prices: Prices | None = None,
    ) -> None:
        self.inner = inner
        self.model = inner.model
        self.batch_size = inner.batch_size
        self.score_batch_size: int = getattr(inner, "score_batch_size", inner.batch_size)
        self.answered = 0
        self._ledger = ledger
        self._budget = budget
        self._account = Account(step, role, inner.model)
        self._identity: str = getattr(inner, "identity", inner.model)
        known = budget.prices if budget is not None else prices or Prices()
        self._price = known.need(inner) if budget and budget.limit.money is not None else known.find(inner)

    @property
    def can_score(self) -> bool:
        """Whether the client inside is a Scorer."""
        return is_scorer(self.inner)

    @property
    def spreads_groups(self) -> bool:
        """Whether the client inside computes several groups at once."""
        return spreads_groups(self.inner)

    @property
    def base_urls(self) -> tuple[str, ...]:
        """The addresses of the endpoint inside, if it is one."""
        return addresses(self.inner)

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests: known ones from the ledger, the others by the client inside."""
        return self._in_groups(requests, self.batch_size) if self.batch_size > 1 else self._one_by_one(requests)

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer piece by piece; a known one in one piece. It is stored when it is whole."""
        key = request.key(self._identity)
        known = self._ledger.find([key]).get(key)
        if isinstance(known, ChatResponse):
            self._ledger.count_reused(self._account, 1)
            if known.failure is not None:
                raise TeacherError(f"{self.model} gave no answer ({known.failure}: {known.detail}); change the input")
            yield known.text
            return known
        calls = [self._begin({key: request})[key]]
        over_budget: BudgetExceededError | None = None

        def afford(request: ChatRequest) -> bool:
            nonlocal over_budget
            try:
                calls.append(self._begin({key: request})[key])
            except BudgetExceededError as error:
                over_budget = error
            return over_budget is None

        pieces: list[str] = []
        try:
            inner = self.inner.stream(request, afford) if asks_again(self.inner) else self.inner.stream(request)
            while True:
                try:
                    piece = next(inner)
                except StopIteration as end:
                    response = cast(ChatResponse, end.value)
                    break
                pieces.append(piece)
                yield piece
        except GeneratorExit:
            # Somebody walked away: what was said so far is paid, and is no whole answer.
            text = "".join(pieces)
            said = ChatResponse(text, "stop", likely_prompt_tokens(request.messages), likely_tokens(text))
            self._ledger.settle(self._account, [Settlement(calls[-1:], key, said, self._charge(said), keep=False)])
            self._ledger.abandon(calls[:-1], maybe_billed=True)
            raise
        except BaseException as error:
            self._give_up(calls, error)
            if over_budget is not None:
                raise over_budget from None
            raise
        return cast(ChatResponse, self._settle([(calls, key, response)])[key])

    def score_many(self, requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
        """Score the answers of all requests, `score_batch_size` together. Raises TypeError where the inside cannot."""
        if not self.can_score:
            raise TypeError(f"{self.model} cannot score answers; ask is_scorer(client) first")
        return self._in_groups(requests, self.score_batch_size)

    def _in_groups(self, requests: Iterable[RequestT], size: int) -> Iterator[tuple[RequestT, Any]]:
        if self.spreads_groups:
            yield from self._groups_at_once(requests, size)
            return
        source = iter(requests)
        while group := list(islice(source, size)):
            keys = [request.key(self._identity) for request in group]
            answers = self._ledger.find(keys)
            unknown = _first_of_equals(keys, group, answers)
            if unknown:
                answers |= self._ask_together(unknown)
            self._ledger.count_reused(self._account, len(group) - len(unknown))
            for key, request in zip(keys, group, strict=True):
                yield request, answers[key]

    def _groups_at_once(self, requests: Iterable[RequestT], size: int) -> Iterator[tuple[RequestT, Any]]:
        """As one group after the other: in order, each with what no group before it asks. Many are under way."""
        source = iter(requests)
        held: list[list[RequestT]] = []
        taken: deque[list[tuple[str, RequestT]]] = deque()
        answers: dict[str, Answer] = {}
        calls: dict[str, int] = {}
        sent: list[list[str]] = []
        exhausted = False

        def look(group: list[RequestT]) -> tuple[list[str], dict[str, RequestT]]:
            keys = [request.key(self._identity) for request in group]
            answers.update(self._ledger.find([key for key in keys if key not in answers]))
            return keys, _first_of_equals(keys, group, answers.keys() | calls.keys())

        def accept(group: list[RequestT], keys: list[str], unknown: dict[str, RequestT]) -> None:
            taken.append(list(zip(keys, group, strict=True)))
            self._ledger.count_reused(self._account, len(group) - len(unknown))

        def to_send() -> Iterator[list[RequestT]]:
            """Groups to compute. Ends early where the budget needs those under way to settle."""
            nonlocal exhausted
            while group := list(islice(source, size)):
                keys, unknown = look(group)
                if unknown:
                    try:
                        calls.update(self._begin(unknown))
                    except BudgetExceededError:
                        held.append(group)
                        return
                accept(group, keys, unknown)
                if unknown:
                    sent.append(list(unknown))
                    yield list(unknown.values())
            exhausted = True

        def done() -> Iterator[tuple[RequestT, Answer]]:
            while taken and all(key in answers for key, _ in taken[0]):
                for key, request in taken.popleft():
                    yield request, answers[key]

        try:
            while not exhausted:
                sent.clear()
                for number, responses in self._ask_groups(to_send()):
                    keys = sent[number]
                    ended = [([calls[key]], key, answer) for key, answer in zip(keys, responses, strict=True)]
                    answers.update(self._settle(ended))
                    for key in keys:
                        del calls[key]
                    yield from done()
                yield from done()
                while held:
                    group = held.pop()
                    keys, unknown = look(group)
                    answers.update(self._ask_together(unknown) if unknown else {})
                    accept(group, keys, unknown)
                    yield from done()
        except BaseException as error:
            self._ledger.abandon(list(calls.values()), maybe_billed=_maybe_billed(error))
            raise

    def _ask_groups(self, groups: Iterator[list[RequestT]]) -> Iterator[tuple[int, Sequence[Answer]]]:
        """The answers of the client inside, by the kind of the first group."""
        first = next(groups, None)
        if first is None:
            return iter(())
        inner: Any = self.inner
        scored = isinstance(first[0], ScoreRequest)
        return (inner.score_groups if scored else inner.complete_groups)(chain([first], groups))

    def _ask_together(self, unknown: dict[str, RequestT]) -> dict[str, Answer]:
        """The answers to a group, or to its halves one after the other where the budget does not cover it at once."""
        try:
            calls = self._begin(unknown)
        except BudgetExceededError:
            if len(unknown) == 1:
                raise
            pairs = list(unknown.items())
            half = len(pairs) // 2
            return self._ask_together(dict(pairs[:half])) | self._ask_together(dict(pairs[half:]))
        try:
            ask: Any = self.inner.complete_many
            if any(isinstance(request, ScoreRequest) for request in unknown.values()):
                ask = cast(Scorer, self.inner).score_many
            arrived = list(ask(list(unknown.values())))
            ended = [(request.key(self._identity), answer) for request, answer in arrived]
            return self._settle([([calls[key]], key, answer) for key, answer in ended])
        except BaseException as error:
            self._ledger.abandon(list(calls.values()), maybe_billed=_maybe_billed(error))
            raise

    def _one_by_one(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        source = iter(requests)
        calls: dict[str, list[int]] = {}
        waiting: dict[str, list[ChatRequest]] = {}
        aside: deque[tuple[ChatRequest, ChatResponse]] = deque()
        held: list[ChatRequest] = []
        over_budget: BudgetExceededError | None = None
        exhausted = False
        reused = 0

        def unknown() -> Iterator[ChatRequest]:
            """The requests to send. Ends early where known answers pile up, or the budget needs calls to settle."""
            nonlocal exhausted, over_budget, reused
            while len(aside) < _ASIDE:
                request = held.pop() if held else next(source, None)
                if request is None:
                    exhausted = True
                    return
                key = request.key(self._identity)
                if key in waiting:
                    waiting[key].append(request)
                    reused += 1
                    continue
                known = self._ledger.find([key]).get(key)
                if known is not None:
                    aside.append((request, cast(ChatResponse, known)))
                    reused += 1
                    continue
                if not afford(request):
                    held.append(request)
                    return
                waiting[key] = [request]
                yield request

        def afford(request: ChatRequest) -> bool:
            """Reserve one attempt more."""
            nonlocal over_budget
            key = request.key(self._identity)
            try:
                calls.setdefault(key, []).append(self._begin({key: request})[key])
            except BudgetExceededError as error:
                over_budget = error
                return False
            return True

        try:
            while not exhausted or held:
                sent = False
                for request, response in self._ask(unknown(), afford):
                    sent = True
                    key = request.key(self._identity)
                    answer = self._settle([(calls.pop(key), key, response)])[key]
                    askers = waiting.pop(key)
                    if answer.failure == "over_budget":
                        # What was lost is charged; with the calls under way settled, another attempt may fit.
                        held += askers
                        continue
                    for asker in askers:
                        yield asker, cast(ChatResponse, answer)
                    while aside:
                        yield aside.popleft()
                while aside:
                    yield aside.popleft()
                if over_budget is not None and not sent:
                    raise over_budget
                over_budget = None
        except BaseException as error:
            for under_way in calls.values():
                self._give_up(under_way, error)
            raise
        finally:
            self._ledger.count_reused(self._account, reused)

    def _ask(
        self, requests: Iterable[ChatRequest], afford: Callable[[ChatRequest], bool]
    ) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        if asks_again(self.inner):
            return self.inner.complete_many(requests, afford)
        return self.inner.complete_many(requests)

    def _give_up(self, calls: Sequence[int], error: BaseException) -> None:
        """Abandon the attempts at one request, of which all but the last were lost on the way."""
        self._ledger.abandon(calls[:-1], maybe_billed=True)
        self._ledger.abandon(calls[-1:], maybe_billed=_maybe_billed(error))

    def _begin(self, requests: dict[str, RequestT]) -> dict[str, int]:
        reservations = {}
        for key, request in requests.items():
            schema = request.schema if isinstance(request, ChatRequest) else ""
            prompt = most_tokens(request.messages, schema)
            answer = request.max_tokens if isinstance(request, ChatRequest) else 0
            if isinstance(request, ScoreRequest):
                prompt += sum(len(text.encode("utf-8", "surrogatepass")) for text in request.answers)
            money = self._price.of(prompt, answer) if self._price is not None else None
            reservations[key] = Charge(prompt, answer, money)
        return self._ledger.begin(self._account, reservations, self._budget)

    def _settle(self, ended: Sequence[tuple[Sequence[int], str, Answer]]) -> dict[str, Answer]:
        self.answered += len(ended)
        return self._ledger.settle(
            self._account,
            [
                Settlement(calls, key, answer, self._charge(answer), keep=answer.failure not in _MAY_PASS)
                for calls, key, answer in ended
            ],
        )

    def _charge(self, answer: Answer) -> Charge:
        prompt, completion = answer.prompt_tokens, 0
        if isinstance(answer, ChatResponse):
            prompt += answer.lost_prompt_tokens
            completion = answer.completion_tokens + answer.lost_completion_tokens
        return Charge(prompt, completion, self._price.of(prompt, completion) if self._price is not None else None)


def _first_of_equals(keys: Sequence[str], group: Sequence[RequestT], known: Container[str]) -> dict[str, RequestT]:
    """Key → request of those that are not known, in order; of equal ones the first."""
    unknown: dict[str, RequestT] = {}
    for key, request in zip(keys, group, strict=True):
        if key not in known:
            unknown.setdefault(key, request)
    return unknown


def _maybe_billed(error: BaseException) -> bool:
    """Whether calls under way when this was raised may have to be paid. A refused key or request never is."""
    if isinstance(error, TeacherUnreachableError):
        return True
    return not isinstance(error, (TeacherKeyError, TeacherRequestError, BudgetExceededError))


__all__ = ["Ledger", "LedgerClient"]
