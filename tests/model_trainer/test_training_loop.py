"""The loop by itself, on a model of one number, and the batches that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.console import SilentProgress
from prompt2model.model_trainer import ModelTrainerConfig
from prompt2model.model_trainer.batching import TokenRows, epoch_batches, parts_within, steps_in_epoch
from prompt2model.model_trainer.checkpoint import Checkpoints
from prompt2model.model_trainer.fitting import Fitting, Tally, Validation
from prompt2model.model_trainer.loop import fit, reproducible
from prompt2model.model_trainer.plan import Plan


class OneNumber(Fitting):
    """A model whose loss falls for ever, with validations as they are given."""

    def __init__(self, scores: Sequence[float], answers: int) -> None:
        import torch

        self.model: Any = torch.nn.Linear(1, 1)
        self.lengths = np.ones(8, dtype=np.int64)
        self.weights = np.ones(8)
        self.validation_rows = len(scores)
        self.scores = list(scores)
        self.answers = answers
        self.seen: list[float] = []

    def loss_sum(self, rows: Sequence[int]) -> Any:
        return (self.model.weight.sum() + 100) * len(rows)

    def validate(self, rows: Sequence[int]) -> Tally:
        self.seen.append(self.model.weight.item())
        return Tally(1.0, 1.0, self.scores.pop(0) * self.answers, self.answers)


def plan(epochs: int, **changes: Any) -> Plan:
    settings: dict[str, Any] = {
        "epochs": epochs,
        "steps_per_epoch": 2,
        "batch_size": 4,
        "learning_rate": 0.1,
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "validate_every": 100,
        "patience": None,
        "max_tokens_at_once": 100,
        "bf16": False,
        "seed": 0,
        "device": "cpu",
    }
    return Plan(**{**settings, **changes})


def train(
    scores: Sequence[float],
    answers: int = 10_000,
    *,
    epochs: int | None = None,
    checkpoints: Checkpoints | None = None,
    progress: Any = None,
    **changes: Any,
) -> tuple[OneNumber, Any]:
    with reproducible(0):
        fitting = OneNumber(scores, answers)
        training = plan(epochs or len(scores), **changes)
        return fitting, fit(fitting, training, progress or SilentProgress(), checkpoints)


def test_the_weights_of_the_best_validation_come_back() -> None:
    fitting, fitted = train([0.2, 0.9, 0.5, 0.8])
    assert fitted.best_step == 4
    assert fitting.model.weight.item() == fitting.seen[1] != fitting.seen[-1]
    assert fitted.best == Validation(1.0, 0.9, 10_000)


def test_of_those_that_cannot_be_told_from_the_best_the_latest_is_kept() -> None:
    fitting, fitted = train([0.2, 0.9, 0.88, 0.85], answers=100)
    assert fitted.best_step == 6
    assert fitting.model.weight.item() == fitting.seen[2]
    # Each is close to the one before, but the last is no longer close to the best.
    assert train([0.92, 0.9, 0.88, 0.86], answers=100)[1].best_step == 4
    assert train([0.0, 1.0, 0.0], answers=1)[1].best_step == 4


def test_patience_counts_validations_without_a_better_one() -> None:
    _, fitted = train([0.2, 0.9, 0.9, 0.9, 0.9], patience=2)
    assert fitted.curve[-1].step == fitted.best_step == 8


def test_validations_stand_at_even_distances_and_at_each_epochs_end() -> None:
    long_epochs = plan(2, steps_per_epoch=10, validate_every=4)
    assert [step for step in range(1, 21) if long_epochs.validates_at(step)] == [3, 7, 10, 13, 17, 20]


def test_the_rate_rises_and_falls_in_lines() -> None:
    rates = [plan(5, warmup_steps=4).rate(step) for step in range(1, 11)]
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1 * 5 / 6, 0.1 * 4 / 6, 0.05, 0.1 / 3, 0.1 / 6])


@given(st.lists(st.integers(1, 30), min_size=1, max_size=300), st.integers(1, 40), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_an_epoch_has_every_row_once_in_batches_of_nearly_one_size(lengths: list[int], size: int, seed: int) -> None:
    batches = epoch_batches(np.array(lengths), size, np.random.default_rng(seed))
    assert sorted(int(row) for batch in batches for row in batch) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    assert len(batches) == steps_in_epoch(len(lengths), size)
    again = epoch_batches(np.array(lengths), size, np.random.default_rng(seed))
    assert all((one == other).all() for one, other in zip(batches, again, strict=True))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=60), st.integers(1, 80))
@settings(max_examples=60, deadline=None)
def test_parts_keep_within_their_limit(lengths: list[int], most: int) -> None:
    parts = list(parts_within(range(len(lengths)), np.array(lengths), most))
    assert sorted(row for part in parts for row in part) == list(range(len(lengths)))
    assert all(len(part) == 1 or len(part) * max(lengths[row] for row in part) <= most for part in parts)


def test_batches_hold_rows_of_similar_length() -> None:
    lengths = np.random.default_rng(0).integers(5, 100, 2000)
    batches = epoch_batches(lengths, 32, np.random.default_rng(1))
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    assert padded < 1.08 * lengths.sum()


def test_token_rows_give_back_what_was_put_in() -> None:
    rows = TokenRows([[1, 2], [], [3]])
    assert (len(rows), list(rows[0]), list(rows[1]), list(rows[2])) == (3, [1, 2], [], [3])
    assert rows.lengths.tolist() == [2, 0, 1]


def test_few_rows_get_more_epochs_up_to_twenty() -> None:
    config = ModelTrainerConfig(epochs=3, min_steps=100)
    assert [config.epochs_for(steps) for steps in (1, 10, 20, 100)] == [20, 10, 5, 3]
    assert ModelTrainerConfig(epochs=30).epochs_for(1) == 30
