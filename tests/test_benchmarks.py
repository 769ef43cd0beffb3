"""The page of figures is made from the records, and every benchmark script has the options it must have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
