"""What label models learn about voters, on simulated votes whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from prompt2model.labelling.aggregation import (
    Aggregation,
    Aggregator,
    DependentLabelModel,
    LabelModel,
    MajorityVote,
    Votes,
)

Ints = NDArray[np.int64]
models = pytest.mark.parametrize("model", (LabelModel(), DependentLabelModel()), ids=lambda one: one.name)


def voted(truth: Ints, accuracy: float, labels: int, rng: np.random.Generator) -> Ints:
    wrong = (truth + rng.integers(1, labels, len(truth))) % labels
    return np.where(rng.random(len(truth)) < accuracy, truth, wrong)


def votes_of(columns: Sequence[Ints], labels: int) -> Votes:
    names = tuple(f"voter {number}" for number in range(len(columns)))
    return Votes(tuple(f"label {number}" for number in range(labels)), names, np.stack(columns, axis=1))


def accuracy(result: Aggregation, truth: Ints) -> float:
    answered = result.places >= 0
    return float((result.places == truth)[answered].mean())


def calibration_error(result: Aggregation, truth: Ints) -> float:
    confidence = np.nanmax(result.table, axis=1)
    return abs(float(confidence.mean()) - accuracy(result, truth))


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_voter_that_is_there_three_times_counts_once(noise: float) -> None:
    rng = np.random.default_rng(1)
    labels, n = 4, 1273
    truth = rng.integers(0, labels, n)
    weak, good, other = (voted(truth, share, labels, rng) for share in (0.634, 0.79, 0.81))

    def copy() -> Ints:
        return np.where(rng.random(n) < noise, rng.integers(0, labels, n), weak)

    copied = votes_of([weak, copy(), copy(), good, other], labels)
    single = DependentLabelModel().aggregate(votes_of([weak, good, other], labels))
    duplicated = DependentLabelModel().aggregate(copied)
    # Counting heads fails, and so does trusting those who agree.
    assert accuracy(MajorityVote().aggregate(copied), truth) < 0.7
    assert accuracy(LabelModel().aggregate(copied), truth) < 0.7
    assert accuracy(duplicated, truth) > accuracy(single, truth) - 0.02
    assert calibration_error(duplicated, truth) < 0.05
    assert calibration_error(LabelModel().aggregate(copied), truth) > 0.2
    assert [voter.group for voter in duplicated.voters] == [0, 0, 0, 1, 2]
    assert [round(voter.weight, 1) for voter in duplicated.voters] == [0.3, 0.3, 0.3, 1.0, 1.0]
    right = (copied.choices == truth[:, None]).mean(axis=0).tolist()
    assert [voter.accuracy for voter in duplicated.voters] == pytest.approx(right, abs=0.06)


@pytest.mark.parametrize("original", [0, 1, 2])
def test_noisy_copies_repeat_the_original_and_not_one_another(original: int) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 1000)
    weak, good, other = (voted(truth, share, 2, rng) for share in (0.634, 0.79, 0.81))
    columns = [np.where(rng.random(1000) < 0.07, rng.integers(0, 2, 1000), weak) for _ in range(3)]
    columns[original] = weak
    single = DependentLabelModel().aggregate(votes_of([weak, good, other], 2))
    duplicated = DependentLabelModel().aggregate(votes_of([*columns, good, other], 2))
    assert accuracy(duplicated, truth) > accuracy(single, truth) - 0.02


def test_independent_voters_stay_apart() -> None:
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 4, 1000)
    result = DependentLabelModel().aggregate(
        votes_of([voted(truth, share, 4, rng) for share in (0.98, 0.97, 0.97, 0.6, 0.7, 0.8)], 4)
    )
    assert [voter.group for voter in result.voters] == list(range(6))
    assert min(voter.weight for voter in result.voters) > 0.7
    assert accuracy(result, truth) > 0.98


def test_voters_that_follow_one_of_them_now_and_then_are_one_group() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 4, 1500)
    columns = [voted(truth, share, 4, rng) for share in (0.6, 0.6, 0.6, 0.75, 0.75, 0.8)]
    for follower in (1, 2):
        columns[follower] = np.where(rng.random(len(truth)) < 0.6, columns[0], columns[follower])
    votes = votes_of(columns, 4)
    result = DependentLabelModel().aggregate(votes)
    assert [voter.group for voter in result.voters] == [0, 0, 0, 1, 2, 3]
    assert accuracy(result, truth) > accuracy(MajorityVote().aggregate(votes), truth) + 0.03


def test_few_inputs_that_cannot_tell_copies_from_good_voters_leave_it_open() -> None:
    gain = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, 4, 300)
        good, *weak = (voted(truth, share, 4, rng) for share in (0.85, 0.6, 0.65, 0.6))
        votes = votes_of([good, good.copy(), good.copy(), *weak], 4)
        result = DependentLabelModel().aggregate(votes)
        gain.append(accuracy(result, truth) - accuracy(MajorityVote().aggregate(votes), truth))
        # Copies that are believed all alike would be certain, and as often wrong as one of them.
        assert calibration_error(result, truth) < 0.1
    assert np.mean(gain) > 0


@pytest.mark.parametrize("wrong", [1, 2])
def test_voters_that_are_wrong_alike_are_not_all_that_dependence_is_seen_in(wrong: int) -> None:
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 2, 1000)
    columns = [voted(truth, share, 2, rng) for share in (0.2, 0.3)[:wrong]]
    columns += [voted(truth, share, 2, rng) for share in (0.75, 0.8, 0.65, 0.8, 0.75)[: 3 + wrong]]
    votes = votes_of(columns, 2)
    result = DependentLabelModel().aggregate(votes)
    assert accuracy(result, truth) > accuracy(MajorityVote().aggregate(votes), truth) + 0.05
    assert calibration_error(result, truth) < 0.06


@models
def test_good_voters_outweigh_more_weak_ones(model: Aggregator) -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 4, 800)
    votes = votes_of([voted(truth, share, 4, rng) for share in (0.4, 0.45, 0.4, 0.9, 0.85)], 4)
    result = model.aggregate(votes)
    assert accuracy(result, truth) > accuracy(MajorityVote().aggregate(votes), truth) + 0.05
    # The good two disagree with the majority together, which looks a little like dependence.
    near = 0.06 if model.name == "label model" else 0.12
    assert [voter.accuracy for voter in result.voters] == pytest.approx([0.4, 0.45, 0.4, 0.9, 0.85], abs=near)
    assert calibration_error(result, truth) < 2 * near


@models
def test_a_voter_that_always_says_the_opposite_is_turned_round(model: Aggregator) -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 600)
    votes = votes_of([voted(truth, share, 2, rng) for share in (0.1, 0.7, 0.75, 0.72)], 2)
    result = model.aggregate(votes)
    assert result.voters[0].accuracy == pytest.approx(0.1, abs=0.08)
    assert accuracy(result, truth) > 0.88 > accuracy(MajorityVote().aggregate(votes), truth)


@models
def test_abstentions_say_nothing(model: Aggregator) -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, 4, 600)
    columns = [voted(truth, share, 4, rng) for share in (0.5, 0.6, 0.8, 0.9)]
    for column in columns:
        column[rng.random(len(truth)) < 0.4] = -1
    votes = votes_of(columns, 4)
    result = model.aggregate(votes)
    silent = (votes.choices < 0).all(axis=1)
    assert silent.any()
    assert [belief is None for belief in result] == silent.tolist()
    assert [voter.votes for voter in result.voters] == [int((column >= 0).sum()) for column in columns]
    assert accuracy(result, truth) >= accuracy(MajorityVote().aggregate(votes), truth)


def test_of_copies_that_abstain_the_one_that_votes_counts_in_full() -> None:
    rng = np.random.default_rng(7)
    truth = rng.integers(0, 4, 1200)
    weak = voted(truth, 0.65, 4, rng)
    columns = [weak, weak.copy(), weak.copy(), voted(truth, 0.8, 4, rng), voted(truth, 0.8, 4, rng)]
    columns[1][:200] = columns[2][:200] = -1
    copied = DependentLabelModel().aggregate(votes_of(columns, 4))
    single = DependentLabelModel().aggregate(votes_of([columns[0], *columns[3:]], 4))
    np.testing.assert_allclose(copied.table[:200], single.table[:200], atol=0.02)


@models
@pytest.mark.parametrize(("labels", "n"), [(77, 30), (2, 20)])
def test_few_inputs_leave_the_majority_in_place(model: Aggregator, labels: int, n: int) -> None:
    lost = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = rng.integers(0, labels, n)
        votes = votes_of([voted(truth, 0.7, labels, rng) for _ in range(5)], labels)
        majority, result = MajorityVote().aggregate(votes), model.aggregate(votes)
        first, second = np.sort(majority.table, axis=1)[:, -2:].T[::-1]
        # Where the majority has a lead of two votes, few inputs are no reason to leave it.
        clear = first - second > 0.39
        lost += int((result.places != majority.places)[clear].sum())
    assert lost <= 1


@models
def test_class_balance_is_learned(model: Aggregator) -> None:
    rng = np.random.default_rng(8)
    truth = (rng.random(800) < 0.1).astype(np.int64)
    votes = votes_of([voted(truth, share, 2, rng) for share in (0.7, 0.75, 0.7, 0.8)], 2)
    result = model.aggregate(votes)
    assert accuracy(result, truth) > accuracy(MajorityVote().aggregate(votes), truth) + 0.01
    assert (result.places[truth == 1] == 1).any()


@models
def test_voters_that_guess_do_not_make_one_label_the_answer_to_everything(model: Aggregator) -> None:
    rng = np.random.default_rng(9)
    for labels in (2, 3):
        result = model.aggregate(votes_of(list(rng.integers(0, labels, (4, 60))), labels))
        assert len(set(result.places)) == labels


def test_the_same_votes_give_the_same_numbers() -> None:
    rng = np.random.default_rng(10)
    votes = votes_of(list(rng.integers(-1, 3, (5, 40))), 3)
    first, second = DependentLabelModel().aggregate(votes), DependentLabelModel().aggregate(votes)
    np.testing.assert_array_equal(first.table, second.table)
    assert first.voters == second.voters
