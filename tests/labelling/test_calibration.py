"""The calibration sample: balanced, drawn from what was given, without what the teacher has seen labelled."""

import random

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.labelling.calibration import choose_calibration, mean_scores
from prompt2model.labelling.scoring_forms import AnswerScores
from prompt2model.records import Demonstration

LABELS = ("a", "b")


@given(st.lists(st.builds(Demonstration, st.text(max_size=3), st.sampled_from(("a", "b", "other")))), st.integers(0, 9))
def test_the_sample_is_of_all_labels_or_empty(rows: list[Demonstration], seed: int) -> None:
    shown = rows[:2]
    drawn = choose_calibration(rows, LABELS, random.Random(seed), shown)
    assert {row.output for row in drawn} in (set(), {"a", "b"})
    assert len({(row.input, row.output) for row in drawn}) == len(drawn) <= 64
    assert set(drawn) <= set(rows)
    assert not {row.input for row in drawn} & {row.input for row in shown}
    assert drawn == choose_calibration(rows[::-1], LABELS, random.Random(seed), shown)


def test_a_large_set_is_sampled_in_balance() -> None:
    rows = [
        Demonstration(f"{label}{number}", label) for label in LABELS for number in range(50 if label == "a" else 99)
    ]
    drawn = choose_calibration(rows, LABELS, random.Random(0))
    assert [sum(row.output == label for row in drawn) for label in LABELS] == [32, 32]


def test_one_label_in_four_may_be_missing() -> None:
    rows = [Demonstration(f"{label}{number}", label) for label in "abc" for number in range(3)]
    assert len(choose_calibration(rows, tuple("abcd"), random.Random(0))) == 9
    assert choose_calibration(rows, tuple("abcde"), random.Random(0)) == ()


def test_the_mean_takes_no_failures_and_every_group_alike() -> None:
    scores = [AnswerScores((1.0, 2.0)), AnswerScores((), "context_too_long"), AnswerScores((3.0, 6.0))]
    assert mean_scores([scores]) == (2.0, 4.0)
    assert mean_scores([scores, [AnswerScores((6.0, 0.0))]]) == (4.0, 2.0)
    assert mean_scores([scores[1:2]]) is mean_scores([]) is None


def test_spare_rows_fill_up_a_label_that_has_too_few() -> None:
    rows = [Demonstration(f"a{number}", "a") for number in range(100)] + [Demonstration("b0", "b")]
    spare = [Demonstration(f"spare {label}{number}", label) for label in LABELS for number in range(9)]
    drawn = choose_calibration(rows, LABELS, random.Random(0), spare=spare)
    assert [sum(row.output == label for row in drawn) for label in LABELS] == [32, 10]
    assert [row.input for row in drawn if row.input.startswith("spare")] == [
        row.input for row in drawn if row.output == "b" and row.input != "b0"
    ]
