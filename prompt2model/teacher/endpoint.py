"""One address that speaks the chat completions protocol: a single attempt at a request, and what came of it.

The `openai` package does the talking, with its own retries off; who tries again, when and where is decided elsewhere.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from prompt2model.teacher.address import is_loopback
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.completions import as_response, raise_failure, whole_characters
from prompt2model.teacher.gate import Gate
from prompt2model.teacher.openai_errors import EndpointNames, RejectedError, meaning, web_page
from prompt2model.teacher.throttle import RetryPolicy, TransientError

if TYPE_CHECKING:
    from openai import DefaultHttpxClient, OpenAI

OPENAI_URL = "https://api.openai.com/v1"
_MOST_STOPS = 4
"""So many stop texts the OpenAI endpoint takes; further ones are cut here."""
_SCHEMA = "response_format"
"""The setting that carries a schema."""
_WHOLE = 5.0
"""A whole answer may take so many times as long as a silence: some endpoints send blanks while a request is queued."""


class Endpoint:
    """A model at an address, asked at most `concurrency` requests at a time.

    It may be silent for `timeout` seconds, and a whole answer may take five times as long.
    What the address does not take (`max_tokens`, `stop`, `stream_options`, a schema) is learned and sent another way,
    or not at all.
    """

    def __init__(
        self, name: str, names: EndpointNames, key: str, *, concurrency: int, timeout: float, policy: RetryPolicy
    ) -> None:
        self.names = names
        self.address = names.address
        self.gate = Gate(concurrency, policy)
        self.answered = False
        self._name = name
        self._http, self._openai = _connection(self.address, key, timeout)
        self._lock = threading.Lock()
        self._length_parameter = "max_completion_tokens" if self.address == OPENAI_URL else "max_tokens"
        self._length_parameter_settled = False
        self._unsupported: set[str] = set()
        self._takes_schemas = False

    def __repr__(self) -> str:
        return f"Endpoint({self._name!r}, {self.address!r})"

    def missing(self) -> str | None:
        """Why nothing answers at the address, by one quick look; None where something does."""
        import httpx2

        try:
            # Any answer will do, so no key is sent.
            self._http.get(f"{self.address}/models", timeout=httpx2.Timeout(10.0, connect=5.0))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            return self.names.one_line(error)
        except httpx2.HTTPError:
            pass  # Slow or odd, but there: the request itself will tell.
        return None

    def attempt(self, request: ChatRequest) -> ChatResponse:
        """The answer, or a failure that no repetition would cure.

        Raises TransientError, RejectedError, or a TeacherError that no other request would escape.
        """
        completion = self._create(request, stream=False)
        response = completion if isinstance(completion, ChatResponse) else self._read(request, completion)
        self.answered = True
        return response

    def open_stream(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        """A stream whose first piece has arrived. Raises like `attempt`, also between pieces."""
        pieces = self._pieces(request)
        try:
            first = next(pieces)
        except StopIteration as end:
            return _finished(end.value)
        return _after(first, pieces)

    def _create(self, request: ChatRequest, stream: bool) -> Any:
        """What the endpoint sends back, or the failure that its error means.

        Where it refuses a setting that has a substitute, the request is sent again with that. A request with a schema
        that it refuses without saying why is sent again without: if it is taken then, the schema was the reason.
        """
        from openai import OpenAIError

        unexplained = False
        while True:
            settings = self._settings(request, stream)
            if unexplained:
                settings.pop(_SCHEMA, None)
            try:
                answer = self._sent(settings)
                self._takes_schemas |= _SCHEMA in settings
                if unexplained:
                    self._learn(_SCHEMA, {_SCHEMA: request.schema})
                return answer
            except OpenAIError as error:
                refused: Exception = error
            except ValueError as error:
                refused = error
            # Outside of `except`: a server's own words can hold the key and must not hang on our errors as their cause.
            try:
                return meaning(refused, self.names, with_schema=_SCHEMA in settings)
            except RejectedError as rejected:
                if rejected.parameter is None and _SCHEMA in settings and not self._takes_schemas:
                    unexplained = True
                elif rejected.parameter is None or not self._learn(rejected.parameter, settings):
                    raise

    def _sent(self, settings: dict[str, Any]) -> Any:
        reply = self._openai.chat.completions.with_raw_response.create(**settings)
        # From an endpoint that has answered before, a page may be a gateway's hiccup, which passes.
        if not self.answered and reply.headers.get("content-type", "").startswith("text/html"):
            reply.http_response.close()
            raise web_page(self.names)
        return reply.parse()

    def _settings(self, request: ChatRequest, stream: bool) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "model": self._name,
            "messages": [{"role": m.role, "content": whole_characters(m.content)} for m in request.messages],
            "temperature": request.temperature,
            self._length_parameter: request.max_tokens,
        }
        if request.schema and _SCHEMA not in self._unsupported:
            schema = {"name": "reply", "strict": True, "schema": json.loads(request.schema)}
            settings[_SCHEMA] = {"type": "json_schema", "json_schema": schema}
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
            if parameter in ("stop", "stream_options", _SCHEMA):
                self._unsupported.add(parameter)
                return True
        return False

    def _read(self, request: ChatRequest, completion: Any) -> ChatResponse:
        choice = next(iter(getattr(completion, "choices", None) or ()), None)
        message = getattr(choice, "message", None)
        if message is None:
            shown = completion if isinstance(completion, str) else "no choices in it"
            said = f"the answer is no chat completion ({self.names.one_line(shown)[:80]})"
            raise TransientError("unavailable", said, maybe_billed=True)
        content, refusal = getattr(message, "content", None), getattr(message, "refusal", None)
        if content is not None and not isinstance(content, str):
            raise TransientError("unavailable", "the answer's content is no text", maybe_billed=True)
        usage = getattr(completion, "usage", None)
        return as_response(request, content or "", refusal, getattr(choice, "finish_reason", None), usage)

    def _pieces(self, request: ChatRequest) -> Generator[str, None, ChatResponse]:
        from openai import OpenAIError

        text, shown, finish, refusal, usage = "", 0, None, "", None
        hold = max((len(stop) for stop in request.stop), default=1) - 1
        events = self._create(request, stream=True)
        if isinstance(events, ChatResponse):
            raise_failure(self.names.model, events)
        if isinstance(events, str) or not hasattr(events, "__iter__"):
            raise TransientError("unavailable", f"the answer is no stream ({self.names.one_line(events)[:80]})")
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
            raise_failure(self.names.model, meaning(failed, self.names))
        if finish is None and not text:
            raise TransientError("unavailable", "the stream ended before it began", maybe_billed=True)
        if finish is None:
            raise TransientError("unavailable", "the stream was cut", maybe_billed=True)
        response = as_response(request, text, refusal, finish, usage, strip_repetition=False)
        raise_failure(self.names.model, response)
        if len(response.text) > shown:
            yield response.text[shown:]
        return response


def _connection(base_url: str, key: str, timeout: float) -> tuple[DefaultHttpxClient, OpenAI]:
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    from prompt2model.teacher.whole_answers import within

    limits = httpx2.Timeout(timeout, connect=min(10.0, timeout))
    # A proxy from the environment is for other machines, never for this one.
    hooks = {"response": [within(_WHOLE * timeout)]}
    http = DefaultHttpxClient(timeout=limits, trust_env=not is_loopback(base_url), event_hooks=hooks)
    return http, OpenAI(api_key=key or "none", base_url=base_url, max_retries=0, timeout=limits, http_client=http)


def _finished(response: ChatResponse) -> Generator[str, None, ChatResponse]:
    yield from ()
    return response


def _after(first: str, rest: Generator[str, None, ChatResponse]) -> Generator[str, None, ChatResponse]:
    yield first
    return (yield from rest)
