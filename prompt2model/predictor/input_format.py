"""How an item becomes the text that a student reads, in training and at answering alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any

from prompt2model.records import Family, Item

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

INPUT_SLOT = "{input}"
"""Where the input goes in an input format; the rest of the format is taken as it is."""


@dataclass(frozen=True, slots=True)
class EncodedInput:
    """One rendered input: its text, its tokens, and whether something of it had to be cut to fit."""

    text: str
    ids: tuple[int, ...]
    truncated: bool


def input_format_for(family: Family, instruction: str) -> str:
    """The input format of a new student; `instruction` may be empty.

    Whatever does not write reads the bare input: the labels are fixed, and the instruction would only cost time.
    An `{input}` of the instruction's own becomes a word, so that the format has one slot.
    """
    instruction = instruction.replace(INPUT_SLOT, INPUT_SLOT.strip("{}"))
    if family in ("tfidf", "embedding", "encoder"):
        return INPUT_SLOT
    head = f"{instruction}\n\n" if instruction else ""
    if family == "encoder_decoder":
        return f"{head}{INPUT_SLOT}"
    return f"{head}Input: {INPUT_SLOT}\nOutput:"


def render_input(item: Item, input_format: str) -> str:
    """The text that the student reads: the input, then its choices (A., B., …) and its evidence, in the format."""
    return input_format.replace(INPUT_SLOT, _body(item), 1)


def encode_inputs(
    tokenizer: PreTrainedTokenizerBase, items: Sequence[Item], input_format: str, max_tokens: int
) -> list[EncodedInput]:
    """Tokens of the rendered items, special tokens included, at most `max_tokens` each.

    What does not fit is cut from the item, never from the format around it: evidence first, then the input's end.
    """
    texts = [render_input(item, input_format) for item in items]
    rows: list[list[int]] = tokenizer(texts, verbose=False)["input_ids"] if texts else []
    return [
        EncodedInput(text, tuple(row), False)
        if len(row) <= max_tokens
        else _cut(tokenizer, item, input_format, max_tokens)
        for item, text, row in zip(items, texts, rows, strict=True)
    ]


def _body(item: Item) -> str:
    parts = [item.input]
    if item.choices:
        parts.append("\n".join(f"{_letter(number)}. {choice}" for number, choice in enumerate(item.choices)))
    # Options may share a passage, and for some nothing is found.
    if passages := list(dict.fromkeys(filter(None, item.evidence))):
        parts.append("Evidence:\n" + "\n".join(passages))
    return "\n".join(parts)


def _letter(number: int) -> str:
    return ascii_uppercase[number] if number < len(ascii_uppercase) else str(number + 1)


def _cut(tokenizer: Any, item: Item, input_format: str, max_tokens: int) -> EncodedInput:
    def encode(candidate: Item) -> EncodedInput:
        text = render_input(candidate, input_format)
        return EncodedInput(text, tuple(tokenizer(text, verbose=False)["input_ids"]), True)

    for kept in range(len(item.evidence) - 1, -1, -1):
        item = dataclasses.replace(item, evidence=item.evidence[:kept])
        shorter = encode(item)
        if len(shorter.ids) <= max_tokens:
            return shorter
    # Tokens depend on their neighbours, so the longest input that fits is searched for: length grows with the text.
    fits, too_long = 0, len(item.input)
    best = encode(dataclasses.replace(item, input=""))
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        shorter = encode(dataclasses.replace(item, input=item.input[:middle]))
        if len(shorter.ids) <= max_tokens:
            fits, best = middle, shorter
        else:
            too_long = middle
    return dataclasses.replace(best, ids=best.ids[:max_tokens])
