"""A search for settings on TREC-6, killed once and resumed: what it wins on validation, and on the test, reported once.

600 training and 300 validation questions, the packaged encoder, 20 trials. The run is killed (SIGKILL) in the middle
of a trial and resumed; no finished trial may be run again. A run without a search, on the same rows and seed, has the
default settings. The test questions are answered once by the student of each run, after all is chosen.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from real_task_prompts import TREC_LABELS, TREC_PROMPT
from real_tasks import Bench, trec_rows
from record import ROOT, Figure, Record, options

KEYS = ("trials", "gain_validation", "test_default", "test_best")
ROWS, VALIDATION_SHARE = 900, 1 / 3


def main() -> None:
    """Run, score, record."""
    arguments = options(__doc__ or "").parse_args()
    record = Record("search", arguments)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        measure(Bench(arguments, record, work), record)
    record.finish(KEYS)


def measure(bench: Bench, record: Record) -> None:
    """The searched run and the default one, side by side."""
    trials, count, kill_at = (4, 150, 2) if bench.quick else (20, ROWS, 8)
    test = trec_rows(bench.read("cls/trec6_test"))
    # The reserver keeps the first of equal inputs, and the line drops rows near a test; so only unseen ones are drawn.
    test = list({row["input"].strip(): row for row in reversed(test)}.values())[::-1][: 60 if bench.quick else None]
    known = {row["input"].strip().casefold() for row in test}
    pool = [row for row in trec_rows(bench.read("cls/trec6_train")) if row["input"].strip().casefold() not in known]
    data, gold = bench.write("train", random.Random(0).sample(pool, count)), bench.write("test", test)
    prompt = bench.work / "task.txt"
    prompt.write_text(TREC_PROMPT)
    common = [
        *("--prompt-file", str(prompt), "--yes", "--teacher", "none", "--datasets", "none", "--no-hub"),
        *("--data", str(data), "--examples", str(gold), "--input-column", "input", "--output-column", "output"),
        *("--set", f"assemble_data.validation_share={VALIDATION_SHARE:.6f}", "--set", "evaluate.timing=false"),
        *("--set", f"parse_prompt.labels={json.dumps(list(TREC_LABELS))}", "--set", "parse_prompt.kind=classification"),
        *("--set", "parse_prompt.language=en", "--runs", str(bench.work / "runs")),
        *(("--set", "train.epochs=1", "--set", "train.min_steps=0") if bench.quick else ()),
    ]
    rerun = killed_and_resumed([*common, "--name", "searched", "--search", str(trials)], bench.work, kill_at)
    finish(start(["run", *common, "--name", "default"], bench.work / "default.log"))
    searched, default = (report(bench.work / "runs" / name) for name in ("searched", "default"))
    enter(record, searched, default, rerun)
    record.extra["trials_of_the_search"] = searched["trials"]
    record.extra["settings"] = {"default": default["training"]["settings"], "best": searched["training"]["settings"]}


def killed_and_resumed(command: Sequence[str], work: Path, kill_at: int) -> int:
    """Kill the run while trial `kill_at` is under way, resume it; how many finished trials were run again."""
    folder = work / "runs" / "searched"
    if (
        not (folder / "manifest.json").exists()
        or "train" not in json.loads((folder / "manifest.json").read_text())["steps"]
    ):
        process = start(["run", *command], work / "killed.log")
        trial = folder / "7_trained.partial" / "trials" / f"{kill_at:03d}"
        while not (trial / "job.json").exists():
            if process.poll() is not None:
                raise SystemExit(f"the run ended before trial {kill_at}; see {work / 'killed.log'}")
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGKILL)
        process.wait()
    finish(start(["resume", str(folder), "--yes"], work / "resumed.log"))
    begun = [int(number) for number in re.findall(r"trial (\d+), of", (work / "resumed.log").read_text())]
    return sum(number < kill_at for number in begun)


def start(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """The command, in a process of its own that writes to a log."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "prompt2model.cli", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a run that nobody kills."""
    if process.wait() != 0:
        raise SystemExit(f"the run ended with code {process.returncode}")


def report(run: Path) -> dict[str, Any]:
    """A run's figures, with its answers to the test by row."""
    figures = json.loads((run / "report.json").read_text())
    (line,) = [line for line in figures["comparisons"] if line["role"] == "student"]
    (path,) = run.glob(f"*/{line['predictions']}")
    answers = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    right = {answer["id"]: answer["outcome"] == "correct" for answer in answers}
    return {**figures, "line": line, "right": right}


def enter(record: Record, searched: dict[str, Any], default: dict[str, Any], rerun: int) -> None:
    """The figures."""
    trials = searched["trials"]
    scores = [trial["score"] for trial in trials if trial.get("score") is not None]
    held = searched["rows"]["validation"]
    states = {state: sum(trial["state"] == state for trial in trials) for state in ("complete", "pruned", "failed")}
    note = ", ".join(f"{count} {state}" for state, count in states.items()) + "; killed once and resumed"
    record.add("trials", Figure(len(trials), len(trials), note=note))
    record.add(
        "trials_run_again", Figure(rerun, len(trials), note="finished trials that were run again after the kill")
    )
    record.add("validation_default", Figure(trials[0]["score"], held, unit="accuracy", note="trial 0"))
    record.add("validation_best", Figure(max(scores), held, unit="accuracy", note="highest of all trials"))
    record.add("gain_validation", Figure(max(scores) - trials[0]["score"], held, unit="accuracy"))
    for key, figures in (("test_default", default), ("test_best", searched)):
        (metric,) = [metric for metric in figures["line"]["metrics"] if metric["name"] == "accuracy"]
        record.add(key, Figure(metric["value"], metric["n"], metric["low"], metric["high"], unit="accuracy"))
    from prompt2model.statistics.bootstrap import mean_interval

    difference = np.array([float(searched["right"][row]) - float(right) for row, right in default["right"].items()])
    low, high = mean_interval(difference, 10_000)
    gain = Figure(
        float(difference.mean()), len(difference), low, high, unit="accuracy", note="on the same rows, bootstrap"
    )
    record.add("gain_test", gain)


if __name__ == "__main__":
    main()
