"""What classifiers are trained towards: P(label), smoothed labels, rows of rare labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_trainer.tiny_models import COLOURS, colour_rows

from prompt2model.errors import NotEnoughDataError
from prompt2model.model_trainer.row_weights import row_weights
from prompt2model.model_trainer.targets import LabelTargets
from prompt2model.predictor import load_predictor
from prompt2model.records import Source, make_example

UNSURE = (0.6, 0.4, 0.0, 0.0, 0.0, 0.0)


def probabilities(trained: Any, text: str) -> tuple[float, ...]:
    found = load_predictor(trained.folder)(text).probabilities
    assert found is not None
    return found


def unsure_rows() -> tuple[Any, ...]:
    return tuple(make_example("the car", ("red",), Source("user", row=row), soft_label=UNSURE) for row in range(36))


@pytest.mark.parametrize("family", ["encoder", "tfidf"])
def test_a_student_learns_how_sure_its_labellers_were(train: Any, family: Any) -> None:
    # Other labels have rows, too, so that there is something to tell apart.
    rows = (*unsure_rows(), *colour_rows(36))
    soft = probabilities(train(family, rows=rows, epochs=20, soft_labels=True), "the car")
    hard = probabilities(train(family, rows=rows, epochs=20), "the car")
    assert soft[0] == pytest.approx(0.6, abs=0.15)
    assert soft[1] == pytest.approx(0.4, abs=0.15)
    assert hard[0] > 0.8


def test_smoothed_labels_leave_the_student_less_sure(train: Any) -> None:
    plain = probabilities(train("encoder", epochs=20), "the red car")
    smoothed = probabilities(train("encoder", epochs=20, label_smoothing=0.3), "the red car")
    assert max(plain) > 0.95 > 0.9 > max(smoothed) > 0.3


def test_rare_answers_weigh_more_where_text_is_written_too(train: Any) -> None:
    labels = ["red"] * 33 + ["blue"] * 3
    rows = tuple(make_example("the car", (label,), Source("user", row=row)) for row, label in enumerate(labels))
    blue = COLOURS.index("blue")
    shares = [
        probabilities(train("decoder", rows=rows, validation=(), method="full", class_weights=weigh), "the car")[blue]
        for weigh in ("off", "auto", "on")
    ]
    assert shares[0] < shares[1] < shares[2]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=200), st.sampled_from(["auto", "on", "off"]))
def test_weights_have_mean_one_and_labels_count_alike_where_wanted(targets: list[int], wanted: Any) -> None:
    weights = row_weights(targets, wanted)
    assert weights.mean() == pytest.approx(1.0)
    counts = np.bincount(targets)
    sums = [weights[np.array(targets) == label].sum() for label in np.flatnonzero(counts)]
    if wanted == "on":
        assert sums == pytest.approx([sums[0]] * len(sums))
    present = counts[counts > 0]
    if wanted == "off" or (wanted == "auto" and present.max() < 10 * present.min()):
        assert set(weights) == {1.0}


def test_probabilities_stand_in_the_order_of_the_classes() -> None:
    targets = LabelTargets(("b", "a"), soft_order=("a", "b", "gone"))
    row = make_example("x", ("a",), Source("user"), soft_label=(0.6, 0.2, 0.2))
    targets.add(row)
    targets.add(replace(row, soft_label=None))
    targets.add(replace(row, soft_label=(0.0, 0.0, 1.0)))
    assert targets.probabilities([0, 1, 2]) == pytest.approx(np.array([[0.25, 0.75], [0, 1], [0, 1]]))
    with pytest.raises(NotEnoughDataError, match="none of the task's 2 labels"):
        targets.add(replace(row, references=("c",)))
