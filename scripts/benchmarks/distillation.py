"""Real inputs without answers: TREC-6 training questions, labelled by the embedded teacher, train a student.

The student and the teacher answer the same real test questions. The teacher is measured with two calibrations of its
scores, one on a sample balanced by presumed label and one on the natural mix of inputs; `teacher` is the better one.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from real_task_prompts import TREC_PROMPT
from real_tasks import Bench, trec_rows, whole
from record import Figure, Record, mean_of_seeds, options

from prompt2model.labelling import teacher_predictor
from prompt2model.pipeline import RunResult
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.run_store import RunStore
from prompt2model.teacher.embedded import EmbeddedClient
from prompt2model.teacher.ledger import Ledger, LedgerClient

INPUTS = 2000
"""Questions that each seed takes of the 5,452."""
NATURAL = 256
"""Questions that the second calibration takes its mean over."""
KEYS = ("teacher", "student", "gain", "gain_low")


def main() -> None:
    """Run, score, record."""
    parser = options(__doc__ or "")
    parser.add_argument("--only-runs", type=int, nargs="*", help="make the runs of these seeds and stop")
    arguments = parser.parse_args()
    record = Record("distillation", arguments)
    with tempfile.TemporaryDirectory() as scratch:
        work = arguments.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments, record, work)
        if arguments.only_runs is not None:
            bench.seeds = tuple(arguments.only_runs)
        measure(bench, record, runs_only=arguments.only_runs is not None)
    if arguments.only_runs is None:
        record.finish(KEYS)


def measure(bench: Bench, record: Record, runs_only: bool) -> None:
    """A run for each seed; then students and teachers on the same rows."""
    from prompt2model.statistics.bootstrap import mean_interval

    test = trec_rows(bench.read("cls/trec6_test"))
    if bench.quick:
        test = random.Random(0).sample(test, 30)
    # The reserver keeps the first of equal inputs, so that is what is scored.
    test = list({row["input"].strip(): row for row in reversed(test)}.values())[::-1]
    gold = bench.write("distillation-test", test)
    questions = bench.work / "questions.txt"
    questions.write_text("\n".join(" ".join(row["text"].split()) for row in bench.read("cls/trec6_train")))
    results = [bench.run("distillation", seed, config(bench, gold, questions, len(test))) for seed in bench.seeds]
    if runs_only:
        return
    right = {role: [rightness(result, role, test) for result in results] for role in ("student", "teacher")}
    right["teacher_natural_mix"] = [natural_mix(bench.work, result, test) for result in results]
    for seed, result in zip(bench.seeds, results, strict=True):
        bench.keep_predictions(f"student-{seed}", result, whole(result, "student"))
    shares = {name: [float(np.mean(one)) for one in rows] for name, rows in right.items()}
    n = len(test)
    record.add("teacher_balanced", mean_of_seeds(shares["teacher"], n, "accuracy"))
    record.add("teacher_natural_mix", mean_of_seeds(shares["teacher_natural_mix"], n, "accuracy"))
    best = max(("teacher", "teacher_natural_mix"), key=lambda name: float(np.mean(shares[name])))
    record.add("teacher", mean_of_seeds(shares[best], n, "accuracy"))
    record.add("student", mean_of_seeds(shares["student"], n, "accuracy"))
    # One value a row: the mean over seeds of right or wrong, student less teacher.
    difference = np.mean(np.array(right["student"], float) - np.array(right[best], float), axis=0)
    low, high = mean_interval(difference, 10_000)
    note = "student less teacher on the same rows, bootstrap over rows of the mean of seeds"
    record.add("gain", Figure(float(difference.mean()), n, low, high, unit="accuracy", note=note))
    record.add("gain_low", Figure(low, n, unit="accuracy", note="lower end of the interval of gain"))


def config(bench: Bench, gold: Path, questions: Path, rows: int) -> dict[str, Any]:
    """One demonstration per label, questions without answers, nothing written."""
    return {
        "prompt": TREC_PROMPT,
        "retrieve_data": {
            "datasets": "none",
            "inputs": [str(questions)],
            "max_inputs": 60 if bench.quick else INPUTS,
        },
        "reserve_tests": {"examples": [str(gold)], "input_column": "input", "output_column": "output"},
        "generate_data": {"examples": 0},
        "evaluate": {"max_teacher_rows": rows, "teacher_seconds": 3600, "timing": False},
    }


def rightness(result: RunResult, role: str, test: Sequence[dict[str, str]]) -> list[bool]:
    """Right or wrong for every test row, in their order."""
    path = result.report.folder / whole(result, role).predictions
    answers = [json.loads(line).get("text") for line in path.read_text(encoding="utf-8").splitlines()]
    return [answer == row["output"] for answer, row in zip(answers, test, strict=True)]


def natural_mix(work: Path, result: RunResult, test: Sequence[dict[str, str]]) -> list[bool]:
    """The teacher calibrated as it labelled: on inputs in their natural mix."""
    store = RunStore.open(result.folder)
    task = store.load(store.manifest()["parse_prompt"], TaskSpec)
    inputs = (result.folder / "3_reserved" / "unlabelled.jsonl").read_text(encoding="utf-8").splitlines()
    sample = random.Random(0).sample(inputs, min(NATURAL, len(inputs)))
    calibration = [Demonstration(json.loads(line)["input"], "") for line in sample]
    with Ledger(work / "natural_mix.sqlite") as ledger:
        client = LedgerClient(EmbeddedClient(), ledger, step="distillation")
        labeller = teacher_predictor(client, task, calibration=calibration)
        predictions = list(labeller.predict(Item(row["input"]) for row in test))
    return [one.text == row["output"] for one, row in zip(predictions, test, strict=True)]


if __name__ == "__main__":
    main()
