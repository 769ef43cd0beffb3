"""A person looks through the rows of a finished run, and the run goes on from there."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from integration.command_line import command, kept

from prompt2model.config import load_config
from prompt2model.errors import DataFileError
from prompt2model.pipeline import Pipeline
from prompt2model.review import apply_table, write_table


def given_again(run: Path) -> Pipeline:
    """The run by the config that it was begun with, which knows of no review."""
    config = load_config(run / "config.toml", {"runs_folder": str(run.parent)})
    begun = {name: value for name, value in config.assemble_data.items() if name != "reviewed"}
    return Pipeline.from_config(config.model_copy(update={"assemble_data": begun}))


def edit(table: Path) -> dict[str, str]:
    """Correct one row, drop one and approve one, as a spreadsheet writes it; their inputs by decision."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = [row["input"] for row in rows[:3]]
    rows[0]["input"], rows[0]["output"] = "a violet tree", "blue"
    rows[1]["decision"], rows[2]["decision"] = "drop", "keep"
    with table.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
    return dict(zip(("fix", "drop", "keep"), inputs, strict=True))


def trained_on(run: Path) -> dict[str, dict]:
    lines = [line for name in ("train", "validation") for line in (run / f"5_dataset/{name}.jsonl").open()]
    return {row["input"]: row for row in map(json.loads, lines)}


def test_corrected_rows_are_trained_on(finished: Path) -> None:
    run = finished / "runs/kept"
    before, data = kept(run), trained_on(run)
    written = command("review", "runs/kept", cwd=finished)
    assert written.code == 0, written.err
    assert "runs/kept/review.csv: all rows but the test rows" in written.out
    inputs = edit(run / "review.csv")
    with pytest.raises(DataFileError, match="was edited and not applied yet"):
        write_table(run)
    assert kept(run) == before
    applied = command("review", "runs/kept", "--apply", cwd=finished)
    assert applied.code == 0, applied.err
    assert "decided so far: 1 approved, 1 corrected, 1 dropped" in applied.out
    shown = command("show", "runs/kept", cwd=finished)
    assert "since its settings or files changed" in shown.out
    assert given_again(run).config.assemble_data["reviewed"] == str((run / "review/decisions.jsonl").resolve())
    resumed = command("resume", "runs/kept", "--yes", cwd=finished)
    assert resumed.code == 0, resumed.err
    assert "4/9" not in resumed.err
    assert "5/9 assemble data" in resumed.err
    after = kept(run)
    assert {name for name in before if before[name] == after[name]} >= {"1_task", "2_retrieved", "4_generated"}
    assert after["5_dataset"] != before["5_dataset"]
    rows = trained_on(run)
    assert rows.keys() - data.keys() == {"a violet tree"}
    assert data.keys() - rows.keys() == {inputs["fix"], inputs["drop"]}
    assert rows["a violet tree"]["references"] == ["blue"]
    assert rows[inputs["keep"]]["source"]["review"] == "approved"
    page = (run / "report.html").read_text()
    for words in ("user: rows.csv, corrected by you", "user: rows.csv, approved by you", "dropped by you"):
        assert words in page
    assert Pipeline.from_run(run).run().executed == ()


def test_taking_everything_back_brings_the_old_results_back(finished: Path) -> None:
    run = finished / "runs/kept"
    before = kept(run)
    write_table(run)
    edit(run / "review.csv")
    apply_table(run)
    write_table(run)
    with (run / "review.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with (run / "review.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "decision": row["decision"] and "undo"} for row in rows)
    apply_table(run)
    assert Pipeline.from_run(run).run().executed == ()
    assert kept(run) == before


def test_what_does_not_go_together_is_one_line(finished_folder: Path) -> None:
    for arguments, words in (
        (("--apply", "--page"), "--apply and --page do not go together"),
        (("edited.csv",), "what to do with edited.csv? Add --apply"),
        (("--apply", "--rows", "5"), "--rows is for writing the table"),
        (("edited.csv", "--apply"), "there is no table edited.csv; `prompt2model review runs/kept` writes one"),
    ):
        assert words in command("review", "runs/kept", *arguments, cwd=finished_folder).fault()
