"""Choosing the next token of every row, each with its own temperature, nucleus and random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

_BLOCK = 256
"""Tokens per block of the two-step search in the cumulative distribution."""
_ROUNDS = 24
"""Draws outside the nucleus after which it is cut exactly."""


class RowSampler:
    """The random numbers of one request: a counter-based stream (Philox) of its seed."""

    def __init__(self, temperature: float, top_p: float, seed: int) -> None:
        self.temperature = temperature
        self.top_p = top_p
        self._random = np.random.Generator(np.random.Philox(seed & 0xFFFF_FFFF_FFFF_FFFF))

    def uniform(self) -> float:
        """The next number of the stream, in [0, 1)."""
        return float(self._random.random())


def next_tokens(logits: torch.Tensor, samplers: Sequence[RowSampler]) -> list[int]:
    """The next token of each row of `logits` [rows, vocabulary]: the likeliest at temperature 0, else drawn."""
    chosen = [0] * len(samplers)
    for greedy in (True, False):
        rows = [row for row, sampler in enumerate(samplers) if (sampler.temperature == 0) == greedy]
        if not rows:
            continue
        part = logits if len(rows) == len(samplers) else logits[rows]
        tokens = part.argmax(dim=-1).tolist() if greedy else _draw(part, [samplers[row] for row in rows])
        for row, token in zip(rows, tokens, strict=True):
            chosen[row] = token
    return chosen


def _draw(logits: torch.Tensor, samplers: Sequence[RowSampler]) -> list[int]:
    """Nucleus sampling by rejection: draw from the whole distribution until the token lies in the nucleus.

    A token lies in the nucleus when the tokens above it hold less than `top_p` of the mass. Drawing and testing leaves
    exactly the nucleus' distribution and never sorts the vocabulary.
    """
    weights = _weights(logits, samplers)
    block_mass = _block_sums(weights)
    edges = block_mass.cumsum(dim=-1)
    total = edges[:, -1]
    chosen = [0] * len(samplers)
    open_rows = list(range(len(samplers)))
    for _ in range(_ROUNDS):
        uniforms = [samplers[row].uniform() for row in open_rows]
        tokens = _search(weights, edges, block_mass, open_rows, uniforms)
        inside = _in_nucleus(weights, total, open_rows, tokens, [samplers[row].top_p for row in open_rows])
        for row, token in zip(open_rows, tokens.tolist(), strict=True):
            chosen[row] = token
        open_rows = [row for row, accepted in zip(open_rows, inside, strict=True) if not accepted]
        if not open_rows:
            return chosen
    for row in open_rows:
        chosen[row] = _draw_sorted(weights[row], samplers[row])
    return chosen


def _weights(logits: torch.Tensor, samplers: Sequence[RowSampler]) -> torch.Tensor:
    """Unnormalised probabilities in float32, at most 1; the vocabulary padded with zeros to whole blocks."""
    temperatures = torch.tensor([sampler.temperature for sampler in samplers], device=logits.device).unsqueeze(-1)
    rows, size = logits.shape
    weights = torch.zeros(rows, -(-size // _BLOCK) * _BLOCK, device=logits.device)
    scores = logits.float() - logits.max(dim=-1, keepdim=True).values
    weights[:, :size] = scores.div_(temperatures).exp_()
    return weights


def _block_sums(weights: torch.Tensor) -> torch.Tensor:
    return weights.view(weights.shape[0], -1, _BLOCK).sum(dim=-1)


def _search(
    weights: torch.Tensor, edges: torch.Tensor, block_mass: torch.Tensor, rows: list[int], uniforms: list[float]
) -> torch.Tensor:
    """The token at which the cumulative mass of each row passes its uniform number."""
    index = torch.tensor(rows, device=weights.device)
    goal = torch.tensor(uniforms, device=weights.device, dtype=edges.dtype) * edges[index, -1]
    block = torch.searchsorted(edges[index], goal.unsqueeze(-1), right=True).squeeze(-1).clamp(max=edges.shape[1] - 1)
    before = edges[index, block] - block_mass[index, block]
    inner = weights.view(weights.shape[0], -1, _BLOCK)[index, block].cumsum(dim=-1)
    offset = torch.searchsorted(inner, (goal - before).unsqueeze(-1), right=True).squeeze(-1)
    # Rounding can put the goal past the block's last token that has any mass: then that token it is.
    last = (inner < inner[:, -1:]).sum(dim=-1)
    return block * _BLOCK + torch.minimum(offset, last)


def _in_nucleus(
    weights: torch.Tensor, total: torch.Tensor, rows: list[int], tokens: torch.Tensor, top_p: list[float]
) -> list[bool]:
    index = torch.tensor(rows, device=weights.device)
    share = torch.tensor(top_p, device=weights.device)
    weight = weights[index, tokens]
    # What lies above the token is at most the rest: likely tokens need no look at the vocabulary.
    inside = (share >= 1) | (1 - weight / total[index] < share)
    for position in (~inside).nonzero().squeeze(-1).tolist():
        row = weights[rows[position]]
        above = row[row > weight[position]].sum()
        inside[position] = above < share[position] * total[rows[position]]
    return inside.tolist()


def _draw_sorted(weights: torch.Tensor, sampler: RowSampler) -> int:
    ordered, tokens = weights.sort(descending=True)
    mass = ordered.cumsum(dim=-1)
    kept = int((mass - ordered < sampler.top_p * mass[-1]).sum())
    goal = sampler.uniform() * mass[kept - 1]
    return int(tokens[min(int(torch.searchsorted(mass[:kept], goal, right=True)), kept - 1)])
