"""What goes wrong with a run folder, its disk or its teacher in the middle: one clear line, finished work kept."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from integration.command_line import FAST, command, finish, kept, side_by_side, start
from servers.colour_teacher import ColourTeacher
from servers.openai_like import Fault, OpenAILikeServer

RUN = (
    *("run", "--prompt-file", "task.txt", "--yes", "--datasets", "none", "--data", "rows.csv"),
    *("--base-model", "base", *FAST),
)
ALONE = (*RUN, "--teacher", "none")
FINISHED_STEPS = 10


# --- damaged run folders ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resume", "show", "demo"])
def test_a_folder_that_is_no_run(name: str, work: Path) -> None:
    assert "there is no run folder gone" in command(name, "gone", cwd=work).fault()
    fault = command(name, "base", cwd=work).fault()
    assert "base is not a run folder" in fault
    assert "no config.toml" in fault


DAMAGED: list[tuple[str, bytes, tuple[str, ...]]] = [
    ("manifest.json", b'{"version": 1, "st', ("manifest.json is damaged", "delete it and resume")),
    ("manifest.json", b"\xff\xfe\x00", ("manifest.json is damaged", "delete it and resume")),
    ("manifest.json", b"[]", ("manifest.json is damaged", "delete it and resume")),
    ("manifest.json", b'{"version": 99, "steps": {}}', ("written by another version", "start a new run")),
    ("config.toml", b"seed = = 1", ("config.toml is not valid TOML",)),
    ("1_task/artifact.json", b'{"instruction": "Say', ("1_task/artifact.json is damaged", "delete", "resume")),
    ("7_trained/artifact.json", b"{}", ("7_trained/artifact.json does not fit", "delete", "resume")),
    ("7_trained/artifact.json", b"[]", ("7_trained/artifact.json does not fit", "delete", "resume")),
    ("teacher_calls.sqlite", b"garbage" * 999, ("teacher_calls.sqlite is damaged", "move it")),
]


def test_damaged_files(finished_folder: Path, tmp_path: Path) -> None:
    def check(case: tuple[str, bytes, tuple[str, ...]]) -> None:
        file, content, words = case
        folder = shutil.copytree(finished_folder, tmp_path / str(DAMAGED.index(case)))
        (folder / "runs/kept" / file).write_bytes(content)
        before = kept(folder / "runs/kept")
        fault = command("resume", "runs/kept", "--yes", cwd=folder).fault()
        assert [word for word in words if word not in fault] == [], fault
        assert kept(folder / "runs/kept") == before

    side_by_side(check, DAMAGED, lambda case: f"{case[0]} = {case[1][:30]!r}")


@pytest.mark.parametrize("content", ["{", "[1]", '{"retrieve_data": 3}'])
def test_damaged_answers_of_a_person(content: str, finished: Path) -> None:
    """Read when the next question comes up."""
    run = finished / "runs/kept"
    shutil.rmtree(run / "2_retrieved")
    (run / "answers.json").write_text(content)
    before = kept(run)
    fault = command("resume", "runs/kept", "--yes", cwd=finished).fault()
    assert "answers.json is damaged; delete it to be asked again" in fault
    assert kept(run) == before


@pytest.mark.parametrize("cut", ["half a row", "whole rows"])
def test_rows_that_were_cut_are_noticed_before_a_step_builds_on_them(cut: str, finished: Path) -> None:
    run = finished / "runs/kept"
    rows = run / "5_dataset/train.jsonl"
    content = rows.read_bytes()
    rows.write_bytes(
        content[: len(content) // 2] if cut == "half a row" else b"\n".join(content.split(b"\n")[:3]) + b"\n"
    )
    shutil.rmtree(run / "7_trained")
    before = kept(run)
    fault = command("resume", "runs/kept", "--yes", cwd=finished).fault()
    assert "runs/kept/5_dataset is damaged" in fault
    assert "delete it and resume" in fault
    assert kept(run) == before


def test_what_the_line_says_repairs_a_damaged_manifest(finished: Path) -> None:
    run = finished / "runs/kept"
    before = kept(run)
    (run / "manifest.json").write_text("broken")
    command("resume", "runs/kept", "--yes", cwd=finished).fault()
    (run / "manifest.json").unlink()
    ended = command("resume", "runs/kept", "--yes", cwd=finished)
    assert ended.code == 0, ended.err
    assert "nothing to do" in ended.out
    assert kept(run) == before
    assert len(before) == FINISHED_STEPS


def test_a_run_that_another_process_works_on(finished: Path) -> None:
    run = finished / "runs/kept"
    before = kept(run)
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for arguments in ((*ALONE, "--name", "kept"), ("resume", "runs/kept", "--yes")):
            fault = command(*arguments, cwd=finished).fault()
            assert "another process is working on runs/kept" in fault
            assert "wait for it" in fault
    assert kept(run) == before


# --- places that cannot be written -----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["task.txt", "task.txt/runs", "/proc/runs"])
def test_runs_cannot_be_kept_there(place: str, work: Path) -> None:
    fault = command(*ALONE, "--name", "new", "--runs", place, cwd=work).fault()
    assert f"{place}/new cannot be made or written" in fault
    assert "choose another place with --runs" in fault


@pytest.mark.parametrize("file", [".config.toml.tmp", ".manifest.json.tmp"])
def test_the_disk_is_full_where_the_frame_writes(file: str, work: Path) -> None:
    """Writing to /dev/full is refused as on a full disk, for every user."""
    run = work / "runs/new"
    run.mkdir(parents=True)
    (run / file).symlink_to("/dev/full")
    fault = command(*ALONE, "--name", "new", cwd=work).fault()
    assert "the disk is full; free some space" in fault


def test_the_disk_is_full_where_the_report_is_written(finished: Path) -> None:
    run = finished / "runs/kept"
    before = kept(run)
    (run / "report.html").unlink()
    (run / ".report.html.tmp").symlink_to("/dev/full")
    assert "the disk is full; free some space" in command("resume", "runs/kept", "--yes", cwd=finished).fault()
    assert kept(run) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A file system of its own, with so many bytes."""
    mounted: list[Path] = []

    def make(size: int) -> Path:
        folder = tmp_path / f"disk{size}"
        folder.mkdir()
        options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"run the tests as root to have a full disk (mount: {done.stderr.strip().splitlines()[0]})")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_the_disk_is_full(work: Path, small_disk: Callable[[int], Path]) -> None:
    """First at the rows, then at the student's weights; with space, the run goes on from where it was."""
    disk = small_disk(16 * 1024)
    run = disk / "new"
    before: dict[str, str] = {}
    for kilobytes in (16, 100):
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=True)
        fault = command(*ALONE, "--name", "new", "--runs", disk, cwd=work).fault()
        assert "disk" in fault
        assert "full; free some space" in fault
        assert before.items() <= kept(run).items()
        before = kept(run)
    assert "6_base_model" in before
    subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
    ended = command("resume", run, "--yes", cwd=work)
    assert ended.code == 0, ended.err
    assert len(kept(run)) == FINISHED_STEPS
    assert before.items() <= kept(run).items()


