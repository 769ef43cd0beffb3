"""Runs are compared on the test rows that all of them have, as pairs, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from prompt2model.compare_runs import compare_runs, show_comparison
from prompt2model.errors import ConfigError, RunFolderError
from prompt2model.measures.answers import AnsweredRow, predictions_name, save_answers
from prompt2model.records import (
    Comparison,
    Dataset,
    EvaluationReport,
    Example,
    Metric,
    Source,
    TaskSpec,
    TestSet,
    TrainedModel,
    make_example,
)
from prompt2model.run_store import RunStore

TASK = TaskSpec("Say the colour.", (), "classification", ("red", "blue"), "en", "Say the colour.")


def row(number: int) -> Example:
    return make_example(f"thing {number}", ("red" if number % 2 else "blue",), Source("gold", dataset="g", row=number))


@pytest.fixture
def make_run(tmp_path: Path) -> Callable[..., Path]:
    """A finished run with these test rows, of which the student has some wrong."""

    def make(name: str, rows: Sequence[Example], wrong: set[int], task: TaskSpec = TASK, measured: bool = True) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        store = RunStore(folder)
        store.save_config('prompt = "Say the colour."\n')
        test = TestSet("gold", "gold", tuple(rows))
        answers = [
            AnsweredRow(one.id, "wrong", "green") if number in wrong else AnsweredRow(one.id, "correct", one.target)
            for number, one in enumerate(rows)
        ]
        path = predictions_name("student", "gold")
        metric = Metric("accuracy", 0.5, 0.4, 0.6, len(rows))
        line = Comparison("student", "student", "gold", "gold", len(rows), (metric,), 0, 0, 0, {}, path)
        steps: list[tuple[str, str, Any]] = [
            ("parse_prompt", "1_task", task),
            ("assemble_data", "5_dataset", Dataset((), (), (test,), task.labels, {}, {})),
            ("train", "7_trained", TrainedModel(folder, "encoder", f"base/{name}", "full", "", task.labels, (), 0, 0)),
        ]
        if measured:
            steps.append(("evaluate", "8_report", EvaluationReport(folder / "8_report", "", (line,), task.labels, ())))
        for step, place, value in steps:
            working = store.begin(place, "1")
            if step == "evaluate":
                save_answers(working / path, answers)
                value = EvaluationReport(working, "", (line,), task.labels, ())
            store.finish(step, place, "1", value, 1.0)
        return folder

    return make


def test_the_same_rows_are_compared_as_pairs(make_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(number) for number in range(60)]
    first, second = make_run("first", rows, set(range(20))), make_run("second", rows, set(range(5)))
    one, other = compare_runs([first, second])
    assert (one.metric.value, one.n, one.pair) == (pytest.approx(40 / 60, abs=1e-5), 60, None)
    assert other.metric.value == pytest.approx(55 / 60, abs=1e-5)
    assert other.pair.verdict == "better"
    show_comparison([first, second])
    said = " ".join(capsys.readouterr().out.split())
    assert "Second is better than first: +25.0 points" in said
    assert "different test rows" not in said
    assert "base/second" in said


def test_only_the_common_rows_count_and_that_is_said(make_run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    # The second run's rows come from another file, so their ids are others.
    moved = [
        make_example(row(number).input, row(number).references, Source("gold", dataset="h", row=number))
        for number in range(20, 80)
    ]
    first = make_run("first", [row(number) for number in range(60)], set(range(20)))
    second = make_run("second", moved, set())
    one, other = compare_runs([first, second])
    assert (one.n, one.own_n, other.own_n) == (40, 60, 60)
    assert one.metric.value == other.metric.value == 1.0, "what was wrong is not among the common rows"
    show_comparison([first, second])
    assert "compared on the 40 that all have" in " ".join(capsys.readouterr().out.split())


def test_what_cannot_be_compared_is_one_clear_line(make_run: Any, tmp_path: Path) -> None:
    rows = [row(number) for number in range(10)]
    first = make_run("first", rows, set())
    with pytest.raises(ConfigError, match="two run folders or more"):
        compare_runs([first])
    with pytest.raises(ConfigError, match="no test row in common"):
        compare_runs([first, make_run("second", [row(number) for number in range(50, 60)], set())])
    with pytest.raises(RunFolderError, match="was not measured"):
        compare_runs([first, make_run("third", rows, set(), measured=False)])
    writing = TaskSpec("Write.", (), "generation", (), "en", "Write.")
    with pytest.raises(ConfigError, match="different kinds"):
        compare_runs([first, make_run("fourth", rows, set(), writing)])
    with pytest.raises(RunFolderError):
        compare_runs([first, tmp_path / "nowhere"])
