"""The whole line on real tasks, scored on their real test sets.

Parts (all by default, or --only PART …):
  trec6, banking10            embedded teacher, one demonstration per label, no labelled row of the task
  trec6_supervised, banking77_supervised    the real training rows as retrieved data, nothing generated
  temporal                    flan-t5-small on 3,000 stored rows of a gpt-3.5 teacher, scored on 353 real ones
  demo                        the ticket triage demo: minutes, student against majority, speed against the teacher
  frame                       second run of a finished run, and --help

The temporal part needs --flan FOLDER with flan-t5-small in Hugging Face format.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from real_task_prompts import (
    BANKING_LABELS,
    BANKING_PROMPT,
    SUPERVISED_BANKING_PROMPT,
    TEMPORAL_PROMPT,
    TREC_LABELS,
    TREC_PROMPT,
)
from record import ROOT, SEEDS, Figure, Record, mean_of_seeds, options

from prompt2model.pipeline import Pipeline, RunResult
from prompt2model.records import Comparison

KEYS = (
    "trec6_majority", "trec6_teacher", "trec6_student", "banking10_majority", "banking10_teacher",
    "banking10_student", "trec6_supervised", "banking77_supervised", "temporal_chrf", "temporal_em",
    "demo_minutes", "demo_student", "demo_majority", "demo_speed_ratio", "second_run_s", "help_s",
)  # fmt: skip

Rows = list[dict[str, str]]


class Bench:
    """The parts share the options, the record and the folder of runs."""

    def __init__(self, arguments: argparse.Namespace, record: Record, work: Path) -> None:
        self.arguments, self.record, self.work = arguments, record, work
        self.data: Path = arguments.data
        self.quick: bool = arguments.quick
        self.seeds = SEEDS[:1] if self.quick else SEEDS

    def read(self, name: str) -> list[dict[str, Any]]:
        """The rows of one file of the benchmark data."""
        with gzip.open(self.data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def run(self, name: str, seed: int, config: Mapping[str, Any]) -> RunResult:
        """One run of the line; an interrupted one goes on."""
        pipeline = Pipeline.from_config(
            {**config, "name": f"{name}-seed{seed}", "runs_folder": str(self.work), "seed": seed, "hub": "no"}
        )
        print(f"{name} seed {seed} …", flush=True)
        return pipeline.run(progress=Lines())

    def write(self, name: str, rows: Iterable[Mapping[str, str]]) -> Path:
        """Rows as a file that the line reads as the user's."""
        path = self.work / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return path

    def keep_predictions(self, key: str, result: RunResult, line: Comparison) -> None:
        """Row numbers and answers, never the texts of the data."""
        path = result.report.folder / line.predictions
        answers = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
        self.record.predictions[key] = [answer.get("text") for answer in answers]

    # -- parts ---------------------------------------------------------------------------------------------------

    def trec6(self) -> None:
        """TREC-6 with no labelled row beyond one demonstration per label."""
        test = trec_rows(self.read("cls/trec6_test"))
        self.zero_rows("trec6", TREC_PROMPT, test)

    def banking10(self) -> None:
        """Ten Banking77 intents with no labelled row beyond one demonstration per label."""
        test = [
            {"input": row["text"], "output": row["label"]}
            for row in self.read("cls/banking77_test")
            if row["label"] in BANKING_LABELS
        ]
        self.zero_rows("banking10", BANKING_PROMPT, test)

    def zero_rows(self, name: str, prompt: str, test: Rows) -> None:
        """Majority of the test itself, the prompted teacher, and the student of each seed."""
        if self.quick:
            test = random.Random(0).sample(test, 30)
        gold = self.write(f"{name}-test", test)
        students, teachers = [], []
        for seed in self.seeds:
            result = self.run(
                name,
                seed,
                {
                    "prompt": prompt,
                    "retrieve_data": {"datasets": "none"},
                    "reserve_tests": {"examples": [str(gold)], "input_column": "input", "output_column": "output"},
                    "generate_data": {"examples": 24} if self.quick else {},
                    "evaluate": {"max_teacher_rows": len(test), "teacher_seconds": 3600},
                },
            )
            student, teacher = whole(result, "student"), whole(result, "teacher")
            students.append(figure_of(student, "accuracy"))
            teachers.append(figure_of(teacher, "accuracy"))
            self.keep_predictions(f"{name}-student-{seed}", result, student)
            self.keep_predictions(f"{name}-teacher-{seed}", result, teacher)
        counts: dict[str, int] = {}
        for row in test:
            counts[row["output"]] = counts.get(row["output"], 0) + 1
        majority = Figure(max(counts.values()) / len(test), len(test), note="most frequent label of the test itself")
        self.record.add(f"{name}_majority", majority)
        self.record.add(f"{name}_teacher", mean_of_seeds(teachers, len(test), "accuracy"))
        self.record.add(f"{name}_student", mean_of_seeds(students, len(test), "accuracy"))

    def trec6_supervised(self) -> None:
        """TREC-6 with its own training rows; also without the test questions that stand in the training rows."""
        train, test = trec_rows(self.read("cls/trec6_train")), trec_rows(self.read("cls/trec6_test"))
        accuracies = self.supervised("trec6_supervised", TREC_PROMPT, train, test)
        known = {row["input"].casefold() for row in train}
        clean = [number for number, row in enumerate(test) if row["input"].casefold() not in known]
        without = []
        for seed in self.seeds:
            answers = self.record.predictions[f"trec6_supervised-{seed}"]
            without.append(sum(answers[number] == self.tested[number]["output"] for number in clean) / len(clean))
        self.record.add("trec6_supervised", mean_of_seeds(accuracies, len(self.tested), "accuracy"))
        if not self.quick:
            self.record.add("trec6_supervised_unseen", mean_of_seeds(without, len(clean), "accuracy"))

    def banking77_supervised(self) -> None:
        """Banking77, all 77 labels, with its own training rows."""
        train, test = (
            [{"input": row["text"], "output": row["label"]} for row in self.read(f"cls/banking77_{split}")]
            for split in ("train", "test")
        )
        labels = sorted({row["output"] for row in train})
        prompt = SUPERVISED_BANKING_PROMPT.format(labels=", ".join(labels))
        accuracies = self.supervised("banking77_supervised", prompt, train, test, labels)
        self.record.add("banking77_supervised", mean_of_seeds(accuracies, len(self.tested), "accuracy"))

    def supervised(
        self, name: str, prompt: str, train: Rows, test: Rows, labels: Sequence[str] = TREC_LABELS
    ) -> list[float]:
        """Accuracy of the student of each seed, trained on real rows alone."""
        if self.quick:
            kept = labels[:6]
            train = [row for row in train if row["output"] in kept][:300]
            test = [row for row in test if row["output"] in kept][:60]
            labels = kept
        # The reserver keeps the first of equal inputs, so that is what is scored.
        self.tested = list({row["input"].strip(): row for row in reversed(test)}.values())[::-1]
        data, gold = self.write(f"{name}-train", train), self.write(f"{name}-test", self.tested)
        accuracies = []
        for seed in self.seeds:
            result = self.run(
                name,
                seed,
                {
                    "prompt": prompt,
                    "teacher": "none",
                    "parse_prompt": {"labels": list(labels), "kind": "classification", "language": "en"},
                    "retrieve_data": {
                        "datasets": "none",
                        "data": [str(data)],
                        "input_column": "input",
                        "output_column": "output",
                        "max_rows": 100_000,
                    },
                    "reserve_tests": {"examples": [str(gold)], "input_column": "input", "output_column": "output"},
                    "generate_data": {"examples": 0},
                },
            )
            student = whole(result, "student")
            accuracies.append(figure_of(student, "accuracy"))
            self.keep_predictions(f"{name}-{seed}", result, student)
        return accuracies

    def temporal(self) -> None:
        """flan-t5-small, trained on 3,000 stored rows of a gpt-3.5 teacher, beside zero-shot."""
        flan = self.arguments.flan
        if flan is None or not flan.is_dir():
            raise SystemExit("temporal needs --flan FOLDER with flan-t5-small; leave the part out with --only")
        stored = self.read("teacher/gpt35_generated_normalization")
        rows = [{"input": row["input_col"], "output": row["output_col"]} for row in stored if row["output_col"].strip()]
        # Each seed has its own 3,000 of the stored rows.
        test = [
            {"input": row["input"], "output": row["output"]}
            for row in self.read("paper/temporal_dev")
            if row["output"].strip()
        ]
        if self.quick:
            rows, test = rows[:60], test[:12]
        gold = self.write("temporal-test", test)
        chrf, exact, n = [], [], 0
        for seed in self.seeds:
            sample = random.Random(seed).sample(rows, min(3000, len(rows)))
            data = self.write(f"temporal-train-{seed}", sample)
            result = self.run(
                "temporal",
                seed,
                {
                    "prompt": TEMPORAL_PROMPT,
                    "teacher": "none",
                    "parse_prompt": {"kind": "generation", "language": "en"},
                    "retrieve_data": {
                        "datasets": "none",
                        "data": [str(data)],
                        "input_column": "input",
                        "output_column": "output",
                    },
                    "reserve_tests": {"examples": [str(gold)], "input_column": "input", "output_column": "output"},
                    "generate_data": {"examples": 0},
                    "retrieve_models": {"model": str(flan)},
                    # 3,000 rows teach the task; with the instruction in every row each step takes three times as long.
                    "train": {"instruction": "never", **({"epochs": 1} if self.quick else {})},
                },
            )
            student = whole(result, "student")
            chrf.append(figure_of(student, "chrf++"))
            exact.append(figure_of(student, "exact_match"))
            n = student.n
            self.keep_predictions(f"temporal-{seed}", result, student)
        self.record.add("temporal_chrf", mean_of_seeds(chrf, n, "ChrF++"))
        self.record.add("temporal_em", mean_of_seeds(exact, n, "exact match"))
        self.zero_shot(result, test)

    def zero_shot(self, result: RunResult, test: Rows) -> None:
        """The base model before training, asked in the student's own input format."""
        from sacrebleu import CHRF

        from prompt2model.predictor import load_predictor
        from prompt2model.records import Item

        folder = self.work / "flan-zero-shot"
        if not folder.exists():
            shutil.copytree(self.arguments.flan, folder)
            shutil.copy(result.trained.folder / "prompt2model.json", folder / "prompt2model.json")
        answers = [answer.text or "" for answer in load_predictor(folder).predict(Item(row["input"]) for row in test)]
        golds = [row["output"] for row in test]
        score = CHRF(word_order=2).corpus_score(answers, [golds]).score
        exact = sum(one.strip() == other.strip() for one, other in zip(answers, golds, strict=True)) / len(test)
        self.record.add("temporal_chrf_zero_shot", Figure(score, len(test), unit="ChrF++"))
        self.record.add("temporal_em_zero_shot", Figure(exact, len(test), unit="exact match"))

    def demo(self) -> None:
        """What `make demo` runs after the installation, timed as a user sees it."""
        runs = self.work / "demo"
        if runs.exists():
            shutil.rmtree(runs)
        command = [sys.executable, "-m", "prompt2model.cli", "run", "--config"]
        command += [str(ROOT / "demos/ticket_triage/config.toml"), "--yes", "--runs", str(runs)]
        if self.quick:
            command += ["--generate", "0"]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        minutes = (time.perf_counter() - started) / 60
        report = json.loads((runs / "ticket_triage" / "8_report" / "artifact.json").read_text())
        lines = report["comparisons"]
        for role in ("student", "majority", "teacher"):
            line = next(line for line in lines if line["role"] == role)
            metric = next(metric for metric in line["metrics"] if metric["name"] == "accuracy")
            figure = Figure(metric["value"], metric["n"], metric["low"], metric["high"], unit="accuracy")
            self.record.add(f"demo_{role}", figure)
        timing = json.loads((runs / "ticket_triage" / "8_report" / "timing.json").read_text())
        student, teacher = (timing[role]["items_per_second"] for role in ("student", "teacher"))
        self.record.add("demo_minutes", Figure(minutes, 1, unit="minutes"))
        self.record.add("demo_speed_ratio", Figure(student / teacher, 1, unit="student / teacher, items per second"))
        self.frame(command)

    def frame(self, command: Sequence[str]) -> None:
        """Second run of the finished demo, and --help: medians of five."""
        second = sorted(seconds(command) for _ in range(5))
        usage = sorted(seconds([sys.executable, "-m", "prompt2model.cli", "--help"]) for _ in range(5))
        self.record.add("second_run_s", Figure(second[2], 5, values=second, unit="seconds, median"))
        self.record.add("help_s", Figure(usage[2], 5, values=usage, unit="seconds, median"))


