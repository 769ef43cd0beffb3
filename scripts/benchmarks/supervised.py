"""Students on real training rows: accuracy on the real test rows, and how many rows it takes.

The student is the one that the bake-off picks on validation rows. What the others would have said is recorded beside
it and plays no part in the choice.

Parts (all by default, or --only PART …):
  trec6       TREC-6; `trec6_clean` leaves out the test questions that stand in the training rows too
  banking77   77 intents of bank customers
  clinc150    150 intents with out of scope as one label more: `clinc150` is the accuracy on the in-scope test rows,
              `clinc150_oos_recall` the share of out-of-scope test rows that the same model calls out of scope
  snli        700 pairs of a Super-NaturalInstructions task without entailment rows, beside the majority label
  curve       TREC-6 and Banking77 with 8, 32 and 128 rows per label: the bake-off and each of its students, logistic
              regression on frozen sentence embeddings (scikit-learn's), and on embeddings tuned as SetFit does
              (arXiv 2209.11055); same rows, same test rows

Every training is kept in --work under the commit that made it; the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from embedding_arms import frozen, tuned
from record import SEEDS, Figure, Record, commit, mean_of_seeds, options
from supervised_tasks import TASKS, LabelTask, Row, few_rows, load_task, split

from prompt2model.artifacts import write_atomically
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer.bake_off import bake_off
from prompt2model.model_trainer.candidates import entrants
from prompt2model.model_trainer.jobs import found, share_inputs
from prompt2model.predictor import load_predictor
from prompt2model.records import OUT_OF_SCOPE, ChosenModel, Item, Source, TaskSpec, make_example
from prompt2model.statistics.shares import wilson_interval
from prompt2model.weights import EMBEDDED_ENCODER

KEYS = ("trec6", "banking77", "clinc150", "clinc150_oos_recall")
PARTS = (*TASKS, "curve")
CURVE_TASKS = ("trec6", "banking77")
CURVE_ROWS = {8: SEEDS, 32: SEEDS, 128: SEEDS[:1]}
"""Rows per label, and the seeds that are trained with so many."""


@dataclass(frozen=True)
class Answers:
    """What one trained classifier said to the test rows, and what it was.

    After a bake-off `students` has, by family, what each of its students said, and `verdicts` what came of each.
    """

    texts: list[str]
    family: str
    seconds: float
    students: Mapping[str, list[str]] = field(default_factory=dict)
    verdicts: Mapping[str, str] = field(default_factory=dict)


def hold_bake_off(task: LabelTask, rows: Sequence[Row], seed: int, folder: Path, quick: bool = False) -> Answers:
    """The product's bake-off on these rows, with its default settings, and the answers to the test rows."""
    train, validation = split(task, rows, seed)
    spec = TaskSpec(task.instruction, (), "classification", task.labels, "en", task.instruction)
    source = Source("user", dataset=task.name)
    examples, held = (
        tuple(make_example(row.text, (row.label,), source) for row in part if row.label in task.labels)
        for part in (train, validation)
    )
    base = ChosenModel(EMBEDDED_ENCODER, "encoder", (), {})
    context = RunContext(folder, seed, SilentProgress(), AutomaticChooser())
    config = ModelTrainerConfig.model_validate({"bake_off": True, **({"min_steps": 10} if quick else {})})
    inputs = TrainInputs(spec, examples, held, task.labels, base)
    share_inputs(inputs, held, folder)
    started = time.perf_counter()
    contest = bake_off(inputs, held, config, context)
    seconds = time.perf_counter() - started
    said: dict[str, list[str]] = {}
    verdicts: dict[str, str] = {}
    for number, (entrant, line) in enumerate(zip(entrants(inputs, config, False), contest.candidates, strict=True)):
        result = found(folder / "candidates" / entrant.folder_name(number))
        if result is None or line.score is None:
            raise SystemExit(f"{task.name}: {entrant.id}: {line.verdict}: {line.reason}")
        student = load_predictor(result.student.folder)
        said[line.family] = [answer.text or "" for answer in student.predict(Item(row.text) for row in task.test)]
        verdicts[line.family] = f"{line.verdict}, validation {line.score.value:.3f} of {line.score.n}"
    family = contest.chosen.entrant.family
    return Answers(said[family], family, seconds, said, verdicts)


