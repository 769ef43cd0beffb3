"""Examples as token rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from prompt2model.model_trainer.batching import TokenRows
from prompt2model.predictor import EncodedInput, encode_inputs
from prompt2model.records import Example, Item

_CHUNK = 1024


@dataclass(frozen=True, slots=True)
class AnswerRows:
    """Inputs and written answers as tokens, row by row, and how many rows lost something to the limits."""

    inputs: TokenRows
    answers: TokenRows
    truncated: int


def item_of(row: Example) -> Item:
    """What a student is shown of a row."""
    return Item(row.input, row.choices, row.evidence)


def encoded_examples(
    rows: Iterable[Example], tokenizer: Any, input_format: str, max_tokens: int
) -> Iterator[tuple[Example, EncodedInput]]:
    """Each row with its tokens; streams."""
    source = iter(rows)
    while chunk := list(islice(source, _CHUNK)):
        encoded = encode_inputs(tokenizer, [item_of(row) for row in chunk], input_format, max_tokens)
        yield from zip(chunk, encoded, strict=True)


def answer_rows(
    rows: Iterable[Example],
    tokenizer: Any,
    input_format: str,
    max_input_tokens: int,
    max_target_tokens: int,
    *,
    continued: bool,
) -> AnswerRows:
    """Inputs and answers as tokens; every whole answer ends in the end-of-sequence token, so that stopping is learned.

    `continued`: the answer goes on after the input in one text (decoders); it then starts with a space and has no
    special tokens of its own.
    """
    inputs, answers = TokenRows(), TokenRows()
    truncated = 0
    for row, encoded in encoded_examples(rows, tokenizer, input_format, max_input_tokens):
        answer = _continuation(row.target, tokenizer) if continued else tokenizer(text_target=row.target)["input_ids"]
        if not answer or answer[-1] != tokenizer.eos_token_id:
            answer = [*answer, tokenizer.eos_token_id]
        # Some decoders' tokenizers end every text; the input goes on, so its end is taken off.
        ends = continued and encoded.ids[-1] == tokenizer.eos_token_id
        inputs.append(encoded.ids[:-1] if ends else encoded.ids)
        answers.append(answer[:max_target_tokens])
        truncated += encoded.truncated or len(answer) > max_target_tokens
    return AnswerRows(inputs, answers, truncated)


def _continuation(answer: str, tokenizer: Any) -> list[int]:
    """Tokens of an answer as they stand after other text, which a tokenizer may split otherwise at a text's start."""
    mark, joined = tokenizer(["\n", f"\n {answer}"], add_special_tokens=False)["input_ids"]
    whole: list[int] = joined[len(mark) :] if joined[: len(mark)] == mark else []
    return whole or tokenizer(f" {answer}", add_special_tokens=False)["input_ids"]