class Lines:
    """Progress as plain lines, for a log."""

    def track(self, items: Iterable[Any], description: str, total: int | None = None) -> Iterator[Any]:
        """The items unchanged."""
        yield from items

    def say(self, message: str) -> None:
        """One line."""
        print(message, flush=True)


def trec_rows(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """TREC-6 rows with label names for the label numbers."""
    return [{"input": row["text"], "output": TREC_LABELS[row["label"]]} for row in rows]


def agnews_rows(rows: Iterable[Mapping[str, Any]]) -> Rows:
    """AG News rows, stored as `Title: …` and `Text: …` in two lines, as a headline and what follows it in one."""
    split = [(row["sentence"].removeprefix("Title: ").partition("\nText: "), row["label"]) for row in rows]
    return [{"input": f"{title.strip()}. {text.strip()}", "output": label} for (title, _, text), label in split]


def whole(result: RunResult, role: str) -> Comparison:
    """The line of a predictor on the most rows."""
    return max((line for line in result.report.comparisons if line.role == role), key=lambda line: line.n)


def figure_of(line: Comparison, name: str) -> float:
    """One metric of a line."""
    return next(metric.value for metric in line.metrics if metric.name == name)


def seconds(command: Sequence[str]) -> float:
    """How long a command takes."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


PARTS = ("demo", "trec6_supervised", "banking77_supervised", "trec6", "banking10", "temporal")


def main() -> None:
    """Run the parts and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--flan", type=Path, help="folder with flan-t5-small in Hugging Face format")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure some parts; the others keep their figures")
    arguments = parser.parse_args()
    parts = arguments.only or [part for part in PARTS if not (arguments.quick and part == "temporal")]
    record = Record("real_tasks", arguments, partial=bool(arguments.only))
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(arguments, record, work.resolve())
        for part in parts:
            getattr(bench, part)()
    record.finish(KEYS)


if __name__ == "__main__":
    main()
