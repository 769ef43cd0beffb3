"""Tests are put aside before anything is generated, and nothing near them stays behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from prompt2model.component import RunContext
from prompt2model.errors import DataFileError
from prompt2model.records import Example, RetrievedData, Source, TaskSpec, TestSet, make_example
from prompt2model.test_reserver import TestReserver, TestReserverConfig
from prompt2model.test_reserver.reserver import ReserverInputs as Inputs

Maker = Callable[..., RunContext]
TASK = TaskSpec("Sort.", (), "classification", ("fruit", "tool"), "en", "Sort.")
NOUNS = "apple pear plum cherry quince melon grape peach lemon mango fig lime date kiwi papaya guava".split()


def row(number: int, label: str, kind: str = "retrieved") -> Example:
    text = f"{NOUNS[number % len(NOUNS)]} {NOUNS[(number * 7 + 3) % len(NOUNS)]} number {number * 7919} is a {label}"
    return make_example(text, (label,), Source(kind, dataset="d", row=number))  # type: ignore[arg-type]


def retrieved(rows: tuple[Example, ...], tests: tuple[TestSet, ...] = ()) -> RetrievedData:
    return RetrievedData(rows, tests, (), (), {})


def rows(count: int) -> tuple[Example, ...]:
    return tuple(row(number, "fruit" if number % 4 else "tool") for number in range(count))


def write(folder: Path, text: str) -> Path:
    path = folder / "gold.csv"
    path.write_text(text)
    return path


def test_without_gold_a_stratified_share_is_held_out(make_context: Maker) -> None:
    data = rows(100)
    reserved = TestReserver().run(Inputs(TASK, retrieved(data)), make_context())
    (test,) = reserved.tests
    assert test.origin == "held_out"
    assert Counter(one.target for one in test.rows) == {"fruit": 15, "tool": 5}
    assert not {one.id for one in test.rows} & {one.id for one in reserved.remaining}
    assert len(test.rows) + len(reserved.remaining) + sum(reserved.dropped.values()) == 100


def test_the_same_rows_are_held_out_again(make_context: Maker, tmp_path: Path) -> None:
    first = TestReserver().run(Inputs(TASK, retrieved(rows(100))), make_context(folder=tmp_path / "a"))
    again = TestReserver().run(Inputs(TASK, retrieved(rows(100))), make_context(folder=tmp_path / "b"))
    other = TestReserver().run(Inputs(TASK, retrieved(rows(100))), make_context(folder=tmp_path / "c", seed=1))
    assert [one.id for one in first.tests[0].rows] == [one.id for one in again.tests[0].rows]
    assert [one.id for one in first.tests[0].rows] != [one.id for one in other.tests[0].rows]


def test_gold_rows_are_the_test_and_all_retrieved_rows_remain(make_context: Maker, tmp_path: Path) -> None:
    gold = write(tmp_path, 'text,label\n"a hammer, heavy",Tool\nred currants,fruit\n')
    reserver = TestReserver(TestReserverConfig(examples=(gold,)))
    reserved = reserver.run(Inputs(TASK, retrieved(rows(60))), make_context())
    (test,) = reserved.tests
    assert test.origin == "gold"
    assert [(one.input, one.target, one.source.kind) for one in test.rows] == [
        ("a hammer, heavy", "tool", "gold"),
        ("red currants", "fruit", "gold"),
    ]
    assert len(reserved.remaining) == 60


def test_nothing_near_a_test_row_remains(make_context: Maker, tmp_path: Path) -> None:
    gold = write(tmp_path, f"text,label\n{row(5, 'fruit').input.upper()} !,fruit\nsaw for wood and iron,tool\n")
    reserver = TestReserver(TestReserverConfig(examples=(gold,)))
    reserved = reserver.run(Inputs(TASK, retrieved(rows(60))), make_context())
    assert row(5, "fruit").id not in {one.id for one in reserved.remaining}
    assert reserved.dropped == {"near a test row": 1}


def test_official_tests_are_kept_whole_up_to_the_limit(make_context: Maker) -> None:
    official = TestSet("d", "official", tuple(row(number, "fruit") for number in range(200, 240)))
    reserver = TestReserver(TestReserverConfig(max_rows=30))
    reserved = reserver.run(Inputs(TASK, retrieved(rows(50), (official,))), make_context())
    assert [test.origin for test in reserved.tests] == ["official"]
    assert len(reserved.tests[0].rows) == 30


def test_few_retrieved_rows_are_all_trained_on(make_context: Maker) -> None:
    reserved = TestReserver().run(Inputs(TASK, retrieved(rows(10))), make_context())
    assert reserved.tests == ()
    assert len(reserved.remaining) == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\nx,fruit\ny,colour\n", "colour"),
        ("text,label\nx,\n", "empty cell"),
        ("text,label\nx,fruit\nx,tool\n", "another answer"),
        ("text,label\n", "no rows"),
    ],
)
def test_gold_that_cannot_be_used_is_said_with_its_row(
    make_context: Maker, tmp_path: Path, text: str, message: str
) -> None:
    reserver = TestReserver(
        TestReserverConfig(examples=(write(tmp_path, text),), input_column="text", output_column="label")
    )
    with pytest.raises(DataFileError, match=message):
        reserver.run(Inputs(TASK, retrieved(())), make_context())


def test_a_column_that_is_not_there_is_said(make_context: Maker, tmp_path: Path) -> None:
    gold = write(tmp_path, "text,label\nx,fruit\n")
    reserver = TestReserver(TestReserverConfig(examples=(gold,), input_column="body"))
    with pytest.raises(DataFileError, match="text, label"):
        reserver.run(Inputs(TASK, retrieved(())), make_context())
