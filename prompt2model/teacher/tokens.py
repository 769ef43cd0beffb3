"""How many tokens a text has, without a tokenizer: for reservations, and where an endpoint reports no usage."""

from __future__ import annotations

from collections.abc import Iterable

from prompt2model.teacher.client import Message

_PER_MESSAGE = 8
"""Role, separators and the like around one message of a chat."""
_PER_SCHEMA = 32
"""Words around a schema that an endpoint puts into the prompt."""


def likely_tokens(text: str) -> int:
    """About how many tokens: four letters of ASCII are one, every other character is one."""
    others = sum(1 for character in text if ord(character) > 127)
    return -(-(len(text) - others) // 4) + others


def most_tokens(messages: Iterable[Message], schema: str = "") -> int:
    """What the prompt has at most: two ASCII letters, digits or spaces are one token, every other byte is one.

    Byte-level vocabularies never need more than one token a byte; words and numbers need far fewer. A schema counts
    too: endpoints may show it to the model.
    """
    shown = _PER_SCHEMA + _most(schema) if schema else 0
    return _PER_MESSAGE + sum(_PER_MESSAGE + _most(message.content) for message in messages) + shown


def _most(text: str) -> int:
    plain = sum(1 for character in text if character.isascii() and (character.isalnum() or character == " "))
    return -(-plain // 2) + len(text.encode("utf-8", "surrogatepass")) - plain


def likely_prompt_tokens(messages: Iterable[Message]) -> int:
    """About how many tokens the messages of a chat have."""
    return sum(_PER_MESSAGE // 2 + likely_tokens(message.content) for message in messages)
