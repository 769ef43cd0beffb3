"""Two nodes on loopback, one of which is killed: every job is done all the same."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cluster import sample_jobs
from cluster.two_nodes import SECRETS, TwoNodes

from prompt2model.cluster import HereWorkers, connect


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def begun(folders: list[str]) -> dict[str, list[str]]:
    """Job → the pairs of process and raylet that began it."""
    notes = {folder: Path(folder) / "begun" for folder in folders}
    return {folder: note.read_text().splitlines() if note.exists() else [] for folder, note in notes.items()}


def test_jobs_of_a_killed_node_run_again_on_the_other(
    two_nodes: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    folders = [str(tmp_path / "cluster" / f"job {number}") for number in range(6)]
    results: dict[int, Any] = {}
    with connect(two_nodes.address) as workers:
        assert workers.size == 2
        thread = threading.Thread(target=lambda: results.update(workers.map(sample_jobs.write_when_told, folders)))
        thread.start()
        wait_until(lambda: len({line.split()[1] for lines in begun(folders).values() for line in lines}) == 2)
        two_nodes.kill_second()
        (tmp_path / "cluster" / "go").touch()
        thread.join()
        ((_, seen),) = workers.map(sample_jobs.environment, [0])
    assert any(len(lines) == 2 for lines in begun(folders).values()), "no job was lost with its node"
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "go").touch()
    here = [folder.replace("/cluster/", "/here/") for folder in folders]
    assert results == dict(HereWorkers().map(sample_jobs.write_when_told, here))
    assert [Path(folder, "result").read_text() for folder in folders] == [results[n] for n in range(6)]
    assert isinstance(seen, dict) and "PATH" in seen and not set(SECRETS) & set(seen)
