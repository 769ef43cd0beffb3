"""The inputs that scored votes are calibrated on: chosen in the first wave, kept on disk for all others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path

from prompt2model.artifacts import write_atomically
from prompt2model.errors import RunFolderError
from prompt2model.labelling import choose_calibration
from prompt2model.records import Demonstration, TaskSpec

_FILE = "calibration.jsonl"


def kept_calibration(
    folder: Path,
    task: TaskSpec,
    written: Iterable[Demonstration],
    at_hand: Iterable[Demonstration],
    rng: random.Random,
) -> tuple[Demonstration, ...]:
    """What the folder holds, else a choice among inputs with presumed labels, which is then kept there.

    The teacher's own inputs first: these are what will be voted on, and the votes need not score them again. Rows
    `at_hand` where a label has too few of them. Raises RunFolderError for a damaged file.
    """
    path = folder / _FILE
    if path.is_file():
        return _read(path)
    chosen = choose_calibration(written, task.labels, rng, task.demonstrations, at_hand)
    lines = [json.dumps({"input": row.input, "output": row.output}, ensure_ascii=False) + "\n" for row in chosen]
    write_atomically(path, "".join(lines).encode("utf-8", "surrogatepass"))
    return chosen


def _read(path: Path) -> tuple[Demonstration, ...]:
    try:
        lines = path.read_bytes().decode("utf-8", "surrogatepass").split("\n")
        rows = [json.loads(line) for line in lines if line]
        return tuple(Demonstration(str(row["input"]), str(row["output"])) for row in rows)
    except (ValueError, KeyError, TypeError) as error:
        raise RunFolderError(
            f"{path} is damaged ({error}); delete it and the waves beside it, and resume: answers are in the ledger"
        ) from error
