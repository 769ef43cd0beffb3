"""Votes become P(label): what a user of any aggregator relies on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.errors import UserInputError
from prompt2model.labelling.aggregation import (
    ABSTAINED,
    Aggregator,
    DependentLabelModel,
    LabelModel,
    MajorityVote,
    Votes,
)
from prompt2model.records import Prediction

AGGREGATORS: tuple[Aggregator, ...] = (MajorityVote(), LabelModel(), DependentLabelModel())
every = pytest.mark.parametrize("aggregator", AGGREGATORS, ids=lambda one: one.name)


def table(rows: Sequence[Sequence[int]], labels: Sequence[str] = ("a", "b", "c")) -> Votes:
    array = np.array(rows, np.int64)
    return Votes(tuple(labels), tuple(f"voter {number}" for number in range(array.shape[1])), array)


def test_votes_are_read_from_predictions_and_failures_abstain() -> None:
    said = [Prediction("no"), Prediction(None, failure="rate_limited"), Prediction("perhaps")]
    votes = Votes.from_predictions(("yes", "no"), {"a": said, "b": [Prediction("yes")] * 3})
    assert votes.voters == ("a", "b")
    assert votes.choices.tolist() == [[1, 0], [ABSTAINED, 0], [ABSTAINED, 0]]


@pytest.mark.parametrize(
    ("voters", "choices", "message"),
    [
        (("a", "b"), [[0, 1, 0]], "2 voters"),
        (("a",), [0, 1], "n inputs x 1"),
        (("a",), [[3]], "positions 0 to 2"),
        (("a",), [[-2]], "positions 0 to 2"),
        (("a",), [[0.5]], "whole numbers"),
        (("a", "a"), [[0, 1]], "twice"),
        ((), [[]], "at least one voter"),
    ],
)
def test_votes_that_do_not_fit_are_refused(voters: tuple[str, ...], choices: list, message: str) -> None:
    with pytest.raises(UserInputError, match=message):
        Votes(("a", "b", "c"), voters, np.array(choices))


def test_answers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserInputError, match="every voter answers every input"):
        Votes.from_answers(("a", "b"), {"one": ["a"], "two": ["a", "b"]})
    with pytest.raises(UserInputError, match="as many labels asked for"):
        Votes.from_answers(("a", "b"), {"one": ["a", "b"]}, asked=["a"])
    with pytest.raises(UserInputError, match="twice"):
        Votes.from_answers(("a", "a"), {"one": ["a"]})


@every
def test_an_input_without_a_vote_has_no_answer(aggregator: Aggregator) -> None:
    beliefs = list(aggregator.aggregate(table([[0, 0, 0], [-1, -1, -1], [1, -1, 1]])))
    assert beliefs[1] is None
    assert [belief.answer for belief in beliefs if belief] == ["a", "b"]


@every
def test_nobody_ever_votes(aggregator: Aggregator) -> None:
    result = aggregator.aggregate(table([[-1, -1]] * 3))
    assert list(result) == [None, None, None]
    assert [voter.accuracy for voter in result.voters] == [None, None]


@every
def test_no_inputs_no_answers(aggregator: Aggregator) -> None:
    assert list(aggregator.aggregate(Votes.from_answers(("a", "b"), {"one": [], "two": []}))) == []


@every
def test_a_single_voter_is_believed_and_not_called_certain(aggregator: Aggregator) -> None:
    result = aggregator.aggregate(table([[0], [1], [-1], [1]] * 20))
    assert [result[row] and result[row].answer for row in range(4)] == ["a", "b", None, "b"]
    if aggregator.name != "majority":
        assert result[0] is not None and 0.5 < result[0].probability < 0.9


@every
def test_of_two_voters_that_differ_neither_is_likelier(aggregator: Aggregator) -> None:
    result = aggregator.aggregate(table([[0, 0], [1, 1], [2, 2]] * 20 + [[0, 1], [1, 0]] * 5))
    agreed, differed = result[0], result[60]
    assert agreed is not None and differed is not None
    assert agreed.probability > 0.7
    assert differed.probabilities[0] == pytest.approx(differed.probabilities[1], abs=1e-6)


@every
def test_a_label_that_nobody_votes_for_is_never_the_answer(aggregator: Aggregator) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (60, 1))
    result = aggregator.aggregate(table(np.where(rng.random((60, 4)) < 0.8, truth, 1 - truth), ("long", "longer", "")))
    assert {belief.answer for belief in result if belief} == {"long", "longer"}
    assert all(belief.probabilities[2] < 0.2 for belief in result if belief)


@every
def test_a_tie_goes_to_the_label_asked_for_then_to_the_shortest(aggregator: Aggregator) -> None:
    answers = {"one": ["cat", "cat", "cat"], "two": ["ox", "ox", "ox"]}
    votes = Votes.from_answers(("horse", "cat", "ox"), answers, asked=[None, "cat", "horse"])
    assert [belief and belief.answer for belief in aggregator.aggregate(votes)] == ["ox", "cat", "ox"]


def test_majority_shares_are_probabilities() -> None:
    belief = MajorityVote().aggregate(table([[0, 0, 1, -1]]))[0]
    assert belief == ("a", pytest.approx(2 / 3), (pytest.approx(2 / 3), pytest.approx(1 / 3), 0.0))


@every
def test_one_label_is_always_the_answer(aggregator: Aggregator) -> None:
    result = aggregator.aggregate(table([[0, 0, -1, 0, 0]] * 5, ["a"]))
    assert [belief and (belief.answer, round(belief.probability, 6)) for belief in result] == [("a", 1.0)] * 5


@every
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_order_changes_nothing_but_the_order(aggregator: Aggregator, data: st.DataObject) -> None:
    n, m, labels = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 5)), data.draw(st.integers(2, 4))
    cells = st.integers(-1, labels - 1)
    rows = data.draw(st.lists(st.lists(cells, min_size=m, max_size=m), min_size=n, max_size=n))
    votes = table(rows, [f"{'x' * (place % 2)}{place}" for place in range(labels)])
    inputs, voters, names = (data.draw(st.permutations(range(size))) for size in (n, m, labels))
    moved_to = np.append(np.argsort(names), -1)
    shuffled = Votes(
        tuple(votes.labels[place] for place in names),
        tuple(votes.voters[voter] for voter in voters),
        moved_to[votes.choices][np.ix_(inputs, voters)],
    )
    before, after = aggregator.aggregate(votes), aggregator.aggregate(shuffled)
    assert after.model == before.model
    np.testing.assert_array_equal(after.table, before.table[np.ix_(inputs, names)])
    for place, row in enumerate(inputs):
        one, other = before[row], after[place]
        assert (one and one.answer) == (other and other.answer)
        if one is not None:
            assert sum(one.probabilities) == pytest.approx(1)
    for place, voter in enumerate(voters):
        assert after.voters[place].accuracy == before.voters[voter].accuracy
        assert after.voters[place].weight == before.voters[voter].weight
    together = {(a, b) for a in range(m) for b in range(m) if before.voters[a].group == before.voters[b].group}
    assert together == {
        (voters[a], voters[b]) for a in range(m) for b in range(m) if after.voters[a].group == after.voters[b].group
    }
