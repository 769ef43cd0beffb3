"""The calibration sample: balanced, drawn from what was given, without what the teacher has seen labelled."""

import random

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.labelling.calibration import choose_calibration, mean_scores
from prompt2model.labelling.scoring_forms import AnswerScores
from prompt2model.records import Demonstration

LABELS = ("a", "b")


@given(st.lists(st.builds(Demonstration, st.text(max_size=3), st.sampled_from(("a", "b", "other")))), st.integers(0, 9))
def test_the_sample_is_balanced_or_empty(rows: list[Demonstration], seed: int) -> None:
    shown = rows[:2]
    drawn = choose_calibration(rows, LABELS, random.Random(seed), shown)
    counts = [sum(row.output == label for row in drawn) for label in LABELS]
    assert counts[0] == counts[1] != 1
    assert len({(row.input, row.output) for row in drawn}) == len(drawn) <= 64
    assert set(drawn) <= set(rows)
    assert not {row.input for row in drawn} & {row.input for row in shown}
    assert drawn == choose_calibration(rows[::-1], LABELS, random.Random(seed), shown)


def test_a_large_set_is_sampled_and_a_label_without_rows_leaves_none() -> None:
    rows = [Demonstration(f"{label}{number}", label) for label in LABELS for number in range(100)]
    assert len(choose_calibration(rows, LABELS, random.Random(0))) == 64
    assert choose_calibration(rows, (*LABELS, "c"), random.Random(0)) == ()


def test_failures_are_no_part_of_the_mean() -> None:
    scores = [AnswerScores((1.0, 2.0)), AnswerScores((), "context_too_long"), AnswerScores((3.0, 6.0))]
    assert mean_scores(scores) == (2.0, 4.0)
    assert mean_scores(scores[1:2]) is None


def test_spare_rows_fill_up_a_label_that_has_too_few() -> None:
    rows = [Demonstration(f"a{number}", "a") for number in range(100)] + [Demonstration("b0", "b")]
    spare = [Demonstration(f"spare {label}{number}", label) for label in LABELS for number in range(9)]
    drawn = choose_calibration(rows, LABELS, random.Random(0), spare=spare)
    assert sum(row.output == "a" for row in drawn) == sum(row.output == "b" for row in drawn) == 10
    assert [row.input for row in drawn if row.input.startswith("spare")] == [
        row.input for row in drawn if row.output == "b" and row.input != "b0"
    ]
