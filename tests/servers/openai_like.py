"""An HTTP server on loopback that speaks chat completions, breaks down on order, and keeps its own books.

with OpenAILikeServer(lambda body: "blue") as server:
    client = OpenAICompatibleClient("any", server.base_url)
    ...
    server.books   # every chat completion that was asked for, and what became of it
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

FaultKind = Literal[
    "rate_limited",  # 429; with `retry_after` in the header
    "no_credit",  # 429 that no waiting cures
    "server_error",  # 500
    "overloaded",  # 503; with `retry_after` in the header
    "hang",  # takes the request and says nothing for `seconds`
    "drip",  # a blank every 20 ms for `seconds`, in place of an answer
    "cut",  # closes the connection before a byte
    "cut_body",  # closes the connection in the middle of the announced body
    "half_json",  # a whole HTTP answer whose JSON ends early
    "wrong_schema",  # JSON without choices
    "html",  # a web page with status 200
    "empty",  # an answer without text
    "refusal",  # the model declines in the `refusal` field
    "content_filter",  # the answer is stopped by the filter
    "content_filter_400",  # the filter refuses the request
    "context_too_long",  # 400, the prompt does not fit
    "bad_key",  # 401
    "no_model",  # 404
    "bad_request",  # 400 without further words
]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request. Times in seconds.

    `words` of an answer are billed all the same, with the prompt; None: nothing is.
    """

    kind: FaultKind
    retry_after: float | None = None
    seconds: float = 30.0
    words: int | None = None


@dataclass(frozen=True)
class Reply:
    """An answer with particulars: usage None is left out, `finish` is the finish reason."""

    text: str
    finish: str = "stop"
    usage: bool = True


@dataclass
class Entry:
    """One chat completion in the books. `answered`: a whole answer was written to the wire. Tokens are those billed."""

    number: int
    body: dict[str, Any]
    authorization: str
    started: float
    ended: float = float("inf")
    outcome: str = "under way"
    answered: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def prompt(self) -> str:
        """All messages as one text."""
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def content(self) -> str:
        """What was asked, settings included, as one text: equal requests have equal contents."""
        return json.dumps(self.body, sort_keys=True)


@dataclass
class OpenAILikeServer:
    """`answer` gets the request's JSON body and gives a text, a Reply or a Fault.

    `key`: the only key that is let in (None: everyone). `refused_parameters` are answered with 400 and the words that
    OpenAI uses. `schema_refusal`: status, message and parameter by which requests with a schema are refused (None: they
    are taken, if the schema keeps the rules of strict mode). `delay`: seconds before each answer. Tokens are words.
    """

    answer: Callable[[dict[str, Any]], str | Reply | Fault] = lambda body: "ok"
    key: str | None = None
    refused_parameters: frozenset[str] = frozenset()
    schema_refusal: tuple[int, str, str | None] | None = None
    delay: float = 0.0
    port: int = 0
    books: list[Entry] = field(default_factory=list)
    other_requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.under_way = 0
        self.most_under_way = 0
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self), bind_and_activate=False)
        server.daemon_threads = True
        server.request_queue_size = 128
        server.server_bind()
        server.server_activate()
        self.port = server.server_address[1]
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> OpenAILikeServer:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> OpenAILikeServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def outcomes(self) -> Counter[str]:
        """How many requests ended how."""
        with self.lock:
            return Counter(entry.outcome for entry in self.books)

    def answered(self) -> Counter[str]:
        """Prompt → how often it got a whole answer."""
        with self.lock:
            return Counter(entry.prompt for entry in self.books if entry.answered)


def faults_first(
    faults: list[Fault], answer: Callable[[dict[str, Any]], str | Reply | Fault] = lambda body: "ok"
) -> Callable[[dict[str, Any]], str | Reply | Fault]:
    """An answer function that gives these faults to the first requests, one each, and then answers."""
    waiting = list(faults)
    lock = threading.Lock()

    def respond(body: dict[str, Any]) -> str | Reply | Fault:
        with lock:
            fault = waiting.pop(0) if waiting else None
        return fault if fault is not None else answer(body)

    return respond


