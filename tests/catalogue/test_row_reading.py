"""Rows become examples or are left out for a reason."""

import json
from pathlib import Path

import pytest

from prompt2model.catalogue.columns import ColumnChoice
from prompt2model.catalogue.data_files import read_table
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.records import Example, Source, TaskSpec

SOURCE = Source("retrieved", "set", split="train", row=0, licence="mit")
LABELS = TaskSpec("i", (), "classification", ("good", "bad"), "en", "p")
CHOICE = TaskSpec("i", (), "multiple_choice", (), "en", "p")
TEXT = TaskSpec("i", (), "generation", (), "en", "p")


def read(tmp_path: Path, rows: list[dict[str, object]], columns: ColumnChoice, spec: TaskSpec, **maps: str):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    table = read_table(path)
    reader = RowReader.for_table(table, columns, spec, maps)
    return [reader.read(row, SOURCE) for row in table.rows]


def test_labels(tmp_path: Path) -> None:
    rows = [
        {"t": "fine", "l": "Good"},
        {"t": "meh", "l": "neutral"},
        {"t": "awful", "l": "negative"},
        {"t": " ", "l": "good"},
        {"t": "x", "l": None},
        {"t": "both", "l": ["good", "bad"]},
        {"t": "list", "l": ["bad"]},
    ]
    found = read(tmp_path, rows, ColumnChoice("t", "l", ""), LABELS, negative="bad")
    assert [one.references if isinstance(one, Example) else one for one in found] == [
        ("good",), "label not in the task", ("bad",), "empty input", "empty output", "several labels", ("bad",),
    ]  # fmt: skip
    assert found[0].source.licence == "mit"


def test_all_accepted_answers_are_kept(tmp_path: Path) -> None:
    rows = [{"q": "who?", "a": {"text": ["Ann", "Anna", "Ann"]}}, {"q": "none?", "a": {"text": []}}]
    first, second = read(tmp_path, rows, ColumnChoice("q", "a.text", ""), TEXT)
    assert first.references == ("Ann", "Anna")
    assert second == "empty output"


@pytest.mark.parametrize(
    ("rows", "columns", "targets"),
    [
        ([{"q": "?", "c": ["x", "y"], "a": "y"}], ("c",), ["y"]),
        ([{"q": "?", "c": ["x", "y"], "a": 1}, {"q": "?", "c": ["x", "y"], "a": 0}], ("c",), ["y", "x"]),
        ([{"q": "?", "c": ["x", "y"], "a": 1}, {"q": "?", "c": ["x", "y"], "a": 2}], ("c",), ["x", "y"]),
        ([{"q": "?", "c": ["x", "y"], "a": "(B)"}], ("c",), ["y"]),
        ([{"q": "?", "A": "x", "B": "y", "a": "A"}], ("A", "B"), ["x"]),
        ([{"q": "?", "c": {"text": ["x", "y"], "label": ["1", "2"]}, "a": "2"}], ("c.text",), ["y"]),
    ],
)
def test_choices(tmp_path: Path, rows: list[dict[str, object]], columns: tuple[str, ...], targets: list[str]) -> None:
    found = read(tmp_path, rows, ColumnChoice("q", "a", "", columns), CHOICE)
    assert [one.target for one in found] == targets
    assert found[0].choices == ("x", "y")


def test_bad_choices(tmp_path: Path) -> None:
    rows = [{"q": "?", "c": ["x"], "a": "x"}, {"q": "?", "c": ["x", "y"], "a": "z z"}]
    found = read(tmp_path, rows, ColumnChoice("q", "a", "", ("c",)), CHOICE)
    assert found == ["fewer than two choices", "answer not among the choices"]