def test_files_may_not_grow_so_large(work: Path) -> None:
    """`ulimit -f`: the rows do not fit."""
    limited: Callable[[], None] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))  # noqa: E731
    fault = command(*ALONE, "--name", "new", cwd=work, before=limited).fault()
    assert "ulimit -f" in fault
    assert "1_task" in kept(work / "runs/new")


# --- teachers that stop ----------------------------------------------------------------------------------------


def stored_answers(run: Path) -> int:
    with sqlite3.connect(run / "teacher_calls.sqlite") as ledger:
        (count,) = ledger.execute("SELECT COUNT(*) FROM answers").fetchone()
    return count


def asking(server: OpenAILikeServer) -> tuple[str, ...]:
    return (*RUN, "--name", "new", "--teacher", "openai:any", "--base-url", server.base_url, "--generate", "30")


def test_a_spent_budget_keeps_everything_and_a_larger_one_goes_on(work: Path) -> None:
    run = work / "runs/new"
    with OpenAILikeServer(ColourTeacher()) as server:
        fault = command(*asking(server), "--budget", "4000tokens", cwd=work).fault()
        assert "the budget of 4,000 tokens does not cover the next call" in fault
        assert "raise the budget and resume" in fault
        before, paid = kept(run), server.outcomes()["answered"]
        assert {"1_task", "2_retrieved", "3_reserved"} <= set(before)
        assert 0 < paid == stored_answers(run)
        ended = command("resume", "runs/new", "--yes", "--budget", "9000000tokens", cwd=work)
        assert ended.code == 0, ended.err
        assert server.outcomes()["answered"] == stored_answers(run), "an answer was paid twice"
    assert before.items() <= kept(run).items()
    assert len(kept(run)) == FINISHED_STEPS


