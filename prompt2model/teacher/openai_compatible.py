"""Any endpoint that speaks the chat completions protocol: OpenAI, vLLM, Ollama, llama.cpp, `transformers serve`.

The `openai` package does the talking, with its own retries off; `throttle.py` holds the one retry policy.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from prompt2model.errors import ConfigError, TeacherError, TeacherKeyError, TeacherUnreachableError
from prompt2model.records import FailureKind
from prompt2model.teacher.address import checked_url, is_loopback
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.openai_errors import EndpointNames, RejectedError, meaning, rejection, web_page
from prompt2model.teacher.pool import in_threads
from prompt2model.teacher.throttle import Throttle, TransientError
from prompt2model.teacher.tokens import likely_prompt_tokens, likely_tokens, most_tokens

if TYPE_CHECKING:
    from openai import DefaultHttpxClient, OpenAI

OPENAI_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"
_MOST_STOPS = 4
"""So many stop texts the OpenAI endpoint takes; further ones are cut here."""


class OpenAICompatibleClient:
    """Asks an endpoint, `concurrency` requests at a time, each attempt at most `timeout` seconds.

    The key is read from the environment variable `key_variable` and may be missing for an address on this machine.
    Where a reasoning model refuses `temperature`, TeacherRequestError says so: leaving it out in silence would change
    what the data are. Stop texts that the endpoint does not take are cut here, which gives the same text.
    An endpoint has no way to continue an assistant's turn that every server shares: the turn is sent as the last
    message, and where the answer repeats it, the repetition is taken off.

    Raises ConfigError for an address that is none, TeacherKeyError where a key is needed and missing.
    """

    batch_size = 1

    def __init__(
        self,
        name: str,
        base_url: str | None = None,
        *,
        concurrency: int = 8,
        timeout: float = 120.0,
        key_variable: str = KEY_VARIABLE,
        throttle: Throttle | None = None,
    ) -> None:
        self.name = name
        self.model = f"openai:{name}"
        self.base_url = checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        if concurrency < 1:
            raise ConfigError(f"concurrency is {concurrency}; give a number of at least 1")
        self.concurrency = concurrency
        self._timeout = timeout
        self._throttle = throttle or Throttle()
        key = _key(key_variable, needed=not is_loopback(self.base_url), address=self.base_url)
        self._names = EndpointNames(self.model, self.base_url, key, key_variable)
        self._http, self._openai = _connection(self.base_url, key, timeout)
        self._lock = threading.Lock()
        self._reached = False
        self._answered = False
        self._silent_in_a_row = 0
        self._length_parameter = "max_completion_tokens" if self.base_url == OPENAI_URL else "max_tokens"
        self._length_parameter_settled = False
        self._unsupported: set[str] = set()

    def __repr__(self) -> str:
        return f"OpenAICompatibleClient({self.name!r}, {self.base_url!r})"

    @property
    def identity(self) -> str:
        """What answers are filed under: two servers may give different models the same name."""
        return self.model if self.base_url == OPENAI_URL else f"{self.model} at {self.base_url}"

    def complete_many(self, requests: Iterable[ChatRequest]) -> Iterator[tuple[ChatRequest, ChatResponse]]:
        """Answer the requests in the order in which answers arrive.

        Failures are held back until the endpoint has answered anything at all, and are errors where it never does.
        """
        stop = threading.Event()
        held: list[tuple[ChatRequest, ChatResponse]] = []
        last: ChatResponse | RejectedError | None = None
        answers = in_threads(lambda request: self._ask(request, stop), self._checked(requests), self.concurrency, stop)
        for request, outcome in answers:
            response = (
                ChatResponse("", failure="refused", detail=outcome.detail)
                if isinstance(outcome, RejectedError)
                else outcome
            )
            if not isinstance(outcome, RejectedError) and response.failure not in ("unavailable", "rate_limited"):
                self._answered, self._silent_in_a_row = True, 0
                yield from held
                held.clear()
                yield request, response
                continue
            last = outcome
            # Once others are answered, a rejection is this item's own matter; silence never is.
            self._silent_in_a_row += not (isinstance(outcome, RejectedError) and self._answered)
            names_a_setting = isinstance(outcome, RejectedError) and outcome.parameter is not None
            if names_a_setting or self._silent_in_a_row >= max(self.concurrency, 3):
                raise self._gives_nothing(outcome)
            if self._answered:
                yield request, response
            else:
                held.append((request, response))
        if held and last is not None:
            raise self._gives_nothing(last)

    def stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """The answer piece by piece, as the endpoint sends it. Tried again only before the first piece."""
        self._check_reachable()
        try:
            pieces = self._throttle.call(lambda: self._open_stream(request))
            return (yield from pieces)
        except TransientError as error:
            raise TeacherUnreachableError(
                f"{self.model} at {self.base_url} gave no whole answer ({error.detail}); try again later"
            ) from None
        except RejectedError as error:
            raise rejection(self._names, error) from None

    def _checked(self, requests: Iterable[ChatRequest]) -> Iterator[ChatRequest]:
        for request in requests:
            self._check_reachable()
            yield request

    def _check_reachable(self) -> None:
        """One quick look at the address before the first request, so that a wrong one is not retried for minutes."""
        if self._reached:
            return
        import httpx2

        try:
            # Any answer will do, so no key is sent.
            self._http.get(f"{self.base_url}/models", timeout=httpx2.Timeout(10.0, connect=5.0))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise TeacherUnreachableError(
                f"nothing answers at {self.base_url} ({self._names.one_line(error)}); "
                "start the server or correct --base-url"
            ) from None
        except httpx2.HTTPError:
            pass  # Slow or odd, but there: the request itself will tell.
        self._reached = True

    def _ask(self, request: ChatRequest, stop: threading.Event) -> ChatResponse | RejectedError:
        lost = 0

        def count(error: TransientError) -> None:
            nonlocal lost
            lost += error.maybe_billed

        try:
            response = self._throttle.call(lambda: self._attempt(request), stop=stop, on_failure=count)
        except TransientError as error:
            response = ChatResponse("", failure=error.kind, detail=error.detail)
        except RejectedError as error:
            return error
        if not lost:
            return response
        return replace(
            response,
            lost_prompt_tokens=lost * most_tokens(request.messages),
            lost_completion_tokens=lost * request.max_tokens,
        )

    def _attempt(self, request: ChatRequest) -> ChatResponse:
        completion = self._create(request, stream=False)
        return completion if isinstance(completion, ChatResponse) else self._read(request, completion)

    def _create(self, request: ChatRequest, stream: bool) -> Any:
        """What the endpoint sends back, or the failure that its error means.

        Where it refuses a setting that has a substitute, the request is sent again with that.
        """
        from openai import OpenAIError

        while True:
            settings = self._settings(request, stream)
            try:
                reply = self._openai.chat.completions.with_raw_response.create(**settings)
                # From an endpoint that has answered before, a page may be a gateway's hiccup, which passes.
                if not self._answered and reply.headers.get("content-type", "").startswith("text/html"):
                    reply.http_response.close()
                    raise web_page(self._names)
                return reply.parse()
            except OpenAIError as error:
                refused: Exception = error
            except ValueError as error:
                refused = error
            # Outside of `except`: a server's own words can hold the key and must not hang on our errors as their cause.
            try:
                return meaning(refused, self._names)
            except RejectedError as rejected:
                if rejected.parameter is None or not self._learn(rejected.parameter, settings):
                    raise

    def _settings(self, request: ChatRequest, stream: bool) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "model": self.name,
            "messages": [{"role": m.role, "content": whole_characters(m.content)} for m in request.messages],
            "temperature": request.temperature,
            self._length_parameter: request.max_tokens,
        }
        if request.stop and "stop" not in self._unsupported:
            settings["stop"] = list(request.stop[:_MOST_STOPS])
        if stream:
            settings["stream"] = True
            if "stream_options" not in self._unsupported:
                settings["stream_options"] = {"include_usage": True}
        return settings

    def _learn(self, parameter: str, sent: dict[str, Any]) -> bool:
        """Remember a refused setting. True where the request can be sent another way."""
        if parameter not in sent:
            return False
        with self._lock:
            if parameter in ("max_tokens", "max_completion_tokens"):
                if parameter != self._length_parameter:
                    return True  # Another thread has learned it in the meantime.
                if self._length_parameter_settled:
                    return False
                self._length_parameter_settled = True
                self._length_parameter = "max_tokens" if parameter != "max_tokens" else "max_completion_tokens"
                return True
            if parameter in ("stop", "stream_options"):
                self._unsupported.add(parameter)
                return True
        return False

    def _read(self, request: ChatRequest, completion: Any) -> ChatResponse:
        choice = next(iter(getattr(completion, "choices", None) or ()), None)
        message = getattr(choice, "message", None)
        if message is None:
            shown = completion if isinstance(completion, str) else "no choices in it"
            said = f"the answer is no chat completion ({self._names.one_line(shown)[:80]})"
            raise TransientError("unavailable", said, maybe_billed=True)
        content, refusal = getattr(message, "content", None), getattr(message, "refusal", None)
        if content is not None and not isinstance(content, str):
            raise TransientError("unavailable", "the answer's content is no text", maybe_billed=True)
        usage = getattr(completion, "usage", None)
        return _response(request, content or "", refusal, getattr(choice, "finish_reason", None), usage)

    def _open_stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """A stream whose first piece has arrived."""
        pieces = self._pieces(request)
        try:
            first = next(pieces)
        except StopIteration as end:
            return _finished(end.value)
        return _after(first, pieces)

    def _pieces(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        from openai import OpenAIError

        text, shown, finish, refusal, usage = "", 0, None, "", None
        hold = max((len(stop) for stop in request.stop), default=1) - 1
        events = self._create(request, stream=True)
        if isinstance(events, ChatResponse):
            _raise_failure(self, events)
        if isinstance(events, str) or not hasattr(events, "__iter__"):
            raise TransientError("unavailable", f"the answer is no stream ({self._names.one_line(events)[:80]})")
        failed: Exception | None = None
        try:
            for event in events:
                usage = getattr(event, "usage", None) or usage
                for choice in (getattr(event, "choices", None) or [])[:1]:
                    finish = getattr(choice, "finish_reason", None) or finish
                    refusal += getattr(choice.delta, "refusal", None) or ""
                    text += getattr(choice.delta, "content", None) or ""
                if any(stop in text for stop in request.stop):
                    finish = "stop"
                    break
                # The last letters may be the beginning of a stop text.
                ready = max(shown, len(text) - hold)
                if ready > shown:
                    yield text[shown:ready]
                    shown = ready
        except (OpenAIError, ValueError) as error:
            failed = error
        finally:
            events.close()
        if failed is not None:
            _raise_failure(self, meaning(failed, self._names))
        if finish is None and not text:
            raise TransientError("unavailable", "the stream ended before it began", maybe_billed=True)
        if finish is None:
            raise TransientError("unavailable", "the stream was cut", maybe_billed=True)
        response = _response(request, text, refusal, finish, usage, strip_repetition=False)
        _raise_failure(self, response)
        if len(response.text) > shown:
            yield response.text[shown:]
        return response

    def _gives_nothing(self, outcome: ChatResponse | RejectedError) -> TeacherError:
        if isinstance(outcome, RejectedError):
            return rejection(self._names, outcome)
        what, advice = "gave no answer to any request", "check that it serves chat completions there"
        if self._answered:
            what, advice = "gives no answers any more", "everything made so far is kept; wait until it does"
        return TeacherUnreachableError(
            f"{self.model} at {self.base_url} {what} ({outcome.detail}); {advice}, then resume"
        )


def whole_characters(text: str) -> str:
    """The text with every half of a surrogate pair replaced: neither JSON over HTTP nor SQLite takes one."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


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


