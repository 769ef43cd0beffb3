"""A run given again: from inside its folder, renamed, with other settings, with files that moved or changed."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.command_line import command, kept

from prompt2model.console import AutomaticChooser
from prompt2model.errors import ConfigError, PromptError, RunFolderError, TeacherError
from prompt2model.pipeline import Pipeline, RunResult
from prompt2model.run_store import RunStore


class Person(AutomaticChooser):
    """Says the same to every yes-or-no question, and keeps the questions."""

    interactive = True

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def confirm(self, key: str, question: str, default: bool) -> bool:
        self.asked.append(question)
        return self.answer


class Said:
    """Progress that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def track(self, items: Any, description: str, total: int | None = None) -> Any:
        yield from items

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def in_place(finished_folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The folder with the finished run where it was made, so that its config names files here; restored afterwards."""
    copy = shutil.copytree(finished_folder, tmp_path / "untouched")
    yield finished_folder
    shutil.rmtree(finished_folder)
    shutil.copytree(copy, finished_folder)


def edit_config(run: Path, *replacements: tuple[str, str]) -> Path:
    """A copy of a run's config beside the runs, with other settings."""
    text = (run / "config.toml").read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = run.parent.parent / "other.toml"
    path.write_text(text)
    return path


def with_settings(folder: Path, path: Path) -> Pipeline:
    """The chain of a config whose run is in `folder`/runs."""
    pipeline = Pipeline.from_config(path)
    pipeline.config = pipeline.config.model_copy(update={"runs_folder": folder / "runs"})
    return pipeline


def again(run: Path, **options: Any) -> RunResult:
    return Pipeline.from_run(run).run(**options)


@pytest.mark.parametrize("place", [".", "./", "../kept"])
def test_from_inside_its_folder(place: str, in_place: Path) -> None:
    run = in_place / "runs/kept"
    ended = command("resume", place, "--yes", cwd=run)
    assert ended.code == 0, ended.err
    assert "nothing to do" in ended.out
    assert not (run / "kept").exists()
    assert not (run / ".cache").exists()


def test_shown_and_asked_from_inside_its_folder(in_place: Path) -> None:
    run = in_place / "runs/kept"
    shown = command("show", ".", cwd=run)
    assert shown.code == 0, shown.err
    assert "accuracy" in shown.out
    asked = command("predict", "./", "../../rows.csv", cwd=run)
    assert asked.code == 0, asked.err
    assert "the red" in asked.out


def test_a_renamed_folder(in_place: Path) -> None:
    renamed = (in_place / "runs/kept").rename(in_place / "runs/my colours, 2nd")
    result = again(renamed)
    assert result.executed == ()
    assert result.folder == renamed


def test_other_settings_are_not_laid_over_finished_work(in_place: Path) -> None:
    run = in_place / "runs/kept"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    other = with_settings(in_place, edit_config(run, ("epochs = 1", "epochs = 2")))
    with pytest.raises(RunFolderError, match=r"kept holds a run with other settings \(train\.epochs\).*--replace"):
        other.run()
    person = Person(False)
    with pytest.raises(RunFolderError, match="--name"):
        other.run(chooser=person)
    assert any("train.epochs" in question for question in person.asked)
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(RunFolderError, match=r"\(prompt\)"):
        with_settings(in_place, edit_config(run, ("Say which", "Tell which"))).run()


def test_a_yes_redoes_what_depends_on_the_settings(in_place: Path) -> None:
    run = in_place / "runs/kept"
    person = Person(True)
    result = with_settings(in_place, edit_config(run, ("epochs = 1", "epochs = 2"))).run(chooser=person)
    assert any("from `train` on" in question for question in person.asked)
    assert result.executed[0] == "train"
    assert "epochs = 2" in (run / "config.toml").read_text()


def test_a_failed_replacement_shows_no_old_result(in_place: Path) -> None:
    run = in_place / "runs/kept"
    before = kept(run)
    (in_place / "one.csv").write_text("text,colour\nthe red car,red\na green door,green\n")
    old = edit_config(run).read_text()
    path = edit_config(run, ("rows.csv", "one.csv"))
    with pytest.raises(TeacherError):
        with_settings(in_place, path).run(replace=True)
    shown = command("show", "runs/kept", cwd=in_place)
    assert "accuracy" not in shown.out
    assert re.search(r"^- +train$", shown.out, re.MULTILINE)
    words = "not finished since its settings or files changed; go on with `prompt2model resume runs/kept`"
    assert words in shown.out
    assert words.replace("runs/kept", str(run)) in command("predict", run, "rows.csv", cwd=in_place).fault()
    assert words in command("demo", "runs/kept", cwd=in_place).fault()
    assert not (run / "report.html").exists()
    # With the old settings the old work counts again.
    path.write_text(old)
    result = with_settings(in_place, path).run(replace=True)
    assert set(result.executed) <= {"retrieve_data", "reserve_tests"}
    assert kept(run) == before
    assert result.report_page.exists()


def test_work_that_never_finished_a_step_is_in_nobodys_way(work: Path) -> None:
    """A wrong file is corrected, and the same command goes on."""
    (work / "bad.csv").write_text("")
    config = {"prompt_file": work / "task.txt", "name": "new", "runs_folder": work / "runs", "teacher": "none"}

    def run_with(name: str) -> RunResult:
        sets = {"data": [work / name], "datasets": "none"}
        # Nobody writes the example that is wanted: what comes before generation is looked at here.
        return Pipeline.from_config({**config, "retrieve_data": sets, "generate_data": {"examples": 1}}).run()

    with pytest.raises(Exception, match="the file is empty"):
        run_with("bad.csv")
    with pytest.raises(Exception, match="no teacher"):
        run_with("rows.csv")


def test_permission_to_use_the_hub_redoes_nothing(in_place: Path) -> None:
    run = in_place / "runs/kept"
    text = (run / "config.toml").read_text()
    for use in ("yes", "no"):
        (run / "config.toml").write_text(f'hub = "{use}"\n{text}')
        assert again(run).executed == ()


def test_a_yes_to_the_hub_is_remembered_where_nobody_is_asked(in_place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_place / "runs/kept"
    allowed: list[bool] = []
    original = Pipeline._hub_allowed

    def spy(self: Pipeline, chooser: Any) -> bool:
        allowed.append(original(self, chooser))
        return allowed[-1]

    monkeypatch.setattr(Pipeline, "_hub_allowed", spy)
    again(run)
    RunStore(run).save_answer("run", "hub", True)
    again(run)
    assert allowed == [False, True]


def test_the_files_of_a_finished_run_may_go(in_place: Path) -> None:
    run = in_place / "runs/kept"
    rows = in_place / "rows.csv"
    shutil.move(rows, in_place / "elsewhere.csv")
    assert again(run).executed == ()
    # Another step is redone without the file; its own step is not.
    shutil.rmtree(run / "9_demo")
    assert again(run).executed == ("create_demo",)
    shutil.rmtree(run / "2_retrieved")
    assert "rows.csv: does not exist" in command("resume", "runs/kept", "--yes", cwd=in_place).fault()


def test_a_changed_file_is_said(in_place: Path) -> None:
    run = in_place / "runs/kept"
    rows = in_place / "rows.csv"
    rows.write_text("text,colour\n" + "the pink car,pink\n" * 9)
    said = Said()
    with pytest.raises(Exception, match="pink"):
        again(run, progress=said)
    assert f"{rows} changed since this run read it: the steps that depend on it run again" in said.lines


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"teacher": "gpt-4.1"}, ConfigError),
        ({"teachers": {"labeller": "nobody"}}, ConfigError),
        ({"budget": "5 apples"}, ConfigError),
        ({"teacher": "openai:any"}, TeacherError),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_refused_run_leaves_nothing(
    settings: dict[str, Any], error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    said = Said()
    with pytest.raises(error):
        Pipeline.from_config({"prompt": "Sort it: a or b.", "runs_folder": tmp_path / "runs", **settings}).run(
            progress=said
        )
    assert list(tmp_path.iterdir()) == []
    assert said.lines == []


def test_a_prompt_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"not UTF-8 text \(character 4\)"):
        Pipeline.from_config({"prompt": "caf\udcff", "runs_folder": tmp_path}).run()
    for arguments in (("run", b"caf\xff", "--yes"), ("run", "abc", "--data", b"\xff.csv"), ("show", b"\xff")):
        texts = [text if isinstance(text, str) else text.decode(errors="surrogateescape") for text in arguments]
        fault = command(*texts, cwd=tmp_path).fault()
        assert "is not UTF-8 text; give it in UTF-8" in fault
    assert list(tmp_path.iterdir()) == []
