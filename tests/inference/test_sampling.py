"""Sampled tokens follow the distribution that temperature and nucleus define."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from prompt2model.inference import sampling
from prompt2model.inference.sampling import RowSampler, next_tokens

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])


def _expected(temperature: float, top_p: float) -> torch.Tensor:
    probabilities = torch.softmax(LOGITS / temperature, dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    kept = torch.where(before < top_p, probabilities, 0)
    return kept / kept.sum()


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.8), (1.7, 0.9), (1.0, 0.05)])
@pytest.mark.parametrize("rounds", [24, 0], ids=["by rejection", "by sorting"])
def test_tokens_follow_the_distribution(
    temperature: float, top_p: float, rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "_ROUNDS", rounds)
    rows = 4000
    samplers = [RowSampler(temperature, top_p, seed) for seed in range(rows)]
    counts = Counter(next_tokens(LOGITS.expand(rows, -1), samplers))
    for token, probability in enumerate(_expected(temperature, top_p).tolist()):
        deviation = (probability * (1 - probability) / rows) ** 0.5
        assert counts[token] / rows == pytest.approx(probability, abs=4.5 * deviation)


def test_a_wide_vocabulary_is_searched_in_blocks() -> None:
    logits = torch.full((1, 49152 - 7), -30.0)
    logits[0, [3, 300, 49144]] = 5.0
    drawn = {next_tokens(logits, [RowSampler(1.0, 1.0, seed)])[0] for seed in range(40)}
    assert drawn == {3, 300, 49144}


def test_one_row_is_not_changed_by_the_others() -> None:
    logits = torch.randn(5, 1000, generator=torch.Generator().manual_seed(0))
    alone = next_tokens(logits[2:3], [RowSampler(1.0, 0.9, 7)])
    together = next_tokens(logits, [RowSampler(t, p, 7) for t, p in ((0, 1), (2, 1), (1, 0.9), (0.3, 0.5), (0, 1))])
    assert together[2] == alone[0]
    assert together[0] == int(logits[0].argmax())


def test_a_nan_free_answer_at_extreme_logits() -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], dtype=torch.bfloat16)
    assert next_tokens(logits, [RowSampler(0.01, 0.5, 1)]) == [0]
