"""`run --evidence`: from the command to predictions on a file, and what is said when the corpus is gone."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

from evidence.corpora import padded, told_only_by_evidence, write_rows
from integration.command_line import FAST, command

TASK = "Choose the colour of the thing from the choices of the question."


def test_a_run_reads_evidence_and_finds_it_again(work: Path) -> None:
    rows, facts = told_only_by_evidence(96, padded)
    library = work / "library"
    library.mkdir()
    write_rows(library / "facts.jsonl.gz", facts)
    written = [{"question": row.input, "choices": list(row.choices), "answer": row.target} for row in rows]
    write_rows(work / "rows.jsonl", written[:72])
    write_rows(work / "gold.jsonl", written[72:])
    ended = command(
        *("run", TASK, "--yes", "--teacher", "none", "--datasets", "none", "--name", "colours"),
        *("--data", "rows.jsonl", "--examples", "gold.jsonl", "--base-model", "base", "--evidence", "library"),
        *("--set", "parse_prompt.kind=multiple_choice", "--set", "parse_prompt.language=en"),
        *("--set", "create_demo.notice=Only a test.", *FAST),
        cwd=work,
    )
    assert ended.code == 0, ended.err
    run = work / "runs" / "colours"
    for name in ("train", "validation", "tests-0-rows"):
        lines = [json.loads(line) for line in (run / "5_dataset" / f"{name}.jsonl").read_text().splitlines()]
        assert lines
        assert all(len(line["evidence"]) == len(line["choices"]) and any(line["evidence"]) for line in lines)
    assert "read beside passages of" in (run / "5_dataset" / "artifact.json").read_text()
    demo = json.loads((run / "9_demo" / "artifact.json").read_text())
    assert demo["notice"] == "Only a test."
    answers = [json.loads(line) for line in next((run / "8_report" / "predictions").glob("student*")).open()]

    asked = command("predict", "runs/colours", "gold.jsonl", cwd=work)
    assert asked.code == 0, asked.err
    said = [row["prediction"] for row in csv.DictReader(io.StringIO(asked.out))]
    assert said == [answer["text"] for answer in answers], "the same evidence is found again"

    # Nothing changed: nothing is done again.
    again = command("resume", "runs/colours", "--yes", cwd=work)
    assert "nothing to do" in again.out

    shutil.move(library, work / "shelf")
    fault = command("predict", "runs/colours", "gold.jsonl", cwd=work).fault()
    assert "which is not there any more; say with --evidence where its texts are now" in fault
    moved = command("predict", "runs/colours", "gold.jsonl", "--evidence", "shelf", cwd=work)
    assert [row["prediction"] for row in csv.DictReader(io.StringIO(moved.out))] == said
    fault = command("demo", "runs/colours", "--port", "0", cwd=work).fault()
    assert "say with --evidence" in fault


def test_a_corpus_without_texts_is_refused_before_anything_is_done(work: Path) -> None:
    (work / "empty").mkdir()
    fault = command(
        *("run", TASK, "--yes", "--teacher", "none", "--data", "colours.csv", "--evidence", "empty"),
        cwd=work,
    ).fault()
    assert "holds no text file" in fault
