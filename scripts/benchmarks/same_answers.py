"""Whether the engine answers as the plain model does: greedy tokens, and each token's log-probability.

Both in float32: bfloat16 rounds scores by .1 and more, in either of them, so that nothing could be told.
"""

from __future__ import annotations

from collections.abc import Sequence

from plain_transformers import PlainModel

from prompt2model.inference import CausalEngine, GenerateRequest
from prompt2model.inference.prefixes import group_by_prefix
from prompt2model.inference.runner import ModelRunner
from prompt2model.inference.scoring import build_trie, score_rows
from prompt2model.teacher.client import ChatResponse

TIE = 0.01
"""Nats between the two likeliest tokens below which rounding in float32 decides which of them it is."""

Compared = Sequence[tuple[GenerateRequest, ChatResponse, list[int]]]


def count_differences(engine: CausalEngine, plain: PlainModel, compared: Compared) -> tuple[int, int]:
    """How many greedy answers differ without a tie, and how many at a tie.

    Each row: the request, the engine's response, the plain model's tokens. The same text and the same number of tokens
    are the same tokens.
    """
    different = ties = 0
    for request, response, tokens in compared:
        text = engine.tokenizer.decode(tokens, skip_special_tokens=True)
        if response.completion_tokens == len(tokens) and response.text == text.split("\n")[0]:
            continue
        place = next(
            (
                place
                for place in range(len(tokens))
                if not response.text.startswith(engine.tokenizer.decode(tokens[: place + 1], skip_special_tokens=True))
            ),
            len(tokens) - 1,
        )
        (prompt,) = engine.encode([request.prompt])
        if plain.top_gap([*prompt, *tokens[:place]]) < TIE:
            ties += 1
        else:
            different += 1
    return different, ties


def plain_gap(
    engine: CausalEngine, one: PlainModel, other: PlainModel, rows: Sequence[tuple[GenerateRequest, list[int]]]
) -> float:
    """The largest distance of a token's log-probability between two plain models: what their formats differ by."""
    prompts = engine.encode([request.prompt for request, _ in rows])
    gaps = []
    for prompt, (_, tokens) in zip(prompts, rows, strict=True):
        (first,), (second,) = (
            plain.token_log_probabilities([[*prompt, *tokens]], [len(tokens)]) for plain in (one, other)
        )
        gaps += [abs(here - there) for here, there in zip(first, second, strict=True)]
    return max(gaps)


def largest_gap(
    engine: CausalEngine, runner: ModelRunner, plain: PlainModel, rows: Sequence[tuple[GenerateRequest, list[int]]]
) -> tuple[float, int]:
    """The largest distance of a token's log-probability from a plain forward pass, and the number of tokens.

    The engine scores every beginning of a continuation, behind the prefix that all prompts share; neighbours differ by
    one token.
    """
    prompts = engine.encode([request.prompt for request, _ in rows])
    shared = group_by_prefix(prompts, len(prompts))[0].length
    tries = [build_trie([tokens[: end + 1] for end in range(len(tokens))]) for _, tokens in rows]
    sums = score_rows(runner, runner.prefix(prompts[0][:shared]), [prompt[shared:] for prompt in prompts], tries)
    gaps = []
    for prompt, (_, tokens), found in zip(prompts, rows, sums, strict=True):
        (expected,) = plain.token_log_probabilities([[*prompt, *tokens]], [len(tokens)])
        ours = [one - before for one, before in zip(found, (0.0, *found), strict=False)]
        gaps += [abs(one - other) for one, other in zip(ours, expected, strict=True)]
    return max(gaps), len(gaps)
