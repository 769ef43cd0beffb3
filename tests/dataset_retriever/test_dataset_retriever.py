"""Data sets are found, checked to fit, chosen, read; official tests stay tests; nothing is taken silently."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prompt2model.artifacts import load_artifact, save_artifact
from prompt2model.component import Option, RunContext
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import ConfigError, DataFileError, HubError
from prompt2model.records import Demonstration, RetrievedData, TaskSpec

MakeContext = Callable[..., RunContext]

TICKETS = TaskSpec(
    instruction="Read the customer's message to the shop and name the team that has to answer it.",
    demonstrations=(Demonstration("My parcel is late.", "shipping"), Demonstration("I was charged twice.", "billing")),
    kind="classification",
    labels=("billing", "shipping", "returns", "out of scope"),
    language="en",
    original_prompt="p",
)
DATES = TaskSpec(
    instruction="Write the date phrase as an ISO date.",
    demonstrations=(Demonstration("the 3rd of May 2019", "2019-05-03"), Demonstration("1 June 1999", "1999-06-01")),
    kind="generation",
    labels=(),
    language="en",
    original_prompt="p",
)


class ScriptedPerson:
    """A chooser that gives prepared answers by the key of the question, else the default, and keeps what it saw."""

    interactive = True

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.seen: dict[str, Sequence[Option]] = {}
        self.defaults: dict[str, Any] = {}
        self.questions: dict[str, str] = {}

    def choose_many(self, key: str, question: str, options: Sequence[Option], default: Sequence[str]) -> list[str]:
        self.seen[key], self.defaults[key], self.questions[key] = options, list(default), question
        return list(self.answers.get(key, default))

    def choose_one(self, key: str, question: str, options: Sequence[Option], default: str) -> str:
        self.seen[key], self.defaults[key], self.questions[key] = options, default, question
        answer = self.answers.get(key, default)
        assert answer in [option.value for option in options]
        return str(answer)

    def ask(self, key: str, question: str, default: str | None, config_line: str) -> str:
        raise AssertionError(key)

    def confirm(self, key: str, question: str, default: bool) -> bool:
        raise AssertionError(key)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def card(folder: Path, title: str, about: str, licence: str | None = "cc0-1.0", language: str = "en") -> None:
    licence_line = f"license: {licence}\n" if licence else ""
    text = f"---\n{licence_line}language: {language}\npretty_name: {title}\n---\n# {title}\n\n{about}\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder of five small data sets: one fits TICKETS, one fits DATES, three are near misses."""
    folder = tmp_path / "sets"
    labels = ("billing", "Shipping", "RETURNS")
    rows = [[f"message {n} about my order", labels[n % 3]] for n in range(30)]
    write_csv(folder / "shop_mail" / "train.csv", ["text", "team"], [*rows, ["", "billing"], ["empty answer", ""]])
    write_csv(folder / "shop_mail" / "test.csv", ["text", "team"], rows[:6])
    card(folder / "shop_mail", "Shop messages", "Messages of customers to a shop and the team that answers.")
    write_csv(
        folder / "software_mail" / "data.csv",
        ["subject", "body", "queue"],
        [[f"s{n}", f"Customer message {n} to a team", ("bug", "sales", "billings")[n % 3]] for n in range(12)],
    )
    card(folder / "software_mail", "Software help desk", "Messages of customers to a software shop, by team.")
    write_csv(folder / "laden" / "data.csv", ["text", "team"], [[f"Nachricht {n}", labels[n % 3]] for n in range(12)])
    card(folder / "laden", "Shop messages customer team", "Kunden an den Laden.", language="de")
    films = [[f"film {n}", ("billing", "shipping", "returns")[n % 3]] for n in range(9)]
    write_csv(folder / "films" / "data.csv", ["review", "verdict"], films)
    card(folder / "films", "Films", "Reviews.")
    days = [[f"the {n}th of July 2010", f"2010-07-{n:02d}"] for n in range(10, 30)]
    write_csv(folder / "days" / "data.csv", ["phrase", "iso"], days)
    card(folder / "days", "Date phrases", "Phrases for a date and the ISO date.", licence=None)
    return folder


def retrieve(context: RunContext, task: TaskSpec = TICKETS, **config: Any) -> RetrievedData:
    retriever = DatasetRetriever(DatasetRetrieverConfig(**config))
    return retriever.run(retriever.Inputs(task), context)


