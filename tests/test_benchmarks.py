"""The page of figures is made from the records, and every benchmark script has the options it must have."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from prompt2model.records import Demonstration, TaskSpec
from prompt2model.teacher import ChatRequest, ScriptedClient

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "scripts" / "benchmarks"
SCRIPTS = sorted(path for path in FOLDER.glob("*.py") if "record.finish(" in path.read_text(encoding="utf-8"))


def test_the_page_is_made_from_the_records() -> None:
    done = subprocess.run([sys.executable, "make_page.py", "--check"], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_benchmark_says_how_it_is_run(script: Path) -> None:
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=True)
    assert "--data" in done.stdout
    assert "--quick" in done.stdout


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "benchmarks").glob("*.json")), ids=lambda path: path.name)
def test_every_record_can_be_traced(record: Path) -> None:
    content = json.loads(record.read_text())
    if record.name.endswith(".predictions.json"):
        for kept in content.values():
            assert all(-1 <= number < len(kept["distinct"]) for number in kept["answers"])
        return
    assert {"benchmark", "commit", "seconds", "machine", "seeds", "figures"} <= set(content)
    for figure in content["figures"].values():
        assert figure["n"] > 0
        assert figure["commit"]
        assert not figure["commit"].endswith("-changed")


@pytest.mark.parametrize("arm", ["ours", "reference"])
def test_a_generating_run_ends_with_the_wave_that_passes_its_budget(
    arm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    from generating_runs import ARMS, generate

    def answer(request: ChatRequest) -> str:
        if request.purpose != "generate":
            return "billing"
        text = " ".join(random.Random(request.draw).choices("lamp rug bowl tray desk vase".split(), k=9))
        # A request for pairs says so.
        return json.dumps([{"input": text, "output": "billing"} if arm == "reference" else text])

    demonstrations = (Demonstration("I paid twice", "billing"), Demonstration("Where is it", "shipping"))
    task = TaskSpec("Name the team.", demonstrations, "classification", ("billing", "shipping"), "en", "")
    # Computed in groups, as the embedded teacher does: a wave is one.
    client = ScriptedClient(answer, batch_size=64)
    settings = {**ARMS[arm], "wave": 4, "per_request": 1, "examples": 500, "patience": 100}
    if arm == "ours":
        settings["attributes"] = False
    rows, tokens = generate(task, settings, 0, 5_000, client, tmp_path)
    spent = sum(tokens.values())
    asked = [request for request in client.requests if request.purpose == "generate"]
    assert rows
    assert len({row.input for row in rows}) == len(rows)
    assert tokens.get("labeller", 0) == 0 or arm == "ours"
    # Less the last wave it would have fitted.
    assert 5_000 <= spent < 5_000 + 2 * 4 * spent / len(asked)
    again, charged = generate(task, settings, 0, 5_000, client, tmp_path)
    assert (again, charged) == (rows, tokens)


def test_whoever_votes_in_the_benchmark_of_labellers_is_one_of_them() -> None:
    code = "from labelling import *; print(sum(ELECTORATES.values(), ()), list(LABELLERS), sep='\\n')"
    # A process of its own: there is a folder of tests of that name.
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True, check=True)
    voters, labellers = map(ast.literal_eval, done.stdout.splitlines())
    assert voters
    assert set(voters) <= set(labellers)