def breaks_strict_mode(schema: Any, outermost: bool = True) -> str:
    """The rule of strict structured output that a schema breaks; "" for none."""
    kind = schema.get("type")
    if outermost and kind != "object":
        return "the outermost value is no object"
    if kind == "object":
        if schema.get("additionalProperties") is not False:
            return "'additionalProperties' is required to be supplied and to be false"
        if schema.get("required") != list(schema["properties"]):
            return "'required' is required to name every key in properties"
        found = [breaks_strict_mode(inner, False) for inner in schema["properties"].values()]
        return next(filter(None, found), "")
    if kind == "array":
        return breaks_strict_mode(schema["items"], False)
    return "" if kind in ("string", ["string", "null"]) and schema.keys() <= {"type", "enum"} else f"no type {kind}"


def broken_rule(body: dict[str, Any]) -> tuple[int, str, str] | None:
    """How OpenAI refuses a schema that breaks a rule."""
    form = body.get("response_format")
    if form is None:
        return None
    said = (
        "type is not json_schema"
        if form["type"] != "json_schema"
        else breaks_strict_mode(form["json_schema"]["schema"])
    )
    if not said and not (form["json_schema"]["strict"] is True and form["json_schema"]["name"].isidentifier()):
        said = "neither strict nor named"
    return (400, f"Invalid schema for response_format: {said}", "response_format") if said else None


