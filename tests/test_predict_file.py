"""Rows of a file are read as in training, and every row keeps its place, also one that cannot be answered."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prompt2model import predict_file
from prompt2model.catalogue.input_layouts import shown_layouts
from prompt2model.component import RunContext
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import DataFileError
from prompt2model.predictor import StudentSpec
from prompt2model.records import Demonstration, InputLayout, InputPart, Item, Kind, Prediction, RetrievedData, TaskSpec

NLI = (InputLayout((InputPart("premise", "Premise: "), InputPart("hypothesis", "\nHypothesis: "))),)
Read = Callable[..., list[Item]]


class Shouting:
    """Answers an input in capitals, and nothing to a question mark; keeps what it was asked."""

    def __init__(self, layouts: tuple[InputLayout, ...] = (), kind: Kind = "generation") -> None:
        self.spec = StudentSpec(
            format=1, family="decoder", base="b", method="full", kind=kind, instruction="", input_format="{input}",
            labels=("yes", "no") if kind == "classification" else (), language="en", layouts=layouts,
            max_input_tokens=9, max_new_tokens=9,
        )  # fmt: skip
        self.asked: list[Item] = []

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        for item in items:
            assert item.input.strip(), "an empty input was asked"
            self.asked.append(item)
            yield Prediction(None, failure="refused") if "?" in item.input else Prediction(item.input.upper())


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """What a model with these layouts is asked about a file."""

    def ask(
        text: str, *layouts: InputLayout, columns: tuple[str, ...] = (), kind: Kind = "generation", ending: str = "csv"
    ) -> list[Item]:
        model = Shouting(layouts, kind)
        monkeypatch.setattr(predict_file, "load_predictor", lambda run: model)
        file = tmp_path / f"in.{ending}"
        file.write_text(text)
        predict_file.predict_file(tmp_path, file, columns, tmp_path / "out.csv")
        return model.asked

    return ask


def test_an_empty_input_is_a_failure_and_counted(
    read: Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read('id,text\n1,one\n2,\n3,"  "\n4,why?\n5,five\n', columns=("text",))
    with (tmp_path / "out.csv").open(newline="") as stream:
        rows = [(row["id"], row["prediction"], row["failure"]) for row in csv.DictReader(stream)]
    expected = [("1", "ONE", ""), ("2", "", "empty"), ("3", "", "empty"), ("4", "", "refused"), ("5", "FIVE", "")]
    assert rows == expected
    assert "3 of 5 rows have no answer: 2 empty, 1 refused" in capsys.readouterr().err


def test_nothing_is_said_where_all_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predict_file, "load_predictor", lambda run: Shouting())
    (tmp_path / "in.csv").write_text("text\none\ntwo\n")
    predict_file.predict_file(tmp_path, tmp_path / "in.csv")
    assert capsys.readouterr().err == ""


def task_of(kind: Kind, *demonstrations: tuple[str, str], labels: tuple[str, ...] = ()) -> TaskSpec:
    return TaskSpec("Do it.", tuple(Demonstration(*one) for one in demonstrations), kind, labels, "en", "p")


def retrieved(task: TaskSpec, file: Path, context: RunContext) -> RetrievedData:
    retriever = DatasetRetriever(DatasetRetrieverConfig(data=(file,), datasets="none"))
    return retriever.run(retriever.Inputs(task), context)


TASKS: dict[str, tuple[TaskSpec, list[dict[str, Any]]]] = {
    "as the demonstrations show": (
        task_of(
            "classification",
            ("Claim: It is wet.\nProof: Rain fell.", "yes"),
            ("Claim: It is dry.\nProof: Rain fell on it.", "no"),
            labels=("yes", "no"),
        ),
        [
            {"id": n, "proof": f"Rain fell {n}.", "claim": f"It is wet {n}.", "l": ("yes", "no")[n % 2]}
            for n in range(9)
        ],
    ),
    "by their names": (
        task_of("classification", labels=("yes", "no")),
        [{"premise": f"Rain {n}.", "hypothesis": f"Wet {n}.", "label": ("yes", "no")[n % 2]} for n in range(9)],
    ),
    "one column behind a mark": (
        task_of("classification", ("Claim: It is wet.", "yes"), ("Claim: It is dry.", "no"), labels=("yes", "no")),
        [{"claim": f" It is wet {n}. ", "l": ("yes", "no")[n % 2]} for n in range(9)],
    ),
    "a list of words": (
        task_of("classification", labels=("yes", "no")),
        [{"tokens": ["It", "is", f"wet{n}"], "label": ("yes", "no")[n % 2]} for n in range(9)],
    ),
    "choices in columns": (
        task_of("multiple_choice"),
        [{"question": f"What is {n}?", "a": f"x{n}", "b": f"y{n}", "c": "", "answer": "AB"[n % 2]} for n in range(9)],
    ),
    "choices in a list": (
        task_of("multiple_choice"),
        [{"question": f"What is {n}?", "choices": [f"x{n}", f"y{n}"], "answer": n % 2} for n in range(9)],
    ),
    "choices in the question": (
        task_of("multiple_choice"),
        [{"question": f"What is {n}? A) x{n} B) y{n}", "answer": "AB"[n % 2]} for n in range(9)],
    ),
}


@pytest.mark.parametrize("case", TASKS)
def test_rows_are_read_as_in_training(
    case: str, read: Read, tmp_path: Path, make_context: Callable[..., RunContext]
) -> None:
    task, rows = TASKS[case]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "train.jsonl").write_text(text)
    trained = retrieved(task, tmp_path / "train.jsonl", make_context())
    # No answers in the file to answer, and other columns before and behind.
    answer = list(rows[0])[-1]
    asked = [{"text": "x", **{name: row[name] for name in row if name != answer}, "more": "y"} for row in rows]
    found = read("".join(json.dumps(row) + "\n" for row in asked), *trained.layouts, kind=task.kind, ending="jsonl")
    assert found == [Item(row.input, row.choices) for row in trained.rows]
    assert len(found) == 9


def test_a_model_of_written_rows_reads_columns_named_as_the_demonstrations_show(read: Read) -> None:
    task = task_of("generation", ("Premise: It rains.\nHypothesis: It is wet.", "yes"))
    rows = "Hypothesis,PREMISE\nIt is wet.,It rains.\n,half\n"
    assert read(rows, *shown_layouts(task)) == [Item("Premise: It rains.\nHypothesis: It is wet.")]


def test_named_columns_take_the_places_of_those_of_training(read: Read) -> None:
    whole = [Item("Premise: one\nHypothesis: two")]
    assert read("a,b,text\none,two,three\n", *NLI, columns=("a", "b")) == whole
    assert read("a,b\none,two\n", *NLI, columns=("a + b",)) == whole
    # Names of training say themselves which is which.
    assert read("hypothesis,premise\ntwo,one\n", *NLI, columns=("hypothesis", "premise")) == whole
    assert read('all,b\n"Premise: one\nHypothesis: two",x\n', *NLI, columns=("all",)) == whole


def test_the_text_before_a_single_column_is_written_once(read: Read) -> None:
    layout = InputLayout((InputPart("claim", "Claim: "),))
    assert read("text,id\none,1\n", layout) == [Item("Claim: one")]
    assert read("text,id\nClaim: one,1\n", layout) == [Item("Claim: one")]


@pytest.mark.parametrize(
    ("text", "layouts", "kind", "columns", "said"),
    [
        ("id,premise\n1,one\n", NLI, "generation", (), ("no column `hypothesis`", "premise + hypothesis")),
        ("text\none\n", NLI, "generation", (), ("no column `premise` and `hypothesis`", "--column NAME --column NAME")),
        ("a,b,c\n1,2,3\n", NLI, "generation", ("a", "b", "c"), ("3 columns are named", "premise + hypothesis")),
        ("a,b\n1,2\n", NLI, "generation", ("a", "x"), ("no column 'x'", "'a', 'b'")),
        ("a,b\n1,2\n", (InputLayout((InputPart("body"),)),), "generation", (), ("which column", "of body")),
        ("question\nWhy?\n", (), "multiple_choice", (), ("no columns with the answers", "choice_a")),
    ],
)  # fmt: skip
def test_columns_that_are_missing_are_named_in_one_line(
    read: Read, text: str, layouts: tuple[InputLayout, ...], kind: Kind, columns: tuple[str, ...], said: tuple[str, ...]
) -> None:
    with pytest.raises(DataFileError) as caught:
        read(text, *layouts, columns=columns, kind=kind)
    assert [words for words in said if words not in str(caught.value)] == []
    assert "\n" not in str(caught.value)


def test_a_question_without_two_choices_is_a_failure(read: Read, tmp_path: Path) -> None:
    asked = read("question,a,b\nOne,x,y\nTwo,x,\nThree,x,y\n", kind="multiple_choice")
    assert asked == [Item("One", ("x", "y")), Item("Three", ("x", "y"))]
    with (tmp_path / "out.csv").open(newline="") as stream:
        assert [row["failure"] for row in csv.DictReader(stream)] == ["", "empty", ""]


def test_where_two_columns_could_be_the_input_one_has_to_be_named(read: Read) -> None:
    two = InputLayout((InputPart("title"),)), InputLayout((InputPart("text"),))
    with pytest.raises(DataFileError, match=r"inputs like text or title; add --column NAME"):
        read("title,text\none,two\n", *two)
    assert read("title,text\none,two\n", *two, columns=("text",)) == [Item("two")]
