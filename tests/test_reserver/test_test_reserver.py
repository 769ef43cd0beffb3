"""Tests are put aside before anything is generated, and nothing near them stays behind."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from prompt2model.catalogue.whole_rows import row_cells, row_text
from prompt2model.component import RunContext
from prompt2model.console import SilentProgress
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
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


class Heard(SilentProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


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
    assert reserved.dropped == {"near a test row by its words: retrieved rows": 1}


def test_a_question_with_choices_is_judged_with_them(make_context: Maker) -> None:
    def asked(number: int, *choices: str) -> Example:
        source = Source("retrieved", dataset="d", row=number)
        return make_example("Which of these is right?", (choices[0],), source, choices=choices)

    task = TaskSpec("Choose.", (), "multiple_choice", (), "en", "Choose.")
    test = TestSet("d", "official", (asked(0, "red as a rose", "blue as the sea"),))
    rows = (asked(1, "red as a rose", "blue as the sea!"), asked(2, "seven of them", "more than I can count"))
    reserved = TestReserver().run(Inputs(task, retrieved(rows, (test,))), make_context())
    assert [one.target for one in reserved.remaining] == ["seven of them"]


def test_questions_that_differ_in_their_choices_alone_have_ids_of_their_own() -> None:
    source = Source("gold", "exam.csv")
    first, second = (
        make_example("Which is red?", ("blood",), source, choices=("blood", other)) for other in ("milk", "tea")
    )
    assert first.id != second.id


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
        ("text,label\n", "gold.csv: the file holds no row below its header"),
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
    with pytest.raises(DataFileError, match=r"'text', 'label'; where .* --set reserve_tests.input_column=NAME"):
        reserver.run(Inputs(TASK, retrieved(())), make_context())


@pytest.mark.parametrize("config", [{}, {"input_column": "text", "output_column": "label"}])
def test_gold_without_a_column_of_answers_or_without_rows_names_the_file(
    make_context: Maker, tmp_path: Path, config: dict[str, str]
) -> None:
    def fault(text: str) -> str:
        reserver = TestReserver(TestReserverConfig(examples=(write(tmp_path, text),), **config))
        with pytest.raises(DataFileError) as caught:
            reserver.run(Inputs(TASK, retrieved(())), make_context())
        assert "gold.csv" in str(caught.value)
        return str(caught.value)

    assert "no row below its header" in fault("text,label\n")
    if not config:
        assert "add a column with the answers" in fault("text\na hammer\na saw\n")
        assert "no column with text" in fault("text,label\n,\n")


CHOICE = TaskSpec("Answer the question.", (), "multiple_choice", (), "en", "p")
WRITING = TaskSpec("Answer the question.", (), "generation", (), "en", "p")
LABELS = TaskSpec("Sort.", (), "classification", ("card lost", "age limit"), "en", "p")


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        (WRITING, [{"question": "who?", "output": ["Ann", "Anna"]}, {"question": "why now?", "output": ["so"]}]),
        (CHOICE, [{"question": f"q{n}?", "choices": ["red", "blue"], "answer": "AB"[n % 2]} for n in range(4)]),
        (CHOICE, [{"question": f"q{n}?\nA) red\nB) blue", "answer": "AB"[n % 2]} for n in range(4)]),
        (LABELS, [{"text": "it is gone", "label": "card_lost"}, {"text": "I am 15 now", "label": "Age-Limit"}]),
    ],
    ids=["several answers", "choices", "choices in the text", "labels in another spelling"],
)
def test_gold_rows_are_read_as_rows_to_train_on_are(
    make_context: Maker, tmp_path: Path, task: TaskSpec, rows: list[dict[str, object]]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    retriever = DatasetRetriever(DatasetRetrieverConfig(data=(path,)))
    trained = list(retriever.run(retriever.Inputs(task), make_context(folder=tmp_path / "a")).rows)
    reserver = TestReserver(TestReserverConfig(examples=(path,)))
    (test,) = reserver.run(Inputs(task, retrieved(())), make_context(folder=tmp_path / "b")).tests
    assert len(test.rows) == len(rows)
    assert [(one.input, one.references, one.choices) for one in test.rows] == [
        (one.input, one.references, one.choices) for one in trained
    ]
    if task is CHOICE:
        assert [(one.input, one.target, one.choices) for one in test.rows][1] == ("q1?", "blue", ("red", "blue"))
    if task is WRITING:
        assert test.rows[0].references == ("Ann", "Anna")


def test_the_same_row_is_held_out_once(make_context: Maker) -> None:
    twice = (*rows(60), *(dataclasses.replace(one, input=f" {one.input.upper()}") for one in rows(60)))
    heard = Heard()
    context = dataclasses.replace(make_context(), progress=heard)
    reserved = TestReserver().run(Inputs(TASK, retrieved(twice)), context)
    assert "  60 rows dropped: duplicate" in heard.lines
    (test,) = reserved.tests
    assert len(test.rows) == len({one.input.casefold() for one in test.rows}) == 12
    assert len(reserved.remaining) == 48
    assert reserved.dropped == {"duplicate": 60}


def test_an_input_with_two_labels_is_no_test_row_and_it_is_said(make_context: Maker) -> None:
    other = {"fruit": "tool", "tool": "fruit"}
    doubtful = tuple(
        make_example(one.input, (other[one.target],), Source("retrieved", dataset="e", row=number))
        for number, one in enumerate(rows(30))
    )
    heard = Heard()
    context = dataclasses.replace(make_context(), progress=heard)
    reserved = TestReserver().run(Inputs(TASK, retrieved((*rows(60), *doubtful))), context)
    held_out = {one.input for one in reserved.tests[0].rows}
    assert held_out
    assert not held_out & {one.input for one in doubtful}
    assert any("30 inputs have different answers" in line for line in heard.lines)


def test_where_text_is_written_one_input_keeps_all_its_answers(make_context: Maker) -> None:
    pairs = [
        make_example(f"question {n} {row(n, 'x').input}", (answer,), Source("user", dataset="d", row=n))
        for n in range(30)
        for answer in (f"answer {n}", f"reply {n}")
    ]
    reserved = TestReserver().run(Inputs(WRITING, retrieved(tuple(pairs))), make_context())
    (test,) = reserved.tests
    assert test.rows
    assert all(one.references == (f"answer {one.source.row}", f"reply {one.source.row}") for one in test.rows)
    assert reserved.dropped["same input with another answer, joined"] == 30


def test_rows_of_one_label_are_not_held_out(make_context: Maker) -> None:
    reserved = TestReserver().run(Inputs(TASK, retrieved(tuple(row(n, "fruit") for n in range(60)))), make_context())
    assert reserved.tests == ()
    assert len(reserved.remaining) == 60


@pytest.mark.parametrize(
    ("kinds", "name"),
    [
        (("user",), "held out of your own rows"),
        (("retrieved",), "held out of the retrieved rows"),
        (("user", "retrieved"), "held out of your own and the retrieved rows"),
    ],
)
def test_the_test_says_whose_rows_it_holds(make_context: Maker, kinds: tuple[str, ...], name: str) -> None:
    data = tuple(row(n, "fruit" if n % 4 else "tool", kinds[n % len(kinds)]) for n in range(99))
    assert TestReserver().run(Inputs(TASK, retrieved(data)), make_context()).tests[0].name == name


def test_a_gold_row_in_two_files_counts_once(make_context: Maker, tmp_path: Path) -> None:
    one = write(tmp_path, "text,label\na hammer,tool\nred currants,fruit\n")
    two = tmp_path / "more.csv"
    two.write_text("text,label\nRed  currants,fruit\na saw,tool\n")
    reserver = TestReserver(TestReserverConfig(examples=(one, two, one)))
    reserved = reserver.run(Inputs(TASK, retrieved(())), make_context())
    assert [(test.name, len(test.rows)) for test in reserved.tests] == [("gold", 2), ("more", 1)]
    assert reserved.dropped == {"gold: duplicate": 3}
    two.write_text("text,label\na hammer,fruit\n")
    with pytest.raises(DataFileError, match=r"more.csv: row 1 repeats the input of row 1 in gold.csv"):
        reserver.run(Inputs(TASK, retrieved(())), make_context())


def test_inputs_without_answers_remain_once_each_and_away_from_tests(make_context: Maker, tmp_path: Path) -> None:
    gold = write(tmp_path, "text,label\nwhere on earth is the blue parcel of last week,tool\nan apple a day,fruit\n")
    inputs = tuple(
        make_example(text, (), Source("labelled", "mail.txt", row=number))
        for number, text in enumerate(
            (
                "a new one",
                "A  new one",
                "",
                "Where on earth is the blue parcel of last week?",
                row(3, "fruit").input,
                "another one",
            )
        )
    )
    data = RetrievedData((row(3, "fruit"),), (), (), (), {}, unlabelled=inputs)
    reserved = TestReserver(TestReserverConfig(examples=(gold,))).run(Inputs(TASK, data), make_context())
    assert [one.input for one in reserved.unlabelled] == ["a new one", "another one"]
    assert reserved.dropped["inputs: duplicate"] == 2
    assert reserved.dropped["inputs: empty input"] == 1
    assert reserved.dropped["near a test row by its words: given inputs"] == 1


def test_no_cell_of_a_row_that_is_to_be_rewritten_stands_in_a_test(make_context: Maker, tmp_path: Path) -> None:
    near = "where on earth is the blue parcel of last week"
    gold = write(tmp_path, f"text,label\n{near},tool\nan apple a day,fruit\n")
    kept = {"id": "7", "text": "a text about something else"}
    cells = (
        {"id": "3", "note": "a long note that says nothing of the text at all", "text": near},
        {"id": "4", "text": f"{near}!"},
        {"first": "where on earth is", "second": "the blue parcel of last week"},
        kept,
    )
    rows = tuple(make_example(row_text(one), (), Source("transformed", "log", row=n)) for n, one in enumerate(cells))
    data = RetrievedData((row(3, "fruit"),), (), (), (), {}, unlabelled=rows)
    reserved = TestReserver(TestReserverConfig(examples=(gold,))).run(Inputs(TASK, data), make_context())
    assert [row_cells(one.input) for one in reserved.unlabelled] == [kept]
    assert reserved.dropped["near a test row by its words: rows to be rewritten"] == 3
