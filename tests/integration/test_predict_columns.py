"""A model whose inputs were made of two columns answers tables that have them, and says what another one lacks."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

from integration.command_line import FAST, LABELS, command

from prompt2model import load_predictor
from prompt2model.predictor import read_spec
from prompt2model.records import Item

TASK = (
    f"Say which colour the thing has. Answer with exactly one of these labels: {', '.join(LABELS)}.\n\n"
    "Input: Thing: the car Colour: is red\nOutput: red\n\nInput: Thing: the leaf Colour: looks green\nOutput: green\n"
)
THINGS = ("car", "leaf", "door", "house", "hat", "cup")


def test_run_and_predict(work: Path) -> None:
    (work / "task.txt").write_text(TASK)
    rows = [
        (f"the {thing}", f"{verb} {colour}", colour)
        for thing in THINGS
        for colour in LABELS
        for verb in ("is", "looks")
    ]
    with (work / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("thing", "said", "label"), *rows])
    ended = command(
        *("run", "--prompt-file", "task.txt", "--yes", "--teacher", "none", "--datasets", "none", "--name", "pairs"),
        *("--data", "pairs.csv", "--base-model", "base", "--input-column", "thing + said", *FAST),
        cwd=work,
    )
    assert ended.code == 0, ended.err
    # The folder of the model alone is enough, wherever it lies.
    student = shutil.copytree(work / "runs/pairs/7_trained/student", work / "elsewhere")
    (layout, *_) = read_spec(student).layouts
    before = [part.before for part in layout.parts]
    inputs = [before[0] + thing + before[1] + said for thing, said, _ in rows]
    lines = (work / "runs/pairs/5_dataset/train.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["input"] for line in lines} <= set(inputs)

    asked = rows[:20]
    with (work / "ask.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("said", "id", "thing"), *((said, n, thing) for n, (thing, said, _) in enumerate(asked))]
        )
    expected = [one.text for one in load_predictor(student).predict(map(Item, inputs[:20]))]
    for folder in ("runs/pairs", "elsewhere"):
        ended = command("predict", folder, "ask.csv", cwd=work)
        assert ended.code == 0, ended.err
        assert [row["prediction"] for row in csv.DictReader(io.StringIO(ended.out))] == expected

    (work / "half.csv").write_text("id,thing\n1,the car\n")
    fault = command("predict", "runs/pairs", "half.csv", "--output", "out.csv", cwd=work).fault()
    assert "no column `said`" in fault
    assert "thing + said" in fault
    assert not (work / "out.csv").exists()
