"""Parts of the test: what they hold, and which are called weak."""

from __future__ import annotations

from dataclasses import replace

import pytest
from evaluation_cases import LABELS, closed_rows

from prompt2model.measures.answers import AnsweredRow
from prompt2model.model_evaluator.slices import label_figures, slices, worst
from prompt2model.records import Example, Metric, Slice, TaskSpec


def answered(rows: tuple[Example, ...], wrong: set[int]) -> list[tuple[Example, AnsweredRow]]:
    return [
        (
            row,
            AnsweredRow(row.id, "wrong", "billing" if row.target != "billing" else "account", confidence=0.6)
            if number in wrong
            else AnsweredRow(row.id, "correct", row.target, confidence=0.97),
        )
        for number, row in enumerate(rows)
    ]


def of_kind(found: tuple[Slice, ...], kind: str) -> dict[str, Metric]:
    return {one.name: one.metric for one in found if one.kind == kind}


def test_the_test_is_cut_by_label_length_source_language_and_confidence(task: TaskSpec) -> None:
    rows = tuple(
        replace(
            row, input=row.input + " and more words about it" * (number % 3), source=replace(row.source, dataset=name)
        )
        for number, row in enumerate(closed_rows(60))
        for name in ("mail" if number % 2 else "chat",)
    )
    found = slices(task, answered(rows, set(range(0, 60, 3))), lambda text: "de" if "parcel" in text else "en")
    assert of_kind(found, "label")["billing"].value == 0.0
    assert of_kind(found, "label")["delivery"].value == 1.0
    assert set(of_kind(found, "source")) == {"mail", "chat"}
    assert set(of_kind(found, "language")) == {"de", "en"}
    confidence = of_kind(found, "confidence")
    assert confidence["0.5 to 0.8"].value == 0.0
    assert confidence["0.95 to 1"].n == 40
    assert sum(metric.n for metric in of_kind(found, "length").values()) == 60


def test_parts_of_few_rows_and_parts_that_are_all_alike_are_left_out(task: TaskSpec) -> None:
    rows = closed_rows(12)
    found = slices(task, answered(rows, set()), lambda _: "en")
    assert not of_kind(found, "language")
    assert not of_kind(found, "source")
    assert not of_kind(found, "label"), "four rows each"


def test_the_worst_are_those_that_are_surely_worse() -> None:
    def part(name: str, value: float, high: float) -> Slice:
        return Slice("label", name, Metric("accuracy", value, value - 0.1, high, 20, "wilson"))

    whole = Metric("accuracy", 0.8, 0.7, 0.9, 100)
    found = [part("few", 0.4, 0.85), part("sure", 0.6, 0.75), part("good", 0.9, 0.95), part("surest", 0.5, 0.7)]
    assert [one.name for one in worst(found, whole)] == ["surest", "sure", "few"]


def test_precision_and_recall_are_those_of_the_confusions() -> None:
    from sklearn.metrics import precision_recall_fscore_support

    pairs = answered(closed_rows(60), {0, 3, 7, 8, 20})
    gold, said = [row.target for row, _ in pairs], [answer.text for _, answer in pairs]
    precision, recall, _, support = precision_recall_fscore_support(gold, said, labels=list(LABELS))
    for number, figures in enumerate(label_figures(LABELS, pairs)):
        assert figures.rows == support[number]
        assert figures.precision is not None
        assert figures.precision.value == pytest.approx(precision[number], abs=1e-6)
        assert figures.recall is not None
        assert figures.recall.value == pytest.approx(recall[number], abs=1e-6)


def test_a_label_without_rows_or_answers_has_no_figure() -> None:
    pairs = answered(closed_rows(3), set())
    (none,) = label_figures(("weather",), pairs)
    assert (none.rows, none.precision, none.recall) == (0, None, None)
