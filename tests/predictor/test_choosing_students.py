"""An encoder that scores the options of each item."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import COLOURS, choice_rows

from prompt2model.errors import NoAnswerError, RunFolderError
from prompt2model.predictor import load_predictor
from prompt2model.records import Item

ITEMS = [Item(row.input, row.choices) for row in choice_rows(48)]


@pytest.fixture
def folder(student: Any) -> Path:
    path: Path = student("encoder", "multiple_choice")
    return path


def test_probabilities_stand_in_the_order_of_the_choices(folder: Path) -> None:
    predictor = load_predictor(folder)
    assert predictor.labels == ()
    for one, given in zip(predictor.predict(ITEMS), ITEMS, strict=True):
        assert one.probabilities is not None
        assert len(one.probabilities) == len(given.choices)
        assert sum(one.probabilities) == pytest.approx(1)
        assert one.text == given.choices[max(range(len(given.choices)), key=one.probabilities.__getitem__)]
        turned = predictor(Item(given.input, given.choices[::-1]))
        assert turned.probabilities == pytest.approx(one.probabilities[::-1], abs=1e-4)


def test_answers_do_not_depend_on_the_company(folder: Path) -> None:
    predictor = load_predictor(folder)
    long = [Item("the red car " * number, COLOURS[:number]) for number in range(1, 6)]
    together = list(predictor.predict([*ITEMS, *long, Item("the red car")]))
    for one, given in zip(together, [*ITEMS, *long], strict=False):
        alone = predictor(given)
        assert one.text == alone.text
        assert one.probabilities == pytest.approx(alone.probabilities, abs=1e-4)
    assert predictor.truncated == 0


def test_an_item_without_choices_is_refused_and_the_others_are_answered(folder: Path) -> None:
    predictor = load_predictor(folder)
    without, given = predictor.predict([Item("the red car"), ITEMS[0]])
    assert (without.text, without.failure) == (None, "refused")
    assert "no choices" in without.raw
    assert given.text in ITEMS[0].choices
    with pytest.raises(NoAnswerError):
        list(predictor.stream(Item("the red car")))
    assert list(predictor.stream(ITEMS[0])) == [given.text]


def test_one_choice_is_certain_and_long_items_are_counted(folder: Path) -> None:
    predictor = load_predictor(folder)
    assert predictor(Item("the red car", ("red",))).probabilities == (1.0,)
    assert predictor(Item("the red car", ("red", "blue"), ("the leaf is green " * 40,))).text in ("red", "blue")
    assert predictor.truncated == 1


def test_a_head_for_labels_is_refused(student: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(student("encoder"), tmp_path / "labels"))
    path = folder / "prompt2model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "kind": "multiple_choice", "labels": []}))
    with pytest.raises(RunFolderError, match="6 labels"):
        load_predictor(folder)
