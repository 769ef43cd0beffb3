"""Peak memory of each training method on SmolLM2-135M beside the estimate that is printed before.

Each method trains in a process of its own, on rows of AG News, and says its estimate and its peak as a run does
(`timing.json`). `--method` is for these processes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from record import Figure, Record, options

METHODS = ("full", "lora", "qlora")
KEYS = (*(f"{method}_error" for method in METHODS), "worst_error")
ROWS, HELD, BATCH, LONGEST = 32, 8, 8, 64
"""Few rows: the peak is that of the longest batch, however many there are."""


def news(data: Path, split: str) -> list[dict[str, Any]]:
    """Rows of AG News: text and label."""
    with gzip.open(data / f"cls/agnews_{split}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def examples(rows: list[dict[str, Any]]) -> Any:
    """The rows as what is trained on."""
    from prompt2model.records import Source, make_example

    return tuple(
        make_example(row["sentence"], (str(row["label"]),), Source("user", row=number))
        for number, row in enumerate(rows)
    )


def train(arguments: argparse.Namespace, folder: Path, settings: dict[str, Any], seed: int = 0) -> Any:
    """Train SmolLM2-135M on the first rows in `folder`."""
    from prompt2model.component import RunContext
    from prompt2model.console import AutomaticChooser
    from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
    from prompt2model.records import ChosenModel, TaskSpec
    from prompt2model.weights import EMBEDDED_TEACHER

    rows, held = arguments.train_rows, arguments.held_rows
    labels = tuple(sorted({row.target for row in (*rows, *held)}))
    instruction = "Say what the news is about."
    task = TaskSpec(instruction, (), "classification", labels, "en", instruction)
    inputs = TrainInputs(task, rows, held, labels, ChosenModel(EMBEDDED_TEACHER, "decoder", (), {}))
    folder.mkdir(parents=True, exist_ok=True)
    context = RunContext(folder, seed, Lines(), AutomaticChooser())
    return ModelTrainer(ModelTrainerConfig(**settings)).run(inputs, context)


class Lines:
    """Progress as plain lines, for a log."""

    def track(self, items: Any, description: str, total: int | None = None) -> Any:
        """The items unchanged."""
        yield from items

    def say(self, message: str) -> None:
        """One line."""
        print(f"  {message}", flush=True)


def main() -> None:
    """Train with each method, and compare."""
    parser = options(__doc__ or "")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.method:
        rows = 8 if arguments.quick else ROWS
        arguments.train_rows = examples(news(arguments.data, "train")[:rows])
        arguments.held_rows = examples(news(arguments.data, "train")[rows : rows + HELD])
        settings = {"method": arguments.method, "epochs": 2, "min_steps": 0, "batch_size": BATCH}
        train(arguments, arguments.folder, {**settings, "max_input_tokens": LONGEST, "instruction": "never"})
        return
    record = Record("memory", arguments)
    errors = []
    for method in METHODS[2:] if arguments.quick else METHODS:
        print(method, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--data", str(arguments.data), "--method", method, "--folder", folder]
            subprocess.run([*command, *(["--quick"] if arguments.quick else [])], check=True)
            timing = json.loads((Path(folder) / "timing.json").read_text())
        used, estimated = (timing[part]["memory"] / 1e9 for part in ("used", "estimated"))
        errors.append(estimated / used - 1)
        record.add(f"{method}_peak", Figure(used, 1, unit="GB, most memory of the process"))
        record.add(f"{method}_estimate", Figure(estimated, 1, unit="GB"))
        record.add(f"{method}_error", Figure(errors[-1], 1, note="estimate over peak, less one"))
    record.add("worst_error", Figure(max(map(abs, errors)), len(errors)))
    record.finish(KEYS)


if __name__ == "__main__":
    main()