@pytest.mark.parametrize("datasets", ["auto", "ask"])
def test_without_a_person_only_what_fits_is_taken(sets: Path, make_context: MakeContext, datasets: str) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets=datasets)
    (chosen,) = found.chosen
    assert (chosen.id, chosen.origin, chosen.licence) == ("shop_mail", "local", "cc0-1.0")
    assert (chosen.input_column, chosen.output_column) == ("text", "team")
    assert chosen.rows_by_split == {"train": 30, "test": 6}
    rows = list(found.rows)
    assert [row.target for row in rows[:3]] == ["billing", "shipping", "returns"]
    assert (rows[4].source.kind, rows[4].source.dataset, rows[4].source.split, rows[4].source.row) == (
        "retrieved", "shop_mail", "train", 4,
    )  # fmt: skip
    assert rows[4].source.licence == "cc0-1.0"
    assert found.dropped == {"empty input": 1, "empty output": 1}
    (test,) = found.official_tests
    assert (test.name, test.origin, len(test.rows)) == ("shop_mail", "official", 6)
    assert {row.source.split for row in test.rows} == {"test"}
    assert any("shop_mail" in note for note in found.notes)
    offered = found.offered[0]
    assert (offered.id, offered.licence, offered.rows) == ("shop_mail", "cc0-1.0", 38)
    assert offered.bytes > 0