def _handler(owner: OpenAILikeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, format: str, *args: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionResetError:
                # The client let go of a connection that it had given up.
                self.close_connection = True

        def do_GET(self) -> None:
            owner.other_requests.append(f"GET {self.path}")
            self._send(200, {"object": "list", "data": []})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/v1/chat/completions":
                owner.other_requests.append(f"POST {self.path}")
                self._error(404, f"no such path {self.path}")
                return
            body = json.loads(raw)
            with owner.lock:
                authorization = self.headers.get("Authorization", "")
                entry = Entry(len(owner.books), body, authorization, time.monotonic())
                owner.books.append(entry)
                owner.under_way += 1
                owner.most_under_way = max(owner.most_under_way, owner.under_way)
            try:
                self._respond(entry)
            except (BrokenPipeError, ConnectionResetError):
                entry.outcome, entry.answered = "client gone", False
                self.close_connection = True
            finally:
                entry.ended = time.monotonic()
                with owner.lock:
                    owner.under_way -= 1

        def _respond(self, entry: Entry) -> None:
            if owner.delay:
                owner.stopped.wait(owner.delay)
            if owner.key is not None and entry.authorization != f"Bearer {owner.key}":
                entry.outcome = "bad_key"
                # Real services repeat a part of the key; a careless client would print it.
                self._error(401, f"Incorrect API key provided: {entry.authorization.removeprefix('Bearer ')}.")
                return
            for name in sorted(owner.refused_parameters & entry.body.keys()):
                entry.outcome = f"refused {name}"
                other = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                message = f"Unsupported parameter: '{name}' is not supported with this model.{other}"
                self._error(400, message, code="unsupported_parameter", param=name)
                return
            if (refusal := owner.schema_refusal or broken_rule(entry.body)) and "response_format" in entry.body:
                entry.outcome = "refused response_format"
                status, message, parameter = refusal
                self._error(status, message, param=parameter)
                return
            given = owner.answer(entry.body)
            if isinstance(given, Fault):
                entry.outcome = given.kind
                if given.words is not None:
                    entry.prompt_tokens, entry.completion_tokens = len(entry.prompt.split()), given.words
                self._fault(given, entry)
                return
            reply = given if isinstance(given, Reply) else Reply(given)
            entry.outcome = "answered"
            entry.prompt_tokens = len(entry.prompt.split())
            entry.completion_tokens = len(reply.text.split())
            if entry.body.get("stream"):
                self._stream(reply, entry)
            else:
                self._send(200, _completion(reply, entry))
            entry.answered = True

        def _fault(self, fault: Fault, entry: Entry) -> None:
            waiting = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
            if fault.kind == "rate_limited":
                self._error(429, "Rate limit reached", headers=waiting, code="rate_limit_exceeded")
            elif fault.kind == "no_credit":
                self._error(429, "You exceeded your current quota", code="insufficient_quota")
            elif fault.kind == "server_error":
                self._error(500, "The server had an error")
            elif fault.kind == "overloaded":
                self._error(503, "Overloaded", headers=waiting)
            elif fault.kind == "hang":
                owner.stopped.wait(fault.seconds)
                self.close_connection = True
            elif fault.kind == "drip":
                self._write(200, b"", {"Content-Length": "1000000"})
                end = time.monotonic() + fault.seconds
                while time.monotonic() < end and not owner.stopped.wait(0.02):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                self.close_connection = True
            elif fault.kind == "cut":
                self.close_connection = True
            elif fault.kind in ("cut_body", "half_json"):
                whole = json.dumps(_completion(Reply("half an answer"), entry)).encode()
                announced = len(whole) if fault.kind == "cut_body" else len(whole) // 2
                self._write(200, whole[: len(whole) // 2], {"Content-Length": str(announced)})
                self.close_connection = True
            elif fault.kind == "wrong_schema":
                self._send(200, {"result": "this is no chat completion"})
            elif fault.kind == "html":
                page = b"<html><body>Welcome</body></html>"
                self._write(200, page, {"Content-Length": str(len(page)), "Content-Type": "text/html"})
            elif fault.kind == "empty":
                self._answer_anyway(Reply(""), entry)
            elif fault.kind == "content_filter":
                self._answer_anyway(Reply("half of it", finish="content_filter"), entry)
            elif fault.kind == "refusal":
                completion = _completion(Reply(""), entry)
                completion["choices"][0]["message"] |= {"content": None, "refusal": "I cannot help with that."}
                self._send(200, completion)
            elif fault.kind == "content_filter_400":
                message = "The response was filtered due to the prompt triggering our content management policy."
                self._error(400, message, code="content_filter")
            elif fault.kind == "context_too_long":
                message = "This model's maximum context length is 10 tokens. Your messages resulted in 11 tokens."
                self._error(400, message, code="context_length_exceeded", param="messages")
            elif fault.kind == "bad_key":
                self._error(401, "Incorrect API key provided.", code="invalid_api_key")
            elif fault.kind == "no_model":
                self._error(404, f"The model `{entry.body['model']}` does not exist", code="model_not_found")
            else:
                self._error(400, "The request is not valid for reasons of its own")

        def _answer_anyway(self, reply: Reply, entry: Entry) -> None:
            if entry.body.get("stream"):
                self._stream(reply, entry)
            else:
                self._send(200, _completion(reply, entry))

        def _stream(self, reply: Reply, entry: Entry) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            words = reply.text.split(" ")
            for index, word in enumerate(words):
                piece = word if index == 0 else f" {word}"
                self._event(entry, [{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
            self._event(entry, [{"index": 0, "delta": {}, "finish_reason": reply.finish}])
            if reply.usage and (entry.body.get("stream_options") or {}).get("include_usage"):
                self._event(entry, [], _usage(entry))
            self.wfile.write(b"data: [DONE]\n\n")
            self.wfile.flush()

        def _event(self, entry: Entry, choices: list[dict[str, Any]], usage: dict[str, int] | None = None) -> None:
            event = {"id": f"c{entry.number}", "object": "chat.completion.chunk", "created": 0, "choices": choices}
            event |= {"model": entry.body["model"], "usage": usage}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()

        def _error(
            self, status: int, message: str, *, code: str | None = None, param: str | None = None, headers: Any = None
        ) -> None:
            error = {"message": message, "type": "error", "code": code, "param": param}
            self._send(status, {"error": error}, headers)

        def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            raw = json.dumps(body).encode()
            self._write(status, raw, {"Content-Length": str(len(raw)), **(headers or {})})

        def _write(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)
            self.wfile.flush()

    return Handler


def _completion(reply: Reply, entry: Entry) -> dict[str, Any]:
    completion = {
        "id": f"c{entry.number}",
        "object": "chat.completion",
        "created": 0,
        "model": entry.body["model"],
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": reply.text}, "finish_reason": reply.finish}
        ],
    }
    if reply.usage:
        completion["usage"] = _usage(entry)
    return completion


def _usage(entry: Entry) -> dict[str, int]:
    return {
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "total_tokens": entry.prompt_tokens + entry.completion_tokens,
    }