def _connection(base_url: str, key: str, timeout: float) -> tuple[DefaultHttpxClient, OpenAI]:
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    limits = httpx2.Timeout(timeout, connect=min(10.0, timeout))
    # A proxy from the environment is for other machines, never for this one.
    http = DefaultHttpxClient(timeout=limits, trust_env=not is_loopback(base_url))
    return http, OpenAI(api_key=key or "none", base_url=base_url, max_retries=0, timeout=limits, http_client=http)


def _response(
    request: ChatRequest, text: str, refusal: str | None, finish: str | None, usage: Any, strip_repetition: bool = True
) -> ChatResponse:
    """What arrived, as our record. Usage that the endpoint does not give is estimated."""
    text = whole_characters(text)
    prompt = getattr(usage, "prompt_tokens", None)
    completion = getattr(usage, "completion_tokens", None)
    if not isinstance(prompt, int):
        prompt = likely_prompt_tokens(request.messages)
    if not isinstance(completion, int):
        completion = likely_tokens(text)
    if refusal or finish == "content_filter":
        return ChatResponse(
            "", "stop", prompt, completion, "refused", whole_characters(refusal or "stopped by the content filter")
        )
    last = request.messages[-1] if request.messages else None
    if strip_repetition and last is not None and last.role == "assistant" and last.content.strip():
        text = text.removeprefix(last.content)
    ends = [place for stop in request.stop if (place := text.find(stop)) >= 0]
    if ends:
        text, finish = text[: min(ends)], "stop"
    ending: Literal["stop", "length"] = "length" if finish == "length" else "stop"
    if not text.strip():
        # A reasoning model that thinks up to the limit says nothing.
        failure: FailureKind = "truncated" if ending == "length" else "empty"
        return ChatResponse("", ending, prompt, completion, failure, "the answer has no text")
    return ChatResponse(text, ending, prompt, completion)


def _raise_failure(client: OpenAICompatibleClient, response: ChatResponse) -> None:
    if response.failure is not None:
        raise TeacherError(
            f"{client.model} gave no answer ({response.failure.replace('_', ' ')}: {response.detail}); "
            "change the input and try again"
        )


def _finished(response: ChatResponse) -> Generator[str, None, ChatResponse]:
    yield from ()
    return response


def _after(first: str, rest: Generator[str, None, ChatResponse]) -> Generator[str, None, ChatResponse]:
    yield first
    return (yield from rest)
