"""Run the real command in a process of its own, and read how it ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prompt2model.artifacts import content_hash

T = TypeVar("T")
LABELS = ("red", "green", "blue", "white", "black", "brown")
TASK = (
    f"Say which colour the text names. Answer with exactly one of these labels: {', '.join(LABELS)}.\n\n"
    "Input: the red car\nOutput: red\n\nInput: the leaf is green\nOutput: green\n"
)
FAST = (
    *("--set", "train.epochs=1", "--set", "train.min_steps=0", "--set", "assemble_data.near_meaning=0"),
    *("--set", "evaluate.bootstrap=100", "--set", "evaluate.timing=false"),
    *("--set", "evaluate.compare_nearest=false", "--set", "evaluate.compare_base=false"),
)
SECONDS = 240
"""No command here takes a tenth of this on an idle machine."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def fault(self) -> str:
        """The text of the one error line, after the checks that every refusal has to pass."""
        shown = f"exit code {self.code}\n{self.out}\n{self.err}"
        assert self.code == 2, shown
        assert "Traceback" not in self.out + self.err, shown
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert [line for line in lines if line.startswith("error: ")] == lines[-1:], shown
        return lines[-1].removeprefix("error: ")


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without any key, with `changes`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "HF_TOKEN"))}
    return {**kept, "OMP_NUM_THREADS": "1", **changes}


def start(*arguments: object, cwd: Path, env: Mapping[str, str] | None = None, **settings: Any) -> subprocess.Popen:
    """The command, running. Its input is empty unless `stdin` is given."""
    return subprocess.Popen(
        [sys.executable, "-m", "prompt2model.cli", *map(str, arguments)],
        cwd=cwd,
        env=environment(**(env or {})),
        text=True,
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings},
    )


def wait_a_moment(process: subprocess.Popen) -> None:
    """Let the process work on, but no longer than needed."""
    try:
        process.wait(0.02)
    except subprocess.TimeoutExpired:
        return


def finish(process: subprocess.Popen) -> Ended:
    """Wait for the command's end."""
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"no end after {SECONDS} seconds\n{out}\n{err}") from None
    return Ended(process.returncode, out, err)


def command(
    *arguments: object, cwd: Path, env: Mapping[str, str] | None = None, before: Callable[[], None] | None = None
) -> Ended:
    """Run the command to its end. `before` runs in the new process, before Python starts there."""
    return finish(start(*arguments, cwd=cwd, env=env, preexec_fn=before))


def side_by_side(check: Callable[[T], None], cases: Sequence[T], name: Callable[[T], str]) -> None:
    """Run `check` on every case, as many at once as there are cores. Fails with all faults, each under its name."""

    def fault_of(case: T) -> str:
        try:
            check(case)
        except AssertionError as error:
            return f"{name(case)}: {error}"
        return ""

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        faults = [fault for fault in pool.map(fault_of, cases) if fault]
    assert not faults, "\n\n".join(faults)


def kept(run: Path) -> dict[str, str]:
    """The content of every finished step of a run, as hashes by folder."""
    return {path.parent.name: content_hash(path.parent) for path in sorted(run.glob("[1-9]*_*/artifact.json"))}
