"""Every row of a file keeps its place, also one that cannot be answered."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from prompt2model import predict_file
from prompt2model.records import Item, Prediction


class Shouting:
    """Answers an input in capitals, and nothing to a question."""

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        for item in items:
            assert item.input.strip(), "an empty input was asked"
            yield Prediction(None, failure="refused") if "?" in item.input else Prediction(item.input.upper())


def test_an_empty_input_is_a_failure_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predict_file, "load_predictor", lambda run: Shouting())
    file, output = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text('id,text\n1,one\n2,\n3,"  "\n4,why?\n5,five\n')
    predict_file.predict_file(tmp_path, file, "text", output)
    with output.open(newline="") as stream:
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
