"""What an endpoint answered, as our record."""

from __future__ import annotations

from typing import Any, Literal

from prompt2model.errors import TeacherError
from prompt2model.records import FailureKind
from prompt2model.teacher.client import ChatRequest, ChatResponse
from prompt2model.teacher.tokens import likely_prompt_tokens, likely_tokens


def as_response(
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


def raise_failure(model: str, response: ChatResponse) -> None:
    """Raises TeacherError where the response is a failure: a person waits for the text."""
    if response.failure is not None:
        raise TeacherError(
            f"{model} gave no answer ({response.failure.replace('_', ' ')}: {response.detail}); "
            "change the input and try again"
        )


def whole_characters(text: str) -> str:
    """The text with every half of a surrogate pair replaced: neither JSON over HTTP nor SQLite takes one."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
