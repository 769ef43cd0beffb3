"""A data set whose labels or inputs are not the task's: inputs to label, rows to rewrite, no tests, none unasked."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prompt2model.artifacts import load_artifact, save_artifact
from prompt2model.catalogue.whole_rows import row_cells
from prompt2model.component import Option, RunContext
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import ConfigError, DataFileError
from prompt2model.records import Demonstration, RetrievedData, TaskSpec
from prompt2model.teacher import ScriptedClient

MakeContext = Callable[..., RunContext]
TASK = TaskSpec(
    instruction="Read the customer's message to the shop and name the team that has to answer it.",
    demonstrations=(Demonstration("My parcel is late.", "shipping"),),
    kind="classification",
    labels=("billing", "shipping"),
    language="en",
    original_prompt="p",
)


class Person:
    """Answers by the key of the question, else with the default, and keeps what was offered."""

    interactive = True

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.seen: dict[str, list[str]] = {}

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        return list(self.answers.get(key, default))

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        self.seen[key] = [option.value for option in options]
        return str(self.answers.get(key, default))


def write(path: Path, header: list[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """One data set with foreign labels and three splits, one with inputs alone, one of questions without choices."""
    folder = tmp_path / "sets"
    for split, count in (("train", 20), ("validation", 5), ("test", 7)):
        rows = [[f"{split} message {n} to the shop", ("bug", "sales")[n % 2]] for n in range(count)]
        write(folder / "mail" / f"{split}.csv", ["text", "queue"], rows)
    about = "---\nlicense: mit\nlanguage: en\n---\n# Messages of customers to the shop's team\n"
    (folder / "mail" / "README.md").write_text(about)
    write(folder / "bare" / "data.csv", ["text"], [[f"bare message {n}"] for n in range(4)])
    return folder


def retrieve(context: RunContext, task: TaskSpec = TASK, **config: Any) -> RetrievedData:
    retriever = DatasetRetriever(DatasetRetrieverConfig(**config))
    return retriever.run(retriever.Inputs(task), context)


def test_the_inputs_of_a_named_data_set_with_other_labels_are_taken(sets: Path, make_context: MakeContext) -> None:
    context = make_context()
    found = retrieve(context, data_dirs=[sets], datasets="mail")
    assert (list(found.rows), found.official_tests) == ([], ())
    rows = list(found.unlabelled)
    assert [row.input.split()[0] for row in rows] == ["train"] * 20 + ["validation"] * 5
    assert all(row.references == () for row in rows)
    source = rows[3].source
    assert (source.kind, source.dataset, source.split, source.row, source.licence) == (
        "labelled", "mail", "train", 3, "mit",
    )  # fmt: skip
    (chosen,) = found.chosen
    assert (chosen.id, chosen.licence, chosen.input_column, chosen.output_column) == ("mail", "mit", "text", "")
    assert chosen.rows_by_split == {"train": 20, "validation": 5}
    assert found.dropped == {}
    (note,) = found.notes
    assert "'queue' holds none of the labels billing, shipping; the teacher labels 25 of its inputs (text)" in note
    assert "label_map" in note
    save_artifact(found, context.folder)
    assert list(load_artifact(RetrievedData, context.folder).unlabelled) == rows


def test_of_many_inputs_a_sample_is_taken(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets="mail", max_inputs=8)
    numbers = [row.source.row or 0 for row in found.unlabelled]
    assert len(numbers) == 8
    assert max(numbers) > 8, "not the first ones"
    assert found.dropped == {"inputs: over the row limit": 17}


@pytest.mark.parametrize("mode", ["auto", "ask"])
def test_without_a_person_no_such_set_is_taken(sets: Path, make_context: MakeContext, mode: str) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets=mode)
    assert (found.chosen, len(found.unlabelled)) == ((), 0)


def test_inputs_alone_are_a_data_set_too(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets="bare")
    assert [row.input for row in found.unlabelled] == [f"bare message {n}" for n in range(4)]


def test_rows_that_fit_are_taken_as_before(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets="mail", label_map={"mail": {"bug": "billing"}})
    assert {row.target for row in found.rows} == {"billing"}
    assert len(found.unlabelled) == 0
    assert len(found.official_tests[0].rows) == 4


@pytest.mark.parametrize(
    ("answer", "kinds", "taken"), [("inputs", {"labelled"}, 25), ("transform", {"transformed"}, 25), ("none", set(), 0)]
)
def test_a_person_says_what_shall_be_used_of_it(
    sets: Path, make_context: MakeContext, answer: str, kinds: set[str], taken: int
) -> None:
    person = Person(**{"datasets": ["mail"], "unfitting:mail": answer})
    found = retrieve(make_context(chooser=person), data_dirs=[sets])
    assert person.seen["unfitting:mail"] == ["inputs", "transform", "none"]
    assert {row.source.kind for row in found.unlabelled} == kinds
    assert len(found.unlabelled) == taken
    assert len(found.chosen) == (taken > 0)


def test_a_teacher_too_small_to_rewrite_is_not_offered(sets: Path, make_context: MakeContext) -> None:
    person = Person(datasets=["mail"])
    small = ScriptedClient(lambda request: "", model="embedded:small")
    retrieve(make_context({"teacher": small}, chooser=person), data_dirs=[sets])
    assert person.seen["unfitting:mail"] == ["inputs", "none"]


@pytest.mark.parametrize("datasets", ["none", "auto", "mail"])
def test_rows_to_rewrite_are_whole_and_never_of_the_test_split(
    sets: Path, make_context: MakeContext, datasets: str
) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets=datasets, transform="mail", max_transform=22)
    rows = [row_cells(row.input) for row in found.unlabelled]
    assert len(rows) == 22
    assert {tuple(row) for row in rows} == {("text", "queue")}
    assert not [row for row in rows if row["text"].startswith("test")]
    assert {(row.source.kind, row.source.licence) for row in found.unlabelled} == {("transformed", "mit")}
    assert (list(found.rows), found.official_tests) == ([], ())
    assert found.chosen[0].input_column == "text, queue"
    assert any("22 rows for the teacher to rewrite" in note for note in found.notes)


def test_the_columns_to_rewrite_can_be_named(sets: Path, make_context: MakeContext) -> None:
    named = {"mail": {"input": "text"}}
    found = retrieve(make_context(), data_dirs=[sets], datasets="none", transform=("mail",), columns=named)
    assert {tuple(row_cells(row.input)) for row in found.unlabelled} == {("text",)}


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ({"transform": "mial", "datasets": "none"}, ConfigError, "near names: mail"),
        ({"transform": "mail", "columns": {"mail": {"input": "txt"}}}, DataFileError, "'text', 'queue'"),
        ({"transform": "only_tests"}, DataFileError, "test split only"),
        ({"datasets": "only_tests"}, DataFileError, "test split only"),
        ({"transform": "mail", "use": "commercial", "licence": "cc-by-nc-4.0"}, ConfigError, "commercial"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(
    sets: Path, make_context: MakeContext, config: dict[str, Any], error: type[Exception], said: str
) -> None:
    write(sets / "only_tests" / "test.csv", ["text", "queue"], [["a message", "bug"]])
    if licence := config.pop("licence", None):
        (sets / "mail" / "README.md").write_text(f"---\nlicense: {licence}\n---\n# Messages\n")
    with pytest.raises(error) as caught:
        retrieve(make_context(), data_dirs=[sets], **config)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_was_picked_and_gives_nothing_does_not_end_the_run(sets: Path, make_context: MakeContext) -> None:
    questions = TaskSpec("Answer the question.", (), "multiple_choice", (), "en", "p")
    found = retrieve(make_context(chooser=Person(datasets=["mail"])), questions, data_dirs=[sets])
    assert len(found.unlabelled) == 0
    assert any("fewer than two choices (25)" in note for note in found.notes)
