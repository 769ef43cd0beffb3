"""Replies that should be JSON and cannot be read are asked for once more, with what was wrong with their form."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from prompt2model.prompts import render
from prompt2model.teacher.client import ChatClient, ChatRequest, ChatResponse, Message

PROMPTS = ("ask_again",)
"""The prompt templates of this module: part of the fingerprint of every step that asks for JSON."""

_BEGINNING = re.compile(r"[\[{]")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a request: the response that counts, and the request that it answers.

    `unreadable` is the response before it, where that could not be read and was asked for again.
    """

    request: ChatRequest
    response: ChatResponse
    unreadable: ChatResponse | None = None

    @property
    def responses(self) -> tuple[ChatResponse, ...]:
        """The responses in their order, one or two."""
        return (self.response,) if self.unreadable is None else (self.unreadable, self.response)


def complete_readable(
    client: ChatClient, requests: Iterable[ChatRequest], fault: Callable[[str], str]
) -> dict[ChatRequest, Reply]:
    """The replies to all requests. Those with a schema that cannot be read are asked for again, once and together.

    `fault` says what is wrong with the form of a reply ("it has no JSON in it"), "" where it can be read. A reply that
    was cut off is not asked for again: it would be as long. What is asked depends on requests and replies alone, so a
    resumed run asks the same. Raises what `client.complete_many` raises.
    """
    asked = list(dict.fromkeys(requests))
    responses = dict(client.complete_many(asked))
    again = {}
    for request in asked:
        response = responses[request]
        if request.schema and response.failure is None and response.finish == "stop" and (why := fault(response.text)):
            again[request] = _again(request, response.text, why)
    second = dict(client.complete_many(again.values())) if again else {}
    return {
        request: Reply(again[request], second[again[request]], response)
        if request in again
        else Reply(request, response)
        for request, response in responses.items()
    }


def json_fault(reply: str) -> str:
    """Why no JSON can be read out of a reply, in the words of the decoder; "" where some can."""
    start = _BEGINNING.search(reply)
    if start is None:
        return "it has no JSON in it"
    try:
        json.JSONDecoder(strict=False).raw_decode(reply, start.start())
    except json.JSONDecodeError as error:
        return f"it is no valid JSON ({error.msg} in line {error.lineno}, column {error.colno})"
    except RecursionError:
        return "its JSON is nested too deeply"
    return ""


def _again(request: ChatRequest, reply: str, why: str) -> ChatRequest:
    """The question about the form, at temperature 0: nothing new is wanted."""
    turns = (Message("assistant", reply), Message("user", render("ask_again", fault=why)))
    return replace(request, messages=(*request.messages, *turns), temperature=0.0)
