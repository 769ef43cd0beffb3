"""Logged requests to a chat model as rows: OpenAI-style JSON lines, with the answers where they were logged too.

Read are chats as they are used for fine-tuning (`{"messages": […]}`, the last turn the assistant's), pairs of request
and response (`{"request": {"messages": […]}, "response": {"choices": […]}}`) and lines of the batch interface (`body`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

INPUT, OUTPUT = "input", "output"
"""The columns of a log."""

_FEWEST = 3
"""Different requests of which the common words are taken for a template."""
_SHORTEST = 8
"""Characters of a template's beginning."""
_NOT_WHOLE = ("length", "content_filter")
"""Why an answer ended before its end: such a one is none to learn from."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What every request begins and ends with: the prompt's template around the input."""

    before: str = ""
    after: str = ""

    def strip(self, text: str) -> str:
        """The text without the frame, where it stands in it."""
        if len(text) < len(self.before) + len(self.after):
            return text
        if not (text.startswith(self.before) and text.endswith(self.after)):
            return text
        return text[len(self.before) : len(text) - len(self.after)].strip()


def is_request_log(row: Mapping[str, Any]) -> bool:
    """Whether a row of JSON is a logged request."""
    return _messages(row) is not None


def turn_of(row: Mapping[str, Any]) -> tuple[str, str]:
    """The last user's turn of a request and its answer; empty texts where there are none (or no text in them)."""
    messages = list(_messages(row) or ())
    answer = _logged_answer(row)
    if messages and messages[-1].get("role") == "assistant":
        answer = answer or _text(messages[-1].get("content"))
        messages.pop()
    asked = next((_text(one.get("content")) for one in reversed(messages) if one.get("role") == "user"), "")
    return asked, answer


def common_frame(texts: Iterable[str]) -> Frame:
    """The template around the inputs: the longest common beginning and end, cut back to where an input can begin.

    An input begins after a line end, a colon, a quotation mark or a tag; so "I" in front of all inputs stays theirs.
    """
    different = sorted(set(texts))
    if len(different) < _FEWEST:
        return Frame()
    before = _up_to_break(_common_start(different))
    if len(before) < _SHORTEST:
        before = ""
    after = _from_break(_common_start([text[len(before) :][::-1] for text in different])[::-1])
    # A lone quotation mark or tag at the end belongs to the inputs, unless its partner stands before them.
    return Frame(before, after if before or after.startswith("\n") else "")


def log_row(row: Mapping[str, Any], frame: Frame) -> dict[str, str]:
    """A request as a row with the columns `input` and `output`."""
    asked, answer = turn_of(row)
    return {INPUT: frame.strip(asked), OUTPUT: answer}


def _messages(row: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    """The chat of a row, wherever the common formats keep it."""
    request = row.get("request")
    places = [row, request, row.get("body")]
    if isinstance(request, Mapping):
        places.append(request.get("body"))
    for place in places:
        found = place.get("messages") if isinstance(place, Mapping) else None
        if isinstance(found, list) and found and all(isinstance(one, Mapping) and "role" in one for one in found):
            return found
    return None


def _logged_answer(row: Mapping[str, Any]) -> str:
    response = row.get("response")
    places = [response, row]
    if isinstance(response, Mapping):
        places.append(response.get("body"))
    for place in places:
        choices = place.get("choices") if isinstance(place, Mapping) else None
        first = choices[0] if isinstance(choices, list) and choices else None
        message = first.get("message") if isinstance(first, Mapping) else None
        if isinstance(first, Mapping) and isinstance(message, Mapping):
            return "" if first.get("finish_reason") in _NOT_WHOLE else _text(message.get("content"))
    return response.strip() if isinstance(response, str) else ""


def _text(content: Any) -> str:
    """The text of a turn; of a turn in parts, none when a part is no text."""
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in content):
        return "\n".join(str(part.get("text", "")) for part in content).strip()
    return ""


def _common_start(texts: Sequence[str]) -> str:
    """What all texts begin with: what the first and the last in order do."""
    first, last = min(texts), max(texts)
    length = next((n for n, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[:length]


def _up_to_break(text: str) -> str:
    ends = [text.rfind(mark) + len(mark) for mark in ("\n", ": ", ":\n", '"', ">") if mark in text]
    return text[: max(ends, default=0)]


def _from_break(text: str) -> str:
    starts = [text.find(mark) for mark in ("\n", '"', "<") if mark in text]
    return text[min(starts) :] if starts else ""
