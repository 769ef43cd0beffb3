"""A bake-off and a search on the command line: planned, run, shown, and refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

from integration.command_line import FAST, command

OPTIONS = (
    *("--prompt-file", "task.txt", "--yes", "--teacher", "none", "--datasets", "none", "--data", "rows.csv"),
    *("--base-model", "base", "--name", "it", *FAST),
)


def test_a_bake_off_from_plan_to_report(work: Path) -> None:
    students = ("--set", 'train.students=["tfidf", "base"]', "--max-size", "50MB", "--device", "cpu")
    planned = command("plan", *OPTIONS, *students, cwd=work)
    assert planned.code == 0, planned.err
    # Long paths are broken where the line ends.
    assert f"students:tfidf,{work / 'base'}" in "".join(planned.out.split())
    ran = command("run", *OPTIONS, *students, cwd=work)
    assert ran.code == 0, ran.err
    run = work / "runs" / "it"
    assert "Students that were compared" in (run / "report.html").read_text()
    figures = json.loads((run / "report.json").read_text())
    assert [student["id"] for student in figures["students"]] == ["tfidf", str(work / "base")]
    (chosen,) = [student for student in figures["students"] if student["verdict"] == "chosen"]
    assert figures["model"]["base"] == chosen["base"]
    shown = command("show", "runs/it", cwd=work)
    assert shown.code == 0, shown.err
    (line,) = [line for line in shown.out.splitlines() if "chosen:" in line]
    assert line.startswith(chosen["id"])
    assert "accuracy" in line
    again = command("run", *OPTIONS, *students, cwd=work)
    assert "nothing to do" in again.out
    assert chosen["id"] in again.out


def test_a_search_from_plan_to_report(work: Path) -> None:
    planned = command("plan", *OPTIONS, "--search", "3", cwd=work)
    assert planned.code == 0, planned.err
    assert "3 trials of the search" in " ".join(planned.out.split())
    ran = command("run", *OPTIONS, "--search", "3", cwd=work)
    assert ran.code == 0, ran.err
    assert "search  3 complete, 0 pruned, 0 failed" in ran.out
    figures = json.loads((work / "runs" / "it" / "report.json").read_text())
    best = max(figures["trials"], key=lambda trial: trial["score"])
    assert best["score"] >= figures["trials"][0]["score"]
    assert figures["training"]["settings"] in [trial["settings"] for trial in figures["trials"]]


def test_bad_limits_are_one_line_and_nothing_is_begun(work: Path) -> None:
    for options, wanted in (
        (("--bake-off", "--max-size", "50 apples"), "write it as 50MB"),
        (("--bake-off", "--max-latency", "fast"), "write it as 20ms"),
        (("--max-latency", "20ms"), "add --bake-off"),
        (("--device", "gpu"), "is no device"),
        (("--search", "-1"), "at least 0"),
    ):
        assert wanted in command("run", *OPTIONS, *options, cwd=work).fault()
    assert not (work / "runs").exists()


def test_a_student_that_cannot_be_had_is_refused_before_the_data_is_generated(work: Path) -> None:
    fault = command("run", *OPTIONS, "--set", 'train.students=["nobody/nothing"]', cwd=work).fault()
    assert "nobody/nothing" in fault
    assert not (work / "runs" / "it" / "7_trained.partial").exists()
