"""What a student is compared with answers every input, by the training rows alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from prompt2model.errors import NotEnoughDataError
from prompt2model.predictor.nearest import NearestTextPredictor
from prompt2model.predictor.tfidf_baseline import TfidfBaseline
from prompt2model.records import Item, Source, make_example

LABELS = ("animal", "vehicle", "weather")
WORDS = {"animal": "dog cat horse", "vehicle": "car train boat", "weather": "rain snow wind"}


def rows() -> list[Any]:
    return [
        make_example(f"the {word} came {when}", (label,), Source("user"))
        for label, words in WORDS.items()
        for word in words.split()
        for when in ("today", "late", "again")
    ]


def test_words_tell_the_labels_apart() -> None:
    baseline = TfidfBaseline.fit(rows(), LABELS)
    answers = list(baseline.predict(Item(text) for text in ("a dog", "the snow", "a train at night", "")))
    assert [answer.text for answer in answers[:3]] == ["animal", "weather", "vehicle"]
    assert all(sum(answer.probabilities or ()) == pytest.approx(1.0) for answer in answers)


def test_one_label_cannot_be_told_apart() -> None:
    with pytest.raises(NotEnoughDataError, match="fewer than two labels"):
        TfidfBaseline.fit([row for row in rows() if row.target == "animal"], LABELS)


class FirstLetters:
    """Texts as which letters they hold."""

    def embed(self, texts: Any) -> np.ndarray:
        vectors = np.array([[text.count(letter) + 0.01 for letter in "abcdefghij"] for text in texts])
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype("float32")


def test_the_nearest_row_and_the_nearest_label_answer() -> None:
    encoder = FirstLetters()
    near = NearestTextPredictor.of_rows(
        [make_example("aaa", ("first",), Source("user")), make_example("bbb", ("second",), Source("user"))], encoder
    )
    assert [answer.text for answer in near.predict([Item("aab"), Item("bba"), Item("")])][:2] == ["first", "second"]
    by_name = NearestTextPredictor.of_labels(("a_cab", "ding"), encoder)
    assert [answer.text for answer in by_name.predict([Item("bacca"), Item("gin")])] == ["a_cab", "ding"]
    with pytest.raises(NotEnoughDataError):
        NearestTextPredictor.of_rows([], encoder)


def test_an_untrained_decoder_writes_and_scores() -> None:
    from prompt2model.predictor.untrained import untrained_predictor
    from prompt2model.records import ChosenModel, TaskSpec
    from prompt2model.weights import EMBEDDED_TEACHER

    base = ChosenModel(EMBEDDED_TEACHER, "decoder", (), {})
    closed = TaskSpec("Is the review good or bad?", (), "classification", ("good", "bad"), "en", "")
    predictor = untrained_predictor(base, closed, closed.labels, 4)
    answers = list(predictor.predict([Item("I loved every minute of it."), Item("Dull and far too long.")]))
    assert {answer.text for answer in answers} <= {"good", "bad"}
    open_task = TaskSpec("Write the word in capitals.", (), "generation", (), "en", "")
    (written,) = untrained_predictor(base, open_task, (), 8).predict([Item("cat")])
    assert written.text or written.failure