def test_of_two_addresses_one_breaks_down_and_the_other_carries_on(work: Path) -> None:
    teacher, run = ColourTeacher(), work / "runs/new"
    left = iter(range(4))
    with (
        OpenAILikeServer(lambda body: teacher(body) if next(left, None) is not None else Fault("cut")) as dying,
        OpenAILikeServer(teacher) as steady,
    ):
        ended = command(*asking(dying), "--base-url", steady.base_url, cwd=work)
        assert ended.code == 0, ended.err
        assert (ended.out + ended.err).count(f"{dying.base_url} does not answer") == 1
        assert dying.outcomes()["answered"] == 4
        assert dying.outcomes()["answered"] + steady.outcomes()["answered"] == stored_answers(run)
    assert len(kept(run)) == FINISHED_STEPS


def test_ctrl_c_while_the_teacher_writes(work: Path) -> None:
    run = work / "runs/new"
    teacher = ColourTeacher()
    reachable: Callable[[], None] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    with OpenAILikeServer(teacher, delay=0.1) as server:
        process = start(*asking(server), cwd=work, preexec_fn=reachable)
        assert teacher.called[10].wait(120)
        process.send_signal(signal.SIGINT)
        ended = finish(process)
        assert ended.code == 130, ended.err
        assert "Traceback" not in ended.err
        last = ended.err.strip().splitlines()[-1]
        assert last == "stopped; everything finished is kept: go on with `prompt2model resume RUN`"
        before, stored, answered = kept(run), stored_answers(run), server.outcomes()["answered"]
        assert {"1_task", "2_retrieved", "3_reserved"} <= set(before)
        assert stored > 0
        ended = command("resume", "runs/new", "--yes", cwd=work)
        assert ended.code == 0, ended.err
        asked_again = server.outcomes()["answered"] - answered
        assert asked_again == stored_answers(run) - stored, "an answer that was stored was asked for again"
    assert before.items() <= kept(run).items()
    assert {"4_generated", "5_dataset"} <= set(kept(run))


# --- questions that nobody answers -----------------------------------------------------------------------------


@pytest.mark.parametrize("gone", ["end of input", "terminal closed"])
def test_nobody_answers_at_the_terminal(gone: str, work: Path) -> None:
    """Without --yes, at a terminal: Ctrl+D, and a terminal window that is closed."""
    keyboard, terminal = pty.openpty()
    arguments = ("run", "--prompt-file", "task.txt", "--teacher", "none", "--data", "rows.csv", "--name", "new")
    process = start(*arguments, cwd=work, stdin=terminal, start_new_session=True)
    os.close(terminal)
    if gone == "end of input":
        os.write(keyboard, b"\x04")
        ended = finish(process)
        os.close(keyboard)
    else:
        assert process.stderr is not None
        shown = ""
        while "[y/N]" not in shown and (letter := process.stderr.read(1)):
            shown += letter
        os.close(keyboard)
        ended = finish(process)
    fault = ended.fault()
    assert "the input ended before the question was answered" in fault
    assert "--yes" in fault