class Bench:
    """The parts share the options, the record and the folder of kept answers."""

    def __init__(self, arguments: argparse.Namespace, record: Record, work: Path) -> None:
        self.data: Path = arguments.data
        self.quick: bool = arguments.quick
        self.record = record
        # Answers of another version of the code are none of this one's.
        self.work = work / commit()
        self.seeds = SEEDS[:1] if self.quick else SEEDS

    def load(self, name: str) -> LabelTask:
        """A task, or a small part of it for a smoke run."""
        task = load_task(name, self.data)
        return task.reduced(labels=4, train=60, test=40) if self.quick else task

    def kept(self, name: str, make: Callable[[Path], Answers]) -> Answers:
        """Answers from an earlier run, or made now in a scratch folder and kept."""
        file = self.work / f"{name}.json"
        if file.exists():
            return Answers(**json.loads(file.read_text(encoding="utf-8")))
        scratch = self.work / f"{name}.scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        answers = make(scratch)
        write_atomically(file, json.dumps(vars(answers), ensure_ascii=False))
        shutil.rmtree(scratch)
        print(f"{name}: {answers.family}, {answers.seconds:.0f} s", flush=True)
        return answers

    def students(self, task: LabelTask) -> list[Answers]:
        """The answers of the student of each seed, trained on all training rows."""
        return [
            self.kept(
                f"{task.name}-all-{seed}",
                partial(hold_bake_off, task, task.train, seed, quick=self.quick),
            )
            for seed in self.seeds
        ]

    def add(
        self, key: str, task: LabelTask, students: Sequence[Answers], rows: Sequence[int], unit: str = "accuracy"
    ) -> None:
        """Share of right answers to some test rows: with Wilson's interval for each seed, and the mean of seeds."""
        shares = []
        for seed, student in zip(self.seeds, students, strict=True):
            right = sum(student.texts[number] == task.test[number].label for number in rows)
            shares.append(right / len(rows))
            low, high = wilson_interval(right, len(rows))
            others = "; ".join(f"{family} {verdict}" for family, verdict in student.verdicts.items())
            note = f"{student.family}; {others}; bake-off of {student.seconds:.0f} s; Wilson's interval"
            self.record.add(f"{key}_seed{seed}", Figure(shares[-1], len(rows), low, high, unit=unit, note=note))
        self.record.add(key, mean_of_seeds(shares, len(rows), unit))
        for family in students[0].students:
            alone = [
                sum(one.students[family][number] == task.test[number].label for number in rows) / len(rows)
                for one in students
            ]
            self.record.add(f"{key}_{family}", mean_of_seeds(alone, len(rows), unit))

    # -- parts ---------------------------------------------------------------------------------------------------

    def whole_task(self, name: str) -> None:
        """All training rows, all seeds."""
        task = self.load(name)
        students = self.students(task)
        for seed, student in zip(self.seeds, students, strict=True):
            self.record.predictions[f"{name}-{seed}"] = student.texts
        inside = [number for number, row in enumerate(task.test) if row.label != OUT_OF_SCOPE]
        outside = [number for number, row in enumerate(task.test) if row.label == OUT_OF_SCOPE]
        self.add(name, task, students, inside)
        if outside:
            self.add(f"{name}_oos_recall", task, students, outside, "recall")
            false = [sum(one.texts[number] == OUT_OF_SCOPE for number in inside) / len(inside) for one in students]
            self.record.add(f"{name}_oos_false", mean_of_seeds(false, len(inside), "in-scope rows called out of scope"))
        if name == "trec6":
            known = {row.text.casefold() for row in task.train}
            self.add("trec6_clean", task, students, [n for n in inside if task.test[n].text.casefold() not in known])
        if name == "snli":
            label, _ = Counter(row.label for row in task.train).most_common(1)[0]
            right = sum(row.label == label for row in task.test)
            low, high = wilson_interval(right, len(task.test))
            note = "always the most frequent training label; Wilson's interval"
            self.record.add("snli_majority", Figure(right / len(task.test), len(task.test), low, high, note=note))

    def curve(self) -> None:
        """Few rows per label: the ways to learn from the same ones."""
        for name in CURVE_TASKS[:1] if self.quick else CURVE_TASKS:
            task = self.load(name)
            for per_label, seeds in ((4, SEEDS[:1]),) if self.quick else CURVE_ROWS.items():
                said: dict[str, list[list[str]]] = {}
                for seed in seeds:
                    rows = few_rows(task, per_label, seed)
                    for arm, learn in self.arms(task).items():
                        answers = self.kept(f"{name}-{per_label}-{arm}-{seed}", partial(learn, rows, seed))
                        for each, texts in {arm: answers.texts, **answers.students}.items():
                            said.setdefault(each, []).append(texts)
                for arm, of_seeds in said.items():
                    self.record.add(f"{name}_{per_label}_{arm}", curve_figure(of_seeds, task.test))

    def arms(self, task: LabelTask) -> dict[str, Callable[[Sequence[Row], int, Path], Answers]]:
        """Name → how it learns from rows, with a seed and a scratch folder."""
        texts = [row.text for row in task.test]
        most = {"most_pairs": 64} if self.quick else {}
        return {
            "bake_off": lambda rows, seed, folder: hold_bake_off(task, rows, seed, folder, self.quick),
            "frozen": lambda rows, seed, folder: timed("frozen", lambda: frozen(rows, texts)),
            "setfit": lambda rows, seed, folder: timed("tuned", lambda: tuned(rows, texts, seed, folder, **most)),
        }


def timed(name: str, make: Callable[[], list[str]]) -> Answers:
    """Answers with the seconds that they took."""
    started = time.perf_counter()
    texts = make()
    return Answers(texts, name, time.perf_counter() - started)


def curve_figure(answers: Sequence[Sequence[str]], test: Sequence[Row]) -> Figure:
    """The mean accuracy of seeds, or Wilson's interval where there is one seed."""
    n = len(test)
    right = [sum(text == row.label for text, row in zip(texts, test, strict=True)) for texts in answers]
    if len(right) > 1:
        return mean_of_seeds([count / n for count in right], n, "accuracy")
    low, high = wilson_interval(right[0], n)
    return Figure(right[0] / n, n, low, high, unit="accuracy", note="one seed, Wilson's interval")


def main() -> None:
    """Measure the parts and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure some parts; the others keep their figures")
    arguments = parser.parse_args()
    record = Record("supervised", arguments, partial=bool(arguments.only))
    with tempfile.TemporaryDirectory() as temporary:
        bench = Bench(arguments, record, (arguments.work or Path(temporary)).resolve())
        for part in arguments.only or PARTS:
            if part == "curve":
                bench.curve()
            else:
                bench.whole_task(part)
    record.finish(KEYS)


if __name__ == "__main__":
    main()
