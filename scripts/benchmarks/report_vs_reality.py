"""Does the report tell the truth? Runs on real tasks that are given 50 gold rows; a large real test is kept from them.

Each run (task, seed) has 50 gold rows, 200 labelled rows, and rows that the embedded teacher writes. Its report gives
the student's accuracy with an interval. The truth is the accuracy on all real test rows that the run never saw. Does
the interval hold it; how wide is it beside Wilson's at n = 50; and how far off is the figure on generated rows?

Every run is kept in --work; an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from real_task_prompts import BANKING_LABELS, BANKING_PROMPT, TREC_LABELS, TREC_PROMPT
from real_tasks import Lines, Rows, agnews_rows, trec_rows
from record import SEEDS, Figure, Record, options

from prompt2model.model_evaluator.headline import main_test
from prompt2model.pipeline import Pipeline, RunResult
from prompt2model.predictor import load_predictor
from prompt2model.records import Comparison, Dataset, Item, Metric
from prompt2model.run_store import RunStore
from prompt2model.statistics.shares import wilson_interval

KEYS = ("covered", "runs", "width_ratio", "synthetic_error")
GOLD, LABELLED, GENERATED = 50, 200, 300
NEWS_PROMPT = """Sort news by their section. Answer with one of: World, Sports, Business, Science or Technology.

News: The two ministers met in Oslo on Friday to talk about the border.
Section: World

News: She won the final in three sets after losing the first.
Section: Sports

News: The grocer's profit fell by a tenth after a slow winter.
Section: Business

News: A new battery charges in six minutes, its makers say.
Section: Science or Technology
"""
NEWS_LABELS = ("World", "Sports", "Business", "Science or Technology")
CLINC_LABELS = (
    "alarm", "bill_due", "book_flight", "calories", "car_rental", "exchange_rate", "insurance",
    "restaurant_reservation", "timer", "translate", "travel_alert", "weather",
)  # fmt: skip
CLINC_PROMPT = "Sort what a user says to an assistant by what they want. Answer with one of: " + ", ".join(CLINC_LABELS)


@dataclass(frozen=True)
class Task:
    """A task with its prompt, its labels, and how its rows are read from the folder of the data."""

    name: str
    prompt: str
    labels: tuple[str, ...]
    read: Callable[[Path, str], Rows]


def main() -> None:
    """Run, compare, record."""
    parser = options(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many of the fixed seeds")
    arguments = parser.parse_args()
    record = Record("report_vs_reality", arguments)
    with tempfile.TemporaryDirectory() as scratch:
        work = (arguments.work or Path(scratch)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        tasks, seeds = (TASKS[:1], SEEDS[:1]) if arguments.quick else (TASKS, SEEDS[: arguments.seeds])
        told = [told_and_true(task, seed, arguments, work) for task in tasks for seed in seeds]
    enter(record, told)
    record.finish(KEYS)


@dataclass(frozen=True)
class Told:
    """What a report says of a student, and what is true. `truth_n`: real rows that the run never saw."""

    run: str
    reported: Metric
    synthetic: Metric | None
    truth: float
    truth_n: int

    @property
    def holds(self) -> bool:
        """Whether the reported interval holds the truth."""
        return self.reported.low <= self.truth <= self.reported.high

    @property
    def width_ratio(self) -> float:
        """The width of the interval beside Wilson's at the same share and number of rows."""
        low, high = wilson_interval(round(self.reported.value * self.reported.n), self.reported.n)
        return (self.reported.high - self.reported.low) / (high - low)


def told_and_true(task: Task, seed: int, arguments: argparse.Namespace, work: Path) -> Told:
    """One run and its truth."""
    rng = random.Random(f"{task.name}|{seed}")
    test = distinct(task.read(arguments.data, "test"))
    known = {row["input"].casefold() for row in test}
    train = [row for row in distinct(task.read(arguments.data, "train")) if row["input"].casefold() not in known]
    rng.shuffle(test)
    gold, unseen = test[:GOLD], test[GOLD:]
    labelled, generated = (60, 0) if arguments.quick else (LABELLED, GENERATED)
    name = f"{task.name}-seed{seed}"
    given = {"gold": gold, "labelled": rng.sample(train, labelled)}
    files = {kind: write(work / f"{name}-{kind}.jsonl", rows) for kind, rows in given.items()}
    result = run(task, seed, name, files, generated, work)
    student = load_predictor(result.trained.folder)
    unseen = unseen[: 100 if arguments.quick else None]
    answers = [answer.text for answer in student.predict(Item(row["input"]) for row in unseen)]
    right = sum(said == row["output"] for said, row in zip(answers, unseen, strict=True))
    lines = [line for line in result.report.comparisons if line.role == "student" and not line.note]
    dataset = RunStore.open(result.folder).load(RunStore.open(result.folder).manifest()["assemble_data"], Dataset)
    main_name = getattr(main_test(dataset.tests), "name", "")
    synthetic = next((accuracy(line) for line in lines if line.test_origin == "synthetic"), None)
    told = Told(
        name,
        accuracy(next(line for line in lines if line.test_set == main_name)),
        synthetic,
        right / len(unseen),
        len(unseen),
    )
    interval = f"{told.reported.low:.3f}-{told.reported.high:.3f}"
    print(f"{name}: told {told.reported.value:.3f} ({interval}), true {told.truth:.3f} of {told.truth_n}", flush=True)
    return told


