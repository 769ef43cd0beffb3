"""Go, improve the prompt, or unlikely: at which figures, and in which words."""

from __future__ import annotations

from math import comb
from typing import Any

import pytest

from prompt2model.feasibility.decision import Evidence, decide, reasons
from prompt2model.records import Metric, TaskSpec
from prompt2model.statistics.shares import wilson_interval

LABELS = ("billing", "delivery", "account")
CLOSED = TaskSpec("Say what it is about.", (), "classification", LABELS, "en", "Sort the messages.")
WRITING = TaskSpec("Write the date as YYYY-MM-DD.", (), "generation", (), "en", "Normalise dates.")
ORDER = ("unlikely", "improve_prompt", "go")


def share(name: str, right: int, rows: int) -> Metric:
    return Metric(name, right / rows, *wilson_interval(right, rows), rows, "wilson")


def closed(right: int, rows: int, floor: float = 0.36, **other: Any) -> Evidence:
    return Evidence(CLOSED, share("accuracy", right, rows), floor, "always saying “billing”", **other)


def written(value: float, low: float, high: float, floor: float = 30.0, **other: Any) -> Evidence:
    return Evidence(
        WRITING, Metric("chrf++", value, low, high, 40), floor, "giving the expected answer of another row", **other
    )


@pytest.mark.parametrize(
    ("right", "rows", "decision"),
    [
        (46, 50, "go"),
        (34, 50, "go"),  # .68: half way between .36 and 1
        (33, 50, "improve_prompt"),
        (28, 50, "improve_prompt"),  # .56, up to .69
        (27, 50, "unlikely"),  # .54, up to .67
        (17, 50, "unlikely"),  # below always saying the same
        (3, 5, "improve_prompt"),
        (1, 5, "unlikely"),  # the interval reaches .62 only
    ],
)
def test_closed_answers(right: int, rows: int, decision: str) -> None:
    assert decide(closed(right, rows))[0] == decision


def test_worse_than_always_saying_the_same_is_unlikely_however_wide_the_interval() -> None:
    evidence = closed(2, 5, floor=0.5)
    assert evidence.agreement.high > evidence.needed
    decision, sentence = decide(evidence)
    assert decision == "unlikely"
    assert "always saying “billing” reaches 50 %" in sentence


def test_a_figure_that_is_wanted_is_the_bar() -> None:
    assert decide(closed(45, 50, wanted=0.9))[0] == "go"
    decision, sentence = decide(closed(44, 50, wanted=0.9))
    assert decision == "improve_prompt"
    assert sentence == (
        "Improve the prompt first: the teacher answers 44 of 50 test rows as expected, 88 % (95 % interval 76–94 %); "
        "90 % is wanted."
    )
    assert decide(closed(40, 50, wanted=0.95))[0] == "unlikely"


def test_a_teacher_that_surely_wavers_needs_a_clearer_prompt() -> None:
    decision, sentence = decide(closed(46, 50, self_agreement=share("self_agreement", 35, 50)))
    assert decision == "improve_prompt"
    assert "asked twice, it gives the same answer to 70 % of 50 rows" in sentence
    steady = closed(46, 50, self_agreement=share("self_agreement", 44, 50))
    assert decide(steady)[0] == "go", "88 % of 50 rows may be 95 %"
    assert any(line.startswith("Asked twice") for line in reasons(steady))


@pytest.mark.parametrize(
    ("value", "low", "high", "decision"),
    [
        (80.0, 70.0, 88.0, "go"),
        (66.0, 50.0, 80.0, "go"),
        (64.0, 50.0, 80.0, "unknown"),
        (35.0, 31.0, 40.0, "unknown"),
        (35.0, 29.0, 41.0, "improve_prompt"),
        (25.0, 15.0, 45.0, "unlikely"),
        (10.0, 8.0, 12.0, "unlikely"),
    ],
)
def test_written_answers(value: float, low: float, high: float, decision: str) -> None:
    assert decide(written(value, low, high))[0] == decision


def test_written_answers_that_are_mostly_exact_are_good() -> None:
    assert decide(written(60.0, 50.0, 70.0, exact_match=share("exact_match", 20, 40)))[0] == "go"
    decision, sentence = decide(written(60.0, 50.0, 70.0, exact_match=share("exact_match", 19, 40)))
    assert decision == "unknown"
    assert "Look at its answers" in sentence


def test_written_answers_may_differ_between_two_askings() -> None:
    assert decide(written(80.0, 70.0, 88.0, self_agreement=share("self_agreement", 5, 40)))[0] == "go"


def test_written_answers_with_a_figure_that_is_wanted() -> None:
    assert decide(written(80.0, 70.0, 88.0, wanted=90.0))[0] == "unlikely"
    assert decide(written(80.0, 70.0, 92.0, wanted=90.0))[0] == "improve_prompt"
    assert decide(written(80.0, 70.0, 92.0, wanted=75.0))[0] == "go"


@pytest.mark.parametrize("rows", [5, 20, 50])
def test_more_right_answers_never_make_it_worse(rows: int) -> None:
    found = [ORDER.index(decide(closed(right, rows))[0]) for right in range(rows + 1)]
    assert found == sorted(found)
    assert set(found) == {0, 1, 2}


@pytest.mark.parametrize("rows", [10, 20, 50])
def test_chance_seldom_makes_a_teacher_unlikely_that_is_good_enough(rows: int) -> None:
    """Of all draws of so many rows, by the binomial distribution of a teacher that is right just as often as needed."""
    needed = closed(0, rows).needed
    draws = [comb(rows, right) * needed**right * (1 - needed) ** (rows - right) for right in range(rows + 1)]
    falsely = sum(draw for right, draw in enumerate(draws) if decide(closed(right, rows))[0] == "unlikely")
    assert falsely < 0.04


def test_what_is_to_know_beside_the_figure() -> None:
    lines = reasons(closed(5, 8, unread=2, failed={"truncated": 1}, own_rows=600))
    assert [line for line in lines if "2 of its answers are none of the labels" in line]
    assert [line for line in lines if "1 truncated" in line]
    assert [line for line in lines if "8 rows leave a wide interval" in line]
    assert [line for line in lines if "600 labelled rows" in line]
    assert reasons(closed(46, 50)) == ()
