"""Questions at a terminal: return takes the default, nonsense is asked again, the end of input is said."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from prompt2model.component import ASKED_AGAIN, Option
from prompt2model.console import AutomaticChooser, ConsoleChooser, RecordingChooser
from prompt2model.errors import NotSettledError
from prompt2model.run_store import RunStore

OPTIONS = [Option("a", "first", {"size": "1 MB"}), Option("b", "second", {"size": "2 MB"}), Option("c", "third")]


def person(monkeypatch: pytest.MonkeyPatch, typed: str) -> ConsoleChooser:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return ConsoleChooser()


@pytest.mark.parametrize(
    ("typed", "picked"),
    [
        ("\n", ["b"]),
        ("1\n", ["a"]),
        ("3, 1\n", ["c", "a"]),
        ("1 1 2\n", ["a", "b"]),
        ("none\n", []),
        ("9\nx\n2\n", ["b"]),
    ],
)
def test_several_one_or_none(monkeypatch: pytest.MonkeyPatch, typed: str, picked: list[str]) -> None:
    assert person(monkeypatch, typed).choose_many("k", "Which?", OPTIONS, ["b"]) == picked


@pytest.mark.parametrize(("typed", "picked"), [("\n", "b"), ("3\n", "c"), ("0\n4\n1\n", "a")])
def test_one_of_several(monkeypatch: pytest.MonkeyPatch, typed: str, picked: str) -> None:
    assert person(monkeypatch, typed).choose_one("k", "Which?", OPTIONS, "b") == picked


def test_what_is_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    person(monkeypatch, "\n").choose_many("k", "Which data sets?", OPTIONS, ["b"])
    shown = capsys.readouterr()
    assert shown.out == ""
    for words in ("Which data sets?", "* second", "2 MB", "[2]"):
        assert words in shown.err


@pytest.mark.parametrize(
    ("typed", "default", "answer"), [("\n", True, True), ("n\n", True, False), ("maybe\nyes\n", False, True)]
)
def test_yes_or_no(monkeypatch: pytest.MonkeyPatch, typed: str, default: bool, answer: bool) -> None:
    assert person(monkeypatch, typed).confirm("k", "Sure?", default) is answer


def test_a_free_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert person(monkeypatch, "\n").ask("k", "Name?", "x", "") == "x"
    assert person(monkeypatch, "\n\n y \n").ask("k", "Name?", None, "") == "y"


def test_the_end_of_input_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSettledError, match="--yes"):
        person(monkeypatch, "").choose_one("k", "Which?", OPTIONS, "a")


def test_nobody_there_takes_defaults_or_names_the_line_to_add() -> None:
    chooser = AutomaticChooser()
    assert chooser.choose_many("k", "Which?", OPTIONS, ["c"]) == ["c"]
    assert chooser.ask("k", "Name?", "x", "") == "x"
    with pytest.raises(NotSettledError, match=r'labels = \["x", "y"\]'):
        chooser.ask("labels", "Which labels?", None, 'labels = ["x", "y"]')


def test_a_resumed_run_never_asks_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = RecordingChooser(RunStore(tmp_path), "retrieve_data", person(monkeypatch, "1,3\nn\n"))
    assert first.choose_many("datasets", "Which?", OPTIONS, []) == ["a", "c"]
    assert first.confirm("hub", "Hub?", True) is False
    again = RecordingChooser(RunStore(tmp_path), "retrieve_data", person(monkeypatch, ""))
    assert again.choose_many("datasets", "Which?", OPTIONS, []) == ["a", "c"]
    assert again.confirm("hub", "Hub?", True) is False


def test_an_answer_that_ended_the_run_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chooser = RecordingChooser(RunStore(tmp_path), "check_feasibility", person(monkeypatch, "n\ny\n"))
    assert chooser.confirm(ASKED_AGAIN, "Go on?", True) is False
    assert chooser.confirm(ASKED_AGAIN, "Go on?", True) is True
    assert RunStore(tmp_path).answers("check_feasibility") == {}
