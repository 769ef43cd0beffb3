"""What an OpenAI-compatible endpoint's errors mean: every provider's way of saying it becomes one of ours here."""

from __future__ import annotations

import email.utils
import re
import time
from typing import TYPE_CHECKING

from prompt2model.errors import TeacherError, TeacherKeyError, TeacherRequestError, TeacherUnreachableError
from prompt2model.teacher.client import ChatResponse
from prompt2model.teacher.throttle import TransientError

if TYPE_CHECKING:
    from openai import APIStatusError

_CONTEXT_WORDS = re.compile(
    r"context[ _](length|size|window)|maximum context|max_model_len|too many tokens|(prompt|input) is too long"
    r"|reduce the length",
    re.IGNORECASE,
)
_CONTEXT_CODES = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
_FILTER_CODES = {"content_filter", "content_policy_violation", "moderation_blocked"}
_FILTER_WORDS = re.compile(r"content management policy|content filter|moderation|flagged", re.IGNORECASE)
_NO_CREDIT_CODES = {"insufficient_quota", "billing_hard_limit_reached", "insufficient_credits"}
_PARAMETERS = ("max_completion_tokens", "max_tokens", "stream_options", "temperature", "stop")
_UNSUPPORTED = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|extra (inputs|fields)|not permitted|not allowed",
    re.IGNORECASE,
)
_SCHEMA_WORDS = re.compile(
    r"response[ _-]?format|json[ _-]?schema|structured[ _-]output|guided[ _-](?:decod|json)", re.I
)
"""Words about a schema, as in "This response_format type is unavailable now" (DeepSeek: 400; llama.cpp had 500)."""
_TRANSIENT_STATUS = {408, 409, 425}


class RejectedError(Exception):
    """The endpoint refuses this request as such. `parameter` names the setting that it refuses, where it says so.

    Whether the endpoint refuses every request alike, or only this one, shows when others are answered.
    """

    def __init__(self, detail: str, names: EndpointNames, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.names = names
        self.parameter = parameter


class EndpointNames:
    """How an endpoint is called in messages, and the key that must not show in any of them."""

    def __init__(self, model: str, address: str, key: str, key_variable: str) -> None:
        self.model = model
        self.address = address
        self.key_variable = key_variable
        self._key = key

    def one_line(self, text: object) -> str:
        """At most 300 characters of a server's words on one line, without the key."""
        line = " ".join(str(text).split())
        if self._key:
            line = line.replace(self._key, "[key]")
        return line if len(line) <= 300 else line[:297] + "..."


def meaning(error: Exception, names: EndpointNames, *, with_schema: bool = False) -> ChatResponse:
    """The failure of this one request as a response, or raise what it is instead.

    `error` is the `openai` package's, or the ValueError of an answer that is no JSON; `with_schema`: a schema was sent.
    Raises TransientError (try again), RejectedError, or a TeacherError that no other request would escape.
    """
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(error, APIConnectionError):
        cause = error.__cause__ or error
        sent = "Connect" not in type(cause).__name__
        if isinstance(error, APITimeoutError):
            said = "no answer within the time limit"
            raise TransientError("unavailable", said, congested=True, maybe_billed=sent)
        raise TransientError("unavailable", f"connection lost ({names.one_line(cause)})", maybe_billed=sent)
    if isinstance(error, APIStatusError):
        return _meaning_of_status(error, names, with_schema)
    if isinstance(error, ValueError):
        raise TransientError("unavailable", f"the answer is no whole JSON ({names.one_line(error)})", maybe_billed=True)
    # An error that arrived inside a stream, or one that the package has for itself.
    raise TransientError("unavailable", names.one_line(error) or type(error).__name__, maybe_billed=True)


def _meaning_of_status(error: APIStatusError, names: EndpointNames, with_schema: bool) -> ChatResponse:
    status, said = error.status_code, names.one_line(_message(error))
    codes = {str(error.code or ""), str(error.type or "")}
    if codes & _FILTER_CODES or (status in (400, 403) and _FILTER_WORDS.search(said)):
        return ChatResponse("", failure="refused", detail=said)
    if status == 413 or codes & _CONTEXT_CODES or (status in (400, 422, 500) and _CONTEXT_WORDS.search(said)):
        return ChatResponse("", failure="context_too_long", detail=said)
    if status == 402 or codes & _NO_CREDIT_CODES:
        raise TeacherRequestError(
            f"the account for {names.model} at {names.address} has no credit left; add credit there, then resume"
        )
    if status in (401, 403):
        raise TeacherKeyError(
            f"{names.address} refused the key for {names.model} (HTTP {status}); "
            f"set {names.key_variable} to a valid key of that service"
        )
    if with_schema and _is_about_schema(error):
        raise RejectedError(said, names, "response_format")
    if status == 404:
        raise TeacherRequestError(
            f"{names.address} does not know {names.model} ({said}); check the model's name, "
            "and the base URL, which usually ends in /v1"
        )
    if status == 429:
        raise TransientError("rate_limited", said or "HTTP 429", retry_after=retry_after(error.response.headers))
    if status >= 500 or status in _TRANSIENT_STATUS:
        wait = retry_after(error.response.headers)
        raise TransientError("unavailable", f"HTTP {status}: {said}", retry_after=wait, congested=status == 503)
    raise RejectedError(said, names, _refused_parameter(error, said))


def _is_about_schema(error: APIStatusError) -> bool:
    """Whether the schema that was sent is what the endpoint does not take."""
    if error.status_code == 429:
        return False
    return error.status_code == 501 or _SCHEMA_WORDS.search(f"{error.param} {_message(error)}") is not None


def _message(error: APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return body["message"]
    return body if isinstance(body, str) and body else error.message


def _refused_parameter(error: APIStatusError, said: str) -> str | None:
    if error.param in _PARAMETERS:
        return error.param
    if not _UNSUPPORTED.search(said):
        return None
    # "'max_tokens' is not supported. Use 'max_completion_tokens'": the one named first is the one refused.
    places = {name: re.search(rf"\b{name}\b", said) for name in _PARAMETERS}
    found = {name: place.start() for name, place in places.items() if place is not None}
    return min(found, key=lambda name: found[name]) if found else None


def retry_after(headers: object) -> float | None:
    """Seconds to wait by the `Retry-After` (seconds or a date) or `retry-after-ms` header; None without one."""
    get = headers.get  # type: ignore[attr-defined]
    for value, unit in ((get("retry-after-ms"), 0.001), (get("retry-after"), 1.0)):
        if value is None:
            continue
        try:
            seconds = float(value) * unit
        except ValueError:
            try:
                seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
            except (ValueError, TypeError):
                continue
        # NaN compares false with everything and is left out here too.
        if seconds < float("inf"):
            return max(0.0, seconds)
    return None


def web_page(names: EndpointNames) -> TeacherError:
    """What a person reads when a page for people comes instead of an answer: another address, or a login in between."""
    return TeacherUnreachableError(
        f"{names.address} sent a web page (text/html) and no chat completion; correct --base-url, which usually ends "
        "in /v1, or check that it serves chat completions there, then resume"
    )


def rejection(rejected: RejectedError) -> TeacherError:
    """What a person reads when the endpoint refuses all requests."""
    names = rejected.names
    if rejected.parameter == "temperature":
        return TeacherRequestError(
            f"{names.model} at {names.address} takes no temperature ({rejected.detail}), which generating and "
            "labelling set; choose a teacher that does, such as openai:gpt-4.1-mini"
        )
    return TeacherRequestError(
        f"{names.address} refuses the requests to {names.model} as such ({rejected.detail}); "
        "check the model and its settings, then resume"
    )