def test_a_generation_task_takes_rows_like_its_demonstrations(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(make_context(), DATES, data_dirs=[sets])
    (chosen,) = found.chosen
    assert (chosen.id, chosen.input_column, chosen.output_column) == ("days", "phrase", "iso")
    assert any("licence is not known" in note for note in found.notes)


def test_when_nothing_fits_nothing_is_taken_and_it_is_said(sets: Path, make_context: MakeContext) -> None:
    task = TaskSpec("Translate the poem into French.", (), "generation", (), "en", "p")
    found = retrieve(make_context(), task, data_dirs=[sets])
    assert (found.chosen, len(found.rows), found.official_tests) == ((), 0, ())
    other = TaskSpec(TICKETS.instruction, (), "classification", ("bug", "feature"), "en", "p")
    found = retrieve(make_context(), other, data_dirs=[sets])
    assert found.chosen == ()
    assert "No data set is taken" in found.notes[-1]
    assert found.offered, "what was looked at is kept"


def test_an_artifact_comes_back_from_disk(sets: Path, make_context: MakeContext) -> None:
    context = make_context()
    found = retrieve(context, data_dirs=[sets])
    save_artifact(found, context.folder)
    back = load_artifact(RetrievedData, context.folder)
    assert list(back.rows) == list(found.rows)
    assert list(back.official_tests[0].rows) == list(found.official_tests[0].rows)
    assert back.notes == found.notes


def test_the_same_run_gives_the_same_bytes(sets: Path, make_context: MakeContext, tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        context = make_context(folder=tmp_path / name)
        retrieve(context, data_dirs=[sets], max_rows=7)
        files.append((context.folder / "rows.jsonl").read_bytes())
    assert files[0] == files[1]
    assert len(files[0].splitlines()) == 7


def test_the_row_limit_samples_evenly(sets: Path, make_context: MakeContext) -> None:
    rows = [[f"message {n} to the shop", ("billing", "shipping", "returns")[n // 200]] for n in range(600)]
    write_csv(sets / "shop_mail" / "train.csv", ["text", "team"], rows)
    found = retrieve(make_context(), data_dirs=[sets], datasets="shop_mail", max_rows=90)
    assert found.dropped["over the row limit"] == 510
    numbers = [row.source.row for row in found.rows]
    assert numbers == sorted(numbers)
    assert all(sum(row.target == label for row in found.rows) > 15 for label in ("billing", "shipping", "returns"))


def test_a_person_picks_columns_and_labels(sets: Path, make_context: MakeContext) -> None:
    person = ScriptedPerson(
        **{
            "datasets": ["software_mail"],
            "columns:software_mail:1": "input",
            "columns:software_mail:1:input": ["subject"],
            "label:software_mail:bug": "out of scope",
        }
    )
    found = retrieve(make_context(chooser=person), data_dirs=[sets])
    assert person.defaults["datasets"] == ["shop_mail"], "what fits is the default"
    assert person.defaults["columns:software_mail:1"] == "take"
    assert person.defaults["columns:software_mail:1:input"] == ["body"]
    assert "Its first rows would be read so" in person.questions["columns:software_mail:2"]
    assert person.questions["columns:software_mail:2"].count("\n  ") == 3, "three rows, read with the changed input"
    assert "1. left out: label not in the task (bug)" in person.questions["columns:software_mail:2"]
    assert person.defaults["label:software_mail:sales"] == "", "a label without a like one is left out"
    assert person.defaults["label:software_mail:billings"] == "billing", "a label that is almost the same is proposed"
    details = {option.value: option.details for option in person.seen["datasets"]}
    assert details["shop_mail"]["rows"] == "38"
    assert details["shop_mail"]["licence"] == "cc0-1.0"
    assert details["shop_mail"]["fits"].startswith("yes")
    assert {(row.input[0], row.target) for row in found.rows} == {("s", "out of scope"), ("s", "billing")}
    assert found.dropped["label not in the task"] == 4


def test_a_person_may_pick_several_or_none(sets: Path, make_context: MakeContext, tmp_path: Path) -> None:
    both = ScriptedPerson(datasets=["shop_mail", "laden"])
    found = retrieve(make_context(chooser=both, folder=tmp_path / "a"), data_dirs=[sets])
    assert [chosen.id for chosen in found.chosen] == ["shop_mail", "laden"]
    assert len(found.rows) == 42
    none = ScriptedPerson(datasets=[])
    found = retrieve(make_context(chooser=none, folder=tmp_path / "b"), data_dirs=[sets])
    assert (found.chosen, len(found.rows)) == ((), 0)
    assert list(none.seen) == ["datasets"]


def test_named_data_sets_with_columns_and_labels_from_the_config(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(
        make_context(),
        data_dirs=[sets],
        datasets="software_mail",
        columns={"software_mail": {"input": "subject"}},
        label_map={"software_mail": {"bug": "returns", "billings": ""}},
    )
    assert {row.target for row in found.rows} == {"returns"}
    assert found.chosen[0].input_column == "subject"


@pytest.mark.parametrize(
    ("config", "error", "said"),
    [
        ({"datasets": "shop_mial"}, ConfigError, "near names: shop_mail"),
        ({"datasets": "someone/unheard-of"}, HubError, "--hub"),
        ({"datasets": "shop_mail", "columns": {"shop_mail": {"input": "txt"}}}, DataFileError, "'text', 'team'"),
        ({"datasets": "shop_mail", "label_map": {"shop_mail": {"x": "fraud"}}}, DataFileError, "fraud"),
        ({"datasets": "days", "use": "commercial"}, ConfigError, "commercial"),
    ],
)
def test_what_cannot_be_had_is_refused_in_one_line(
    sets: Path, make_context: MakeContext, config: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        retrieve(make_context(), data_dirs=[sets], **config)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_none_reads_nothing(sets: Path, make_context: MakeContext) -> None:
    found = retrieve(make_context(), data_dirs=[sets], datasets="none")
    assert (found.offered, found.chosen, len(found.rows)) == ((), (), 0)


def test_commercial_use_offers_only_what_allows_it(sets: Path, make_context: MakeContext) -> None:
    card(sets / "shop_mail", "Shop messages", "Messages of customers to a shop, by team.", licence="cc-by-nc-4.0")
    found = retrieve(make_context(), data_dirs=[sets], use="commercial")
    assert found.chosen == ()
    assert "shop_mail" not in [offered.id for offered in found.offered]
    assert any("licence forbids" in note for note in found.notes)


def test_a_test_split_without_answers_is_no_test(sets: Path, make_context: MakeContext) -> None:
    write_csv(sets / "shop_mail" / "test.csv", ["text"], [["a hidden one"], ["another hidden one"]])
    found = retrieve(make_context(), data_dirs=[sets])
    assert found.official_tests == ()
    assert found.dropped["split without answers"] == 2


def test_a_missing_folder_and_bad_settings() -> None:
    for bad in ({"datasets": ""}, {"datasets": " , "}, {"max_rows": 0}, {"colour": 1}):
        with pytest.raises(ValidationError):
            DatasetRetrieverConfig(**bad)
    assert DatasetRetrieverConfig(datasets="a, b").datasets == ("a", "b")
    files = DatasetRetriever(DatasetRetrieverConfig(data=["x.csv"], data_dirs=["y"])).input_files()
    assert files == (Path("x.csv"), Path("y"))


# --- the user's own files -------------------------------------------------------------------------------------------


def test_own_files_come_first_and_are_never_cut(sets: Path, make_context: MakeContext, tmp_path: Path) -> None:
    mine = write_csv(tmp_path / "mine.csv", ["team", "text"], [["Billing", f"mine {n}"] for n in range(20)])
    found = retrieve(make_context(), data=[mine], data_dirs=[sets], max_rows=5)
    rows = list(found.rows)
    assert [row.source.kind for row in rows] == ["user"] * 20 + ["retrieved"] * 5
    assert (rows[3].input, rows[3].target, rows[3].source.dataset, rows[3].source.row) == (
        "mine 3", "billing", "mine.csv", 3,
    )  # fmt: skip
    assert found.chosen[0].origin == "user"
    assert found.chosen[0].rows_by_split == {"train": 20}


def test_own_columns_can_be_named(make_context: MakeContext, tmp_path: Path) -> None:
    rows = [["a", "billing", "shipping"], ["b", "returns", "billing"]]
    mine = write_csv(tmp_path / "mine.csv", ["text", "old_team", "new_team"], rows)
    found = retrieve(make_context(), data=[mine], output_column="new_team")
    assert [(row.input, row.target) for row in found.rows] == [("a", "shipping"), ("b", "billing")]


@pytest.mark.parametrize(
    ("header", "rows", "config", "said"),
    [
        (["text", "team"], [["a", "billing"], ["b", "fraud"], ["c", "theft"]], {}, "row 2 has 'fraud'"),
        (["text", "team"], [["a", "billing"]], {"output_column": "queue"}, "the columns are 'text', 'team'"),
        (["text", "team"], [["a", "billing"]], {"input_column": "text", "output_column": "text"}, "the same column"),
        (["text"], [["a"], ["b"]], {}, "only one column with text"),
        (["text", "team"], [["a", ""], ["b", ""]], {"output_column": "team"}, "no row has both"),
        (["text", "team"], [], {}, "no row below its header"),
        (["text", "team"], [["a", "b"]], {"label_map": {"mine.csv": {"b": "fraud"}}}, "'b' is mapped to 'fraud'"),
    ],
)
def test_own_files_that_cannot_be_used(
    make_context: MakeContext,
    tmp_path: Path,
    header: list[str],
    rows: list[list[str]],
    config: dict[str, Any],
    said: str,
) -> None:
    mine = write_csv(tmp_path / "mine.csv", header, rows)
    with pytest.raises(DataFileError) as caught:
        retrieve(make_context(), data=[mine], **config)
    assert said in str(caught.value)
    assert "mine.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rows_mapped_to_nothing_are_left_out_though_the_task_has_their_label(
    make_context: MakeContext, tmp_path: Path
) -> None:
    mine = write_csv(tmp_path / "mine.csv", ["text", "team"], [["a", "billing"], ["b", "returns"], ["c", "shipping"]])
    found = retrieve(make_context(), data=[mine], label_map={"mine.csv": {"returns": ""}})
    assert [row.target for row in found.rows] == ["billing", "shipping"]


def test_own_multiple_choice_rows_without_choices_are_refused_with_the_reason(
    make_context: MakeContext, tmp_path: Path
) -> None:
    task = TaskSpec("Answer the question.", (), "multiple_choice", (), "en", "p")
    mine = write_csv(tmp_path / "mine.csv", ["question", "answer"], [["who is it?", "A"], ["why so?", "B"]])
    with pytest.raises(DataFileError, match=r"mine.csv: no row can be used .* fewer than two choices \(2\)"):
        retrieve(make_context(), task, data=[mine])


def test_own_columns_may_have_long_names_when_they_are_named(make_context: MakeContext, tmp_path: Path) -> None:
    header = ["What did the customer write to us?", "Which team?"]
    mine = write_csv(tmp_path / "mine.csv", header, [["a", "billing"], ["b", "returns"]])
    with pytest.raises(DataFileError, match="--input-column"):
        retrieve(make_context(folder=tmp_path / "a"), data=[mine])
    found = retrieve(make_context(folder=tmp_path / "b"), data=[mine], input_column=header[0])
    assert [(row.input, row.target) for row in found.rows] == [("a", "billing"), ("b", "returns")]


def test_a_few_foreign_labels_in_own_files_are_left_out_and_listed(make_context: MakeContext, tmp_path: Path) -> None:
    rows = [[f"t{n}", "billing"] for n in range(18)] + [["x", "biling"], ["y", "frog"]]
    mine = write_csv(tmp_path / "mine.csv", ["text", "team"], rows)
    found = retrieve(make_context(folder=tmp_path / "a"), data=[mine])
    assert len(found.rows) == 18
    assert found.dropped == {"label not in the task": 2}
    assert "'biling' (1), 'frog' (1)" in found.notes[0]
    mapped = {"mine.csv": {"biling": "billing", "frog": ""}}
    found = retrieve(make_context(folder=tmp_path / "b"), data=[mine], label_map=mapped)
    assert len(found.rows) == 19


def test_several_answers_and_choices(make_context: MakeContext, tmp_path: Path) -> None:
    task = TaskSpec("Answer the question.", (), "multiple_choice", (), "en", "p")
    mine = tmp_path / "mine.jsonl"
    rows = [{"question": f"q{n}?", "choices": ["red", "blue"], "answer": "AB"[n % 2]} for n in range(6)]
    mine.write_text("\n".join(map(json.dumps, rows)))
    found = list(retrieve(make_context(), task, data=[mine]).rows)
    assert [(row.choices, row.target) for row in found[:2]] == [(("red", "blue"), "red"), (("red", "blue"), "blue")]


# --- with the demonstration folder ----------------------------------------------------------------------------------


def test_the_demo_finds_its_data_set(make_context: MakeContext) -> None:
    folder = Path(__file__).parents[2] / "demos" / "ticket_triage" / "datasets"
    labels = ("billing", "shipping", "returns", "technical problem", "account access", "out of scope")
    task = TaskSpec(
        "You work at the help desk of an online shop. Read the customer's message and decide which team has to deal "
        "with it.",
        (Demonstration("Your app freezes on the payment screen.", "technical problem"),),
        "classification",
        labels,
        "en",
        "p",
    )
    found = retrieve(make_context(), task, data_dirs=[folder])
    assert [chosen.id for chosen in found.chosen] == ["shop_support_messages"]
    assert len(found.rows) >= 200
    assert len(found.official_tests[0].rows) >= 50
    assert not found.dropped


def test_ten_thousand_rows_do_not_fill_the_folder(make_context: MakeContext, tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = [[f"message {rng.random()} to the shop", rng.choice(TICKETS.labels)] for _ in range(10_000)]
    write_csv(tmp_path / "sets" / "big" / "train.csv", ["text", "team"], rows)
    card(tmp_path / "sets" / "big", "Shop messages", "Messages of customers to the team of a shop.")
    context = make_context()
    found = retrieve(context, data_dirs=[tmp_path / "sets"], max_rows=100)
    assert len(found.rows) == 100
    assert sorted(path.name for path in context.folder.iterdir()) == ["rows.jsonl"]


def test_inputs_without_answers_are_the_lines_of_a_text_file_or_a_column(
    make_context: Callable[..., RunContext], tmp_path: Path
) -> None:
    lines = tmp_path / "mail.txt"
    lines.write_text("first message\n\n  second, with a comma \nthird\n", encoding="utf-8")
    table = write_csv(tmp_path / "log.csv", ["id", "text"], [["1", "from a table"], ["2", ""]])
    data = retrieve(make_context(), inputs=(lines, table), datasets="none")
    assert [row.input for row in data.unlabelled] == ["first message", "second, with a comma", "third", "from a table"]
    assert {row.source.dataset for row in data.unlabelled} == {"mail.txt", "log.csv"}
    assert all(row.references == () for row in data.unlabelled)
    assert data.dropped == {"inputs: empty input": 2}
    assert list(data.rows) == []


def test_of_many_inputs_an_even_sample_is_taken(make_context: Callable[..., RunContext], tmp_path: Path) -> None:
    lines = tmp_path / "mail.txt"
    lines.write_text("".join(f"message {number}\n" for number in range(5000)), encoding="utf-8")
    first = retrieve(make_context(), inputs=(lines,), datasets="none", max_inputs=100)
    numbers = [row.source.row or 0 for row in first.unlabelled]
    assert len(numbers) == 100 and numbers == sorted(numbers)
    assert 1500 < sum(numbers) / 100 < 3500
    assert first.dropped == {"inputs: over the row limit": 4900}
    again = retrieve(make_context(), inputs=(lines,), datasets="none", max_inputs=100)
    assert [row.source.row for row in again.unlabelled] == numbers


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.txt", None, "does not exist"),
        ("empty.txt", "", "there is no input"),
        ("blank.txt", "\n \n", "there is no input"),
        ("latin.txt", b"caf\xe9\n", "save the file as UTF-8"),
        ("page.html", "<p>", "page.html"),
    ],
)
def test_inputs_that_cannot_be_read(
    name: str, content: Any, words: str, make_context: Callable[..., RunContext], tmp_path: Path
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataFileError, match=words) as raised:
        retrieve(make_context(), inputs=(path,), datasets="none")
    assert name in str(raised.value)
