"""What the demo offers and says, before any page is built."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prompt2model.artifacts import load_artifact, save_artifact
from prompt2model.demo_creator import DemoCreator, DemoCreatorConfig
from prompt2model.demo_creator.creator import DemoCreatorInputs, title_of
from prompt2model.records import (
    Demo,
    EvaluationReport,
    EvidenceCorpus,
    Item,
    Kind,
    Source,
    TaskSpec,
    TestSet,
    TrainedModel,
    make_example,
)


@pytest.fixture
def create(make_context: Callable[..., Any], tmp_path: Path) -> Callable[..., Demo]:
    """Run the component on test rows given as (input, answer) or (input, answer, choices)."""

    def run(rows: list[tuple], kind: Kind = "classification", **config: Any) -> Demo:
        labels = ("a", "b") if kind == "classification" else ()
        task = TaskSpec("Sort the letters. Do it well.", (), kind, labels, "en", "x")
        trained = TrainedModel(tmp_path / "student", "encoder", "base/model", "full", "{input}", labels, (), 1, 0)
        examples = tuple(
            make_example(text, (answer,), Source("gold", row=number), choices=tuple(*choices))
            for number, (text, answer, *choices) in enumerate(rows)
        )
        report = EvaluationReport(tmp_path, "Good enough.", (), labels, ("Few rows.",))
        inputs = DemoCreatorInputs(task, (TestSet("gold.csv", "gold", examples),), trained, report)
        return DemoCreator(DemoCreatorConfig(**config)).run(inputs, make_context())

    return run


def test_one_example_of_every_answer_before_a_second_of_any(create: Callable[..., Demo]) -> None:
    demo = create([("1", "a"), ("2", "a"), ("3", "a"), ("4", "b")], examples=3)
    assert [item.input for item in demo.examples] == ["1", "4", "2"]


def test_long_inputs_are_not_offered(create: Callable[..., Demo]) -> None:
    assert [item.input for item in create([("x" * 50, "a"), ("y", "a")], longest_example=49).examples] == ["y"]


def test_choices_come_with_their_question_and_survive_the_disk(create: Callable[..., Demo], tmp_path: Path) -> None:
    demo = create([("Which?", "left", ("left", "right"))], kind="multiple_choice")
    assert demo.examples == (Item("Which?", ("left", "right")),)
    folder = tmp_path / "9_demo"
    folder.mkdir()
    save_artifact(demo, folder)
    assert load_artifact(Demo, folder) == demo


def test_the_facts_name_model_tests_and_warnings(create: Callable[..., Demo]) -> None:
    demo = create([("1", "a")])
    assert demo.headline == "Good enough."
    assert [text for text in ("base/model", "“gold.csv”: 1 rows", "Few rows.") if text in "\n".join(demo.facts)] == [
        "base/model",
        "“gold.csv”: 1 rows",
        "Few rows.",
    ]


def test_no_test_row_no_example(create: Callable[..., Demo]) -> None:
    assert create([]).examples == ()


@pytest.mark.parametrize(
    ("instruction", "title"),
    [
        ("Sort the letters. Do it well.", "Sort the letters"),
        ("  Sort the letters:\n- a\n- b", "Sort the letters"),
        ("word " * 30, "word " * 13 + "word …"),
    ],
)
def test_the_title_is_the_first_sentence(instruction: str, title: str) -> None:
    assert title_of(instruction) == title


def test_a_title_can_be_given(create: Callable[..., Demo]) -> None:
    assert create([("1", "a")], title="Letters").title == "Letters"


def test_the_notice_of_the_settings_stands_in_the_demo(create: Callable[..., Demo]) -> None:
    assert create([("1", "a")]).notice == ""
    assert create([("1", "a")], notice="Not medical advice.").notice == "Not medical advice."


def test_questions_with_evidence_are_offered_where_it_can_be_found_again(
    make_context: Callable[..., Any], tmp_path: Path
) -> None:
    task = TaskSpec("Choose.", (), "multiple_choice", (), "en", "x")
    trained = TrainedModel(tmp_path / "student", "encoder", "base/model", "full", "{input}", (), (), 1, 0)
    row = make_example("Which?", ("left",), Source("gold"), ("left", "right"), ("It is left.", ""))
    report = EvaluationReport(tmp_path, "Good enough.", (), (), ())
    inputs = DemoCreatorInputs(task, (TestSet("gold.csv", "gold", (row,)),), trained, report)
    assert DemoCreator().run(inputs, make_context()).examples == ()
    with_corpus = replace(inputs, evidence=EvidenceCorpus("/library", "0", 9))
    assert DemoCreator().run(with_corpus, make_context()).examples == (Item("Which?", ("left", "right")),)