def run(task: Task, seed: int, name: str, files: Mapping[str, Path], generated: int, work: Path) -> RunResult:
    """The line with the cheap embedding student: the report is what is measured, not the student."""
    columns = {"input_column": "input", "output_column": "output"}
    config: dict[str, Any] = {
        "prompt": task.prompt,
        "name": name,
        "runs_folder": str(work / "runs"),
        "seed": seed,
        "hub": "no",
        "parse_prompt": {"labels": list(task.labels), "kind": "classification", "language": "en"},
        "retrieve_data": {"datasets": "none", "data": [str(files["labelled"])], **columns},
        "reserve_tests": {"examples": [str(files["gold"])], **columns},
        "generate_data": {"examples": generated},
        "retrieve_models": {"model": "embedding"},
        "evaluate": {"timing": False, "compare_teacher": False},
    }
    return Pipeline.from_config(config).run(progress=Lines())


def enter(record: Record, told: list[Told]) -> None:
    """The figures, and every run in the record's notes."""
    n = len(told)
    held = [float(one.holds) for one in told]
    record.add("covered", Figure(sum(held), n, values=held, unit="runs", note="reported interval holds the truth"))
    record.add("runs", Figure(n, n))
    widths = [one.width_ratio for one in told]
    record.add("width_ratio", Figure(max(widths), n, values=widths, note="widest, beside Wilson's at the same n"))
    off = [abs(one.synthetic.value - one.truth) for one in told if one.synthetic is not None]
    gold_off = [abs(one.reported.value - one.truth) for one in told]
    record.add("gold_error", Figure(statistics.fmean(gold_off), n, values=gold_off, note="mean |told - true|, 50 gold"))
    if off:
        record.add(
            "synthetic_error",
            Figure(statistics.fmean(off), len(off), values=off, note="mean |told - true| of generated test rows"),
        )
        held_by = [float(one.synthetic.low <= one.truth <= one.synthetic.high) for one in told if one.synthetic]
        record.add("synthetic_covered", Figure(sum(held_by), len(off), values=held_by, unit="runs"))
    record.extra["told"] = [
        {
            "run": one.run,
            "reported": round(one.reported.value, 4),
            "low": round(one.reported.low, 4),
            "high": round(one.reported.high, 4),
            "n": one.reported.n,
            "synthetic": None if one.synthetic is None else round(one.synthetic.value, 4),
            "synthetic_n": 0 if one.synthetic is None else one.synthetic.n,
            "truth": round(one.truth, 4),
            "truth_n": one.truth_n,
        }
        for one in told
    ]


def accuracy(line: Comparison) -> Metric:
    """The accuracy of a comparison."""
    return next(metric for metric in line.metrics if metric.name == "accuracy")


def distinct(rows: Iterable[Mapping[str, str]]) -> Rows:
    """The first row of each input."""
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["input"].strip().casefold(), dict(row))
    return list(found.values())


def write(path: Path, rows: Rows) -> Path:
    """Rows as a file that the line reads as the user's."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def stored(data: Path, name: str) -> list[dict[str, Any]]:
    """The rows of one file of the benchmark data."""
    with gzip.open(data / f"cls/{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def of_labels(data: Path, name: str, labels: tuple[str, ...]) -> Rows:
    """The rows of a file that have one of the labels."""
    return [{"input": row["text"], "output": row["label"]} for row in stored(data, name) if row["label"] in labels]


def news(data: Path, part: str) -> Rows:
    """AG News; of its training rows as many as are drawn from."""
    return agnews_rows(stored(data, f"agnews_{part}"))


def trec(data: Path, part: str) -> Rows:
    """TREC-6."""
    return trec_rows(stored(data, f"trec6_{part}"))


def banking(data: Path, part: str) -> Rows:
    """Ten intents of Banking77."""
    return of_labels(data, f"banking77_{part}", BANKING_LABELS)


def clinc(data: Path, part: str) -> Rows:
    """Twelve intents of CLINC150; its validation rows among those of the test."""
    rows = of_labels(data, f"clinc150_{part}", CLINC_LABELS)
    return rows if part == "train" else rows + of_labels(data, "clinc150_val", CLINC_LABELS)


TASKS = (
    Task("trec6", TREC_PROMPT, TREC_LABELS, trec),
    Task("banking10", BANKING_PROMPT, BANKING_LABELS, banking),
    Task("agnews", NEWS_PROMPT, NEWS_LABELS, news),
    Task("clinc12", CLINC_PROMPT, CLINC_LABELS, clinc),
)


if __name__ == "__main__":
    main()
