"""Log-probabilities of given answers: the shared prompt once, each rest once, all answers of an input in one pass.

The answers of an input form a trie of tokens, laid behind the input's own tokens in one sequence; a token sees the
input and its ancestors in the trie only (tree attention, as in SpecInfer, arXiv 2305.09781). So answers that begin
alike share their beginnings, and one forward pass scores them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from prompt2model.inference.kv_cache import SlotCache
from prompt2model.inference.parts import parts_of_similar_size
from prompt2model.inference.runner import ModelRunner

READ_TOKENS = 2048
"""Most tokens, padding included, that one forward pass reads."""
LOGIT_ROWS = 256
"""Positions whose vocabulary scores are held in memory at a time."""


@dataclass(frozen=True)
class Trie:
    """Answers as a trie without their last tokens (those are only predicted, never read).

    Node i has token `tokens[i]`, parent `parents[i]` (-1: the prompt's end) and stands `depths[i]` tokens after it.
    `lookups[a]` lists for answer a the pairs (node after which, token) whose log-probabilities add up to its score.
    """

    tokens: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    lookups: list[list[tuple[int, int]]] = field(default_factory=list)


def build_trie(answers: Sequence[Sequence[int]]) -> Trie:
    """The trie of answers given as token ids, none of them empty."""
    trie = Trie()
    children: dict[tuple[int, int], int] = {}
    for answer in answers:
        node, lookups = -1, []
        for depth, token in enumerate(answer):
            lookups.append((node, token))
            if depth == len(answer) - 1:
                break
            if (node, token) not in children:
                children[node, token] = len(trie.tokens)
                trie.tokens.append(token)
                trie.parents.append(node)
                trie.depths.append(depth)
            node = children[node, token]
        trie.lookups.append(lookups)
    return trie


def score_rows(
    runner: ModelRunner, prefix: SlotCache, prompts: Sequence[Sequence[int]], tries: Sequence[Trie]
) -> list[tuple[float, ...]]:
    """For each prompt (tokens after the shared prefix, at least one) the log-probability of each answer of its trie."""
    sizes = [len(prompt) + len(trie.tokens) for prompt, trie in zip(prompts, tries, strict=True)]
    scores: list[tuple[float, ...]] = [()] * len(prompts)
    cache = runner.new_cache(prefix=prefix)
    ordered = sorted(range(len(sizes)), key=lambda row: (sizes[row], row))
    for places in parts_of_similar_size([sizes[row] for row in ordered], READ_TOKENS):
        part = [ordered[place] for place in places]
        found = _score_part(runner, cache, [prompts[row] for row in part], [tries[row] for row in part])
        for row, values in zip(part, found, strict=True):
            scores[row] = values
    return scores


def _score_part(
    runner: ModelRunner, cache: SlotCache, prompts: Sequence[Sequence[int]], tries: Sequence[Trie]
) -> list[tuple[float, ...]]:
    ids = runner.padded([[*prompt, *trie.tokens] for prompt, trie in zip(prompts, tries, strict=True)])
    positions, visible = _layout(prompts, tries, ids.shape[1])
    hidden = runner.read(ids, cache.prefix_length + positions.to(runner.device), visible.to(runner.device), cache)
    # One place per (row, trie node): the hidden state after the prompt's last token (node -1) or after the node.
    places: dict[tuple[int, int], int] = {}
    wanted: list[tuple[int, int]] = []
    for row, trie in enumerate(tries):
        for lookups in trie.lookups:
            for node, token in lookups:
                wanted.append((places.setdefault((row, node), len(places)), token))
    columns = [len(prompts[row]) + node for row, node in places]
    states = hidden[[row for row, _ in places], columns]
    found = iter(_token_log_probabilities(runner, states, wanted))
    return [tuple(sum(next(found) for _ in lookups) for lookups in trie.lookups) for trie in tries]


def _layout(prompts: Sequence[Sequence[int]], tries: Sequence[Trie], width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions [rows, width] and who sees whom [rows, width, width]; filling sees what stands before it."""
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    visible = causal.repeat(len(prompts), 1, 1)
    positions = torch.arange(width).repeat(len(prompts), 1)
    for row, (prompt, trie) in enumerate(zip(prompts, tries, strict=True)):
        begin = len(prompt)
        for node, (parent, depth) in enumerate(zip(trie.parents, trie.depths, strict=True)):
            positions[row, begin + node] = begin + depth
            sees = visible[row, begin + node]
            sees[begin:] = visible[row, begin + parent, begin:] if parent >= 0 else False
            sees[begin + node] = True
    return positions, visible


def _token_log_probabilities(
    runner: ModelRunner, states: torch.Tensor, wanted: Sequence[tuple[int, int]]
) -> list[float]:
    """For each (state, token) the log-probability of the token after that state."""
    values = torch.empty(len(wanted), dtype=torch.float64)
    by_part: dict[int, list[int]] = {}
    for index, (state, _) in enumerate(wanted):
        by_part.setdefault(state // LOGIT_ROWS, []).append(index)
    for part, indices in sorted(by_part.items()):
        logits = runner.logits(states[part * LOGIT_ROWS : (part + 1) * LOGIT_ROWS]).float()
        rows = [wanted[index][0] - part * LOGIT_ROWS for index in indices]
        tokens = [wanted[index][1] for index in indices]
        exact = runner.token_logits(states[[wanted[index][0] for index in indices]], torch.tensor(tokens))
        picked = logits[rows, tokens] if exact is None else exact
        values[indices] = (picked.double() - logits.logsumexp(dim=-1)[rows].double()).cpu()
    return values.tolist()
