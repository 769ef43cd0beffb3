"""What every benchmark shares: options, the record in docs/benchmarks/, the RESULT line.

A record is written by a full run only; `--quick` is a smoke run that writes nothing and ends in QUICK.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "docs" / "benchmarks"
SEEDS = (0, 1, 2)


@dataclass
class Figure:
    """One figure of a record. `values` are the single runs; `n` the rows or repeats behind it."""

    value: float
    n: int
    low: float | None = None
    high: float | None = None
    values: list[float] = field(default_factory=list)
    unit: str = ""
    note: str = ""
    commit: str = ""


class Record:
    """The figures of one benchmark run.

    A `partial` run measures some parts in full; the figures of the others stay in the record with their own commit.
    """

    def __init__(self, name: str, options: argparse.Namespace, partial: bool = False) -> None:
        self.name, self.quick, self.partial = name, bool(options.quick), partial
        self.figures: dict[str, Figure] = {}
        self.extra: dict[str, Any] = {}
        self.predictions: dict[str, Any] = {}
        self._started = time.perf_counter()
        self._commit = commit()

    def add(self, key: str, figure: Figure) -> None:
        """Keep a figure and say it."""
        figure.commit = self._commit
        self.figures[key] = figure
        interval = "" if figure.low is None else f" ({figure.low:.3f}-{figure.high:.3f})"
        print(f"{key}: {figure.value:.4g}{interval} n={figure.n} {figure.unit} {figure.note}".rstrip(), flush=True)

    def finish(self, keys: Sequence[str]) -> None:
        """Write the record (full runs only) and print the closing line."""
        line = " ".join(f"{key}={self.figures[key].value:.4g}" for key in keys if key in self.figures)
        if self.quick:
            print(f"RESULT {line}\nQUICK")
            return
        RECORDS.mkdir(parents=True, exist_ok=True)
        file = RECORDS / f"{self.name}.json"
        before: dict[str, Any] = {"seconds": 0.0, "figures": {}}
        if self.partial and file.exists():
            before = json.loads(file.read_text())
        content = {
            "benchmark": self.name,
            "commit": self._commit,
            "seconds": round(time.perf_counter() - self._started + before["seconds"], 1),
            "machine": machine(),
            "seeds": list(SEEDS),
            "figures": before["figures"] | {key: _rounded(vars(figure)) for key, figure in self.figures.items()},
            **self.extra,
        }
        file.write_text(json.dumps(content, indent=1) + "\n")
        if self.predictions:
            self._write_predictions()
        print(f"RESULT {line}")

    def _write_predictions(self) -> None:
        file = RECORDS / f"{self.name}.predictions.json"
        before = json.loads(file.read_text()) if self.partial and file.exists() else {}
        after = before | {key: _compact(answers) for key, answers in self.predictions.items()}
        file.write_text(json.dumps(after, separators=(",", ":")) + "\n")


def options(description: str, needs_data: bool = True, **defaults: Any) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=needs_data, help="folder of the real benchmark data")
    parser.add_argument("--quick", action="store_true", help="smoke run of two minutes at most; writes nothing")
    parser.add_argument("--work", type=Path, help="folder for runs; an interrupted benchmark goes on from there")
    parser.set_defaults(**defaults)
    return parser


def mean_of_seeds(values: Sequence[float], n: int, unit: str = "") -> Figure:
    """The mean over seeds with a 95 % interval of that mean (Student's t over the seeds)."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return Figure(mean, n, values=list(values), unit=unit)
    t = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 9: 2.306}.get(len(values), 1.96)
    half = t * statistics.stdev(values) / math.sqrt(len(values))
    return Figure(mean, n, mean - half, mean + half, list(values), unit, f"mean of {len(values)} seeds, t interval")


def commit() -> str:
    """The commit that is measured, marked when the tree was changed since."""
    head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "prompt2model", "scripts"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return head.stdout.strip() + ("-changed" if changed.stdout.strip() else "")


def machine() -> Mapping[str, Any]:
    """The machine in words, without its name."""
    import torch

    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _compact(answers: Sequence[str | None]) -> dict[str, Any]:
    """Answers in the order of the test rows, as positions in the list of distinct ones; -1 for no answer."""
    distinct = sorted({answer for answer in answers if answer is not None})
    numbers = {answer: number for number, answer in enumerate(distinct)}
    return {"distinct": distinct, "answers": [-1 if answer is None else numbers[answer] for answer in answers]}


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 5)
        return [tidy(item) for item in value] if isinstance(value, list) else value

    return {key: tidy(value) for key, value in values.items() if value not in (None, "", [])}
