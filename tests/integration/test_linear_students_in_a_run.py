"""A run with a student that needs no weights: trained, evaluated, reported, asked, planned."""

from __future__ import annotations

import json
from pathlib import Path

from integration.command_line import FAST, LABELS, command

GIVEN = ("--prompt-file", "task.txt", "--yes", "--teacher", "none", "--datasets", "none", "--data", "rows.csv", *FAST)


def test_tfidf_from_the_prompt_to_the_answers(work: Path) -> None:
    planned = command("plan", *GIVEN[:2], *GIVEN[3:], "--base-model", "tfidf", cwd=work)
    assert planned.code == 0, planned.err
    ended = command("run", *GIVEN, "--base-model", "tfidf", "--name", "words", cwd=work)
    assert ended.code == 0, ended.err
    (step,) = (work / "runs/words").glob("*_trained")
    assert sorted(path.name for path in (step / "student").iterdir()) == [
        *("README.md", "model.safetensors", "prompt2model.json", "vocabulary.json")
    ]
    figures = json.loads((work / "runs/words/report.json").read_text())
    assert figures["model"] == {"base": "tfidf", "family": "tfidf", "method": "linear"}
    student = next(one for one in figures["comparisons"] if one["role"] == "student")
    assert student["correct"] >= 0.8 * student["n"]
    page = (work / "runs/words/report.html").read_text()
    assert "TfidfVectorizer" in page
    assert "Loss while training" not in page
    (work / "asked.csv").write_text("text\nthe red sofa\na very green sofa\n")
    asked = command("predict", "runs/words", "asked.csv", cwd=work)
    assert asked.code == 0, asked.err
    assert [line.split(",")[1] for line in asked.out.splitlines()[1:3]] == ["red", "green"]
    assert {"red", "green"} <= set(LABELS)


def test_tfidf_for_written_answers_is_one_clear_line(work: Path) -> None:
    (work / "task.txt").write_text("Translate the text to German.\n\nInput: the red car\nOutput: das rote Auto\n")
    (work / "rows.csv").write_text("text,german\n" + "".join(f"car {n},Das ist Auto {n} hier\n" for n in range(30)))
    fault = command("run", *GIVEN, "--base-model", "tfidf", cwd=work).fault()
    assert "tfidf can only choose among fixed labels" in fault
