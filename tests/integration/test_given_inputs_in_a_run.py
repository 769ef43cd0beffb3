"""A run from a prompt and real inputs without answers alone."""

from __future__ import annotations

import json
from pathlib import Path

from integration.command_line import FAST, LABELS, command
from model_trainer.tiny_models import THINGS
from servers.colour_teacher import ColourTeacher
from servers.openai_like import OpenAILikeServer


def test_inputs_alone_make_a_model(work: Path) -> None:
    inputs = [f"the {colour} {thing}" for thing in THINGS for colour in LABELS]
    (work / "log.txt").write_text("\n".join(inputs))
    with OpenAILikeServer(ColourTeacher()) as server:
        ended = command(
            *("run", "--prompt-file", "task.txt", "--yes", "--datasets", "none", "--inputs", "log.txt"),
            *("--teacher", "openai:any", "--base-url", server.base_url, "--generate", "0"),
            *("--base-model", "base", "--name", "new", *FAST),
            cwd=work,
        )
        assert ended.code == 0, ended.err
    run = work / "runs/new"
    rows = [json.loads(line) for line in (run / "5_dataset/train.jsonl").read_text().splitlines()]
    labelled = [row for row in rows if row["source"]["kind"] == "labelled"]
    assert len(labelled) > len(inputs) / 2
    assert all(row["references"][0] in row["input"] for row in labelled)
    assert {row["source"]["teacher"] for row in labelled} == {"openai:any"}
    page = (run / "report.html").read_text()
    assert "Your inputs, labelled by the teacher" in page
    assert "log.txt" in page
