"""What prompt chains will ask, counted before the first call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from prompt2model.labelling.chains import Chain
from prompt2model.prompt_program import Block, PromptProgram
from prompt2model.teacher.tokens import likely_tokens

_TURN = 8
"""Tokens of one turn's marks."""
_WRITTEN = 24
"""Tokens of what an inner block writes, most of what it may."""


class ChainCost(NamedTuple):
    """Calls and tokens for one input."""

    calls: int
    prompt_tokens: float
    completion_tokens: float


def chain_cost(chains: Iterable[Chain], input_tokens: float, *, scored: bool) -> ChainCost:
    """What all chains ask about an input of so many tokens.

    `scored`: by a client that scores the last block and computes what prompts share once; else every call is charged
    for its whole prompt.
    """
    calls, prompt, completion = 0, 0.0, 0.0
    for program in (program for chain in chains for program in chain.programs):
        for block in program.blocks:
            last = block is program.blocks[-1]
            calls += 1
            prompt += likely_tokens(block.prompt) + input_tokens + _TURN + (0 if scored else _shared_tokens(block))
            if last and scored:
                prompt += sum(likely_tokens(word) + 1 for word in program.words)
            else:
                completion += _answer_tokens(program) if last else min(block.max_tokens, _WRITTEN)
    return ChainCost(calls, prompt, completion)


def _shared_tokens(block: Block) -> float:
    """System text and demonstrations."""
    turn = likely_tokens(block.prompt) + 2 * _TURN
    texts = [text for one in block.demonstrations for text in (*one.values.values(), one.output)]
    return likely_tokens(block.system) + _TURN + turn * len(block.demonstrations) + sum(map(likely_tokens, texts))


def _answer_tokens(program: PromptProgram) -> float:
    return max((likely_tokens(word) for word in program.words), default=0) + 2
