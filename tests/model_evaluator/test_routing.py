"""Confidence: how far it is from the truth, and from where on the student may answer alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2model.measures.answers import AnsweredRow
from prompt2model.model_evaluator.routing import calibration, chosen_confidence, routing


def answers(pairs: Sequence[tuple[float, bool]]) -> list[AnsweredRow]:
    return [
        AnsweredRow(str(number), "correct" if right else "wrong", "x", confidence=confidence)
        for number, (confidence, right) in enumerate(pairs)
    ]


def test_the_calibration_error_is_the_mean_distance_of_the_bins() -> None:
    found = calibration(answers([(0.95, True)] * 6 + [(0.95, False)] * 4 + [(0.55, True)] * 10), 200, 0)
    assert found is not None
    assert [(one.n, one.right) for one in found.bins] == [(10, 1.0), (10, 0.6)]
    assert found.error.value == pytest.approx(0.5 * 0.45 + 0.5 * 0.35)
    assert found.error.low <= found.error.value <= found.error.high
    assert calibration([AnsweredRow("1", "correct", "x")], 200, 0) is None


def test_the_lowest_confidence_that_is_good_enough_is_chosen() -> None:
    held = answers([(0.9, True)] * 30 + [(0.7, True)] * 8 + [(0.7, False)] * 2 + [(0.4, False)] * 20)
    assert chosen_confidence(held, 1.0) == 0.9
    assert chosen_confidence(held, 0.95) == 0.7
    assert chosen_confidence(held, 0.5) == 0.4
    assert chosen_confidence(answers([(0.9, True)] * 19), 0.5) is None, "too few to conclude from"
    assert chosen_confidence(answers([(0.9, False)] * 50), 0.5) is None


@given(st.lists(st.tuples(st.sampled_from([0.3, 0.5, 0.7, 0.9]), st.booleans()), max_size=80), st.floats(0, 1))
def test_what_is_chosen_keeps_its_promise_on_the_rows_it_was_chosen_on(
    pairs: list[tuple[float, bool]], wanted: float
) -> None:
    chosen = chosen_confidence(answers(pairs), wanted)
    if chosen is not None:
        taken = [right for confidence, right in pairs if confidence >= chosen]
        assert len(taken) >= 20
        assert sum(taken) / len(taken) >= wanted


def test_the_table_compares_on_the_same_rows() -> None:
    test = answers([(0.99, True)] * 50 + [(0.6, False)] * 30 + [(0.6, True)] * 20)
    teacher = [AnsweredRow(str(number), "correct" if number % 2 else "wrong", "x") for number in range(0, 100, 2)]
    found = routing(answers([(0.99, True)] * 40 + [(0.6, False)] * 40), test, teacher, 0.9)
    assert found is not None
    assert found.chosen == 0.99
    line = next(one for one in found.lines if one.confidence == 0.99)
    assert (line.coverage.value, line.coverage.n) == (0.5, 100)
    assert line.student is not None
    assert (line.student.value, line.student.n) == (1.0, 50)
    assert line.teacher is not None
    assert (line.teacher.value, line.teacher.n) == (0.0, 25)
    assert routing([], [AnsweredRow("1", "correct", "x")], [], None) is None
    alone = routing([], test, [], None)
    assert alone is not None
    assert alone.chosen is None
