"""A run killed at any moment resumes to the same bytes, and pays for no answer again that it had read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from integration.command_line import FAST, LABELS, SECONDS, command, kept, start, wait_a_moment
from servers.openai_like import OpenAILikeServer

CONCURRENCY = 8
SILENT = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
ADJECTIVES = "old new big small wet dry fast slow soft loud cheap rare thin wide odd calm".split()
NOUNS = "boat lamp coat bell kite mug desk pipe rope vase fork tent sled drum cart hat".split()


class Teacher:
    """Writes inputs and labels them; every answer depends on the request alone. Kills `victim` at answer `at`.

    Some replies end before their JSON does, until they are asked for again.
    """

    def __init__(self) -> None:
        self.count = 0
        self.at: int | None = None
        self.victim: subprocess.Popen | None = None

    def __call__(self, body: dict[str, Any]) -> str:
        self.count += 1
        if self.victim is not None and self.at is not None and self.count >= self.at:
            self.victim.send_signal(signal.SIGKILL)
            self.victim = None
        prompt = "\n".join(message["content"] for message in body["messages"])
        if "JSON array" in prompt:
            written = json.dumps({"inputs": self._inputs(body, prompt)})
            whole = "cannot be read" in prompt or len(prompt) % 3
            return written if whole else written[:20]
        # The last message is the input; the colour that it names first is its label.
        named = re.findall("|".join(LABELS), body["messages"][-1]["content"])
        return named[0] if named else "a description of a small model"

    @staticmethod
    def _inputs(body: dict[str, Any], prompt: str) -> list[str]:
        found = re.search(r"exactly: (\w+)", prompt)
        label = found[1] if found else "red"
        seed = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
        return [
            f"{ADJECTIVES[seed[n] % 16]} {NOUNS[seed[n + 8] % 16]} and {NOUNS[seed[n + 16] % 16]} in {label}, "
            f"number {seed[n + 1] * 256 + seed[n + 2]}"
            for n in range(5)
        ]


def arguments(server: OpenAILikeServer, material: Path) -> list[str]:
    return [
        *("run", "--prompt-file", "task.txt", "--yes", "--name", "it", "--datasets", "none"),
        *("--teacher", "openai:any", "--base-url", server.base_url, "--generate", "24"),
        *("--data", str(material / "rows.csv"), "--base-model", str(material / "base")),
        *("--set", "generate_data.wave=16", *FAST),
    ]


@dataclass(frozen=True)
class Undisturbed:
    """A finished run that nobody disturbed: its working folder, its server (still up), its steps and its answers."""

    folder: Path
    server: OpenAILikeServer
    steps: dict[str, str]
    calls: int


@pytest.fixture(scope="module")
def undisturbed(material: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = shutil.copytree(material, tmp_path_factory.mktemp("unkilled") / "work")
    with OpenAILikeServer(Teacher()) as server:
        ended = command(*arguments(server, material), cwd=folder)
        assert ended.code == 0, ended.err
        yield Undisturbed(folder, server, kept(folder / "runs" / "it"), len(server.books))


@pytest.fixture
def unkilled(undisturbed: Undisturbed) -> dict[str, str]:
    return undisturbed.steps


def test_killed_again_and_again_among_teacher_calls(material: Path, work: Path, undisturbed: Undisturbed) -> None:
    teacher, run = Teacher(), work / "runs" / "it"
    under_way = 0
    with OpenAILikeServer(teacher) as server:
        for more in (1, 8, 20):
            teacher.at = teacher.count + more
            # Nothing is sent before the process is known: it loads for longer than that takes.
            teacher.victim = process = start(*arguments(server, material), cwd=work, **SILENT)
            assert process.wait(SECONDS) == -signal.SIGKILL
            lost = len(server.books) - stored_answers(run) - under_way
            assert lost <= CONCURRENCY
            under_way += lost
        ended = command("resume", "runs/it", "--yes", cwd=work)
        assert ended.code == 0, ended.err
        repeated = len(server.books) - undisturbed.calls
    assert kept(run) == undisturbed.steps
    # What was sent twice had not been read: at most the calls in flight at the kills.
    assert repeated <= under_way


def stored_answers(run: Path) -> int:
    """Answers in the ledger of a run that is not at work."""
    import sqlite3

    with sqlite3.connect(run / "teacher_calls.sqlite") as database:
        return database.execute("SELECT count(*) FROM answers").fetchone()[0]


def test_killed_in_one_later_step_after_the_other(material: Path, work: Path, unkilled: dict[str, str]) -> None:
    run = work / "runs" / "it"
    with OpenAILikeServer(Teacher()) as server:
        for folder in ("5_dataset", "7_trained.partial", "8_report.partial", "9_demo"):
            process = start(*arguments(server, material), cwd=work, **SILENT)
            while not (run / folder).exists():
                assert process.poll() is None, f"the run ended before {folder} was there"
                wait_a_moment(process)
            process.kill()
            process.wait(SECONDS)
        asked = len(server.books)
        ended = command("resume", "runs/it", "--yes", cwd=work)
        assert ended.code == 0, ended.err
        assert len(server.books) == asked
    assert kept(run) == unkilled


def test_a_finished_run_run_again_executes_nothing(material: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    work, server = shutil.copytree(undisturbed.folder, tmp_path / "again"), undisturbed.server
    calls = len(server.books)
    times = {path: path.stat().st_mtime_ns for path in (work / "runs" / "it").glob("*/*")}
    again = command(*arguments(server, material), cwd=work)
    assert again.code == 0, again.err
    assert len(server.books) == calls
    assert "nothing to do" in again.out
    assert kept(work / "runs" / "it") == undisturbed.steps
    assert {path: path.stat().st_mtime_ns for path in (work / "runs" / "it").glob("*/*")} == times


def test_a_changed_setting_runs_only_what_depends_on_it(
    material: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    work, server, before = (
        shutil.copytree(undisturbed.folder, tmp_path / "changed"),
        undisturbed.server,
        undisturbed.steps,
    )
    calls = len(server.books)
    other = (*arguments(server, material), "--set", "train.learning_rate=1e-3")
    fault = command(*other, cwd=work).fault()
    assert "runs/it holds a run with other settings (train.learning_rate)" in fault
    assert "--name" in fault
    assert "--replace" in fault
    assert kept(work / "runs" / "it") == before
    changed = command(*other, "--replace", cwd=work)
    assert changed.code == 0, changed.err
    assert len(server.books) == calls, "the teacher was asked again for what the ledger has"
    after = kept(work / "runs" / "it")
    assert {name for name in before if before[name] != after[name]} >= {"7_trained"}
    assert {name for name in before if before[name] != after[name]} <= {"7_trained", "8_report", "9_demo"}
    assert (work / "runs" / "it" / "report.html").exists()
