"""Generation by one of two configs until a token budget is reached, a student of what came of it, and its score.

The budget is looked at before each wave; a wave that has begun is finished. Both arms are stopped in the same way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stored_sets import distinct_texts, entropy

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.dataset_assembler.assembler import AssemblerInputs, DatasetAssembler
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.dataset_generator.waves import read_waves
from prompt2model.dataset_generator.written_pairs import WrittenOutputs
from prompt2model.errors import BudgetExceededError, NotEnoughDataError
from prompt2model.model_trainer import ModelTrainer, TrainInputs
from prompt2model.predictor import load_predictor
from prompt2model.prompt_parser import PromptParser
from prompt2model.records import (
    ChosenModel,
    DataRequest,
    Example,
    GeneratedData,
    Item,
    ReservedTests,
    Source,
    TaskSpec,
    TestSet,
    make_example,
)
from prompt2model.teacher.budget import Budget, Limit, Spent
from prompt2model.teacher.client import ChatClient
from prompt2model.teacher.ledger import Ledger, LedgerClient
from prompt2model.weights import EMBEDDED_ENCODER

OURS: Mapping[str, Any] = {}
"""The defaults of the product."""
REFERENCE: Mapping[str, Any] = {
    "writes": "pairs",
    "initial_temperature": 0.5,
    "max_temperature": 1.7,
    "near_duplicate": 1.0,
    "max_output_share": 1.0,
    "attributes": False,
}
"""Prompt2Model's own generator (arXiv 2308.12261, defaults of its code): input and output written together, 1 to 10
earlier ones shown, temperature annealed from 0.5 to 1.7, of exactly equal inputs the most frequent output."""
ARMS = {"ours": OURS, "reference": REFERENCE}


@dataclass(frozen=True)
class Scale:
    """Teacher tokens of a run, examples asked for in a wave, and examples wanted, over which the temperature rises.

    The same for both arms. More are wanted than the budget buys; it is reached to within one wave.
    """

    budget: int
    wave: int
    wanted: int


@dataclass(frozen=True)
class RealTask:
    """A task with its real test rows."""

    name: str
    spec: TaskSpec
    test: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Outcome:
    """One run: tokens by role, examples made and distinct ones, entropy of their labels, right or wrong by test row."""

    tokens: dict[str, int]
    made: int
    distinct: int
    output_entropy: float
    trained_on: int
    right: list[bool]

    def per_1000(self, role: str = "") -> float:
        """Distinct examples per 1,000 tokens of the teacher, in all roles or in one."""
        return 1000 * self.distinct / (self.tokens[role] if role else sum(self.tokens.values()))

    @property
    def accuracy(self) -> float:
        """Of the student on the real test."""
        return sum(self.right) / len(self.right)


class _UntilSpent(Budget):
    """A token budget that is reached by what was spent: the call that passes it is the last one.

    The product's own budget reserves the most that a call can cost, which of a wave is more than the whole budget here.
    """

    def check(self, charged: Spent, next_call: Spent) -> None:
        if self.limit.tokens is not None and charged.tokens >= self.limit.tokens:
            super().check(charged, Spent(1, 1))


def read_task(prompt: str, folder: Path) -> TaskSpec:
    """The prompt as the product reads it, without a teacher."""
    return PromptParser().run(PromptParser.Inputs(prompt), _context(folder, 0))


def run_arm(task: RealTask, arm: str, seed: int, scale: Scale, client: ChatClient, folder: Path) -> Outcome:
    """Generate, assemble, train, score; what is finished in the folder is not done again."""
    place = folder / f"{task.name}-{arm}-seed{seed}"
    done = place / "outcome.json"
    if done.exists():
        return Outcome(**json.loads(done.read_text(encoding="utf-8")))
    settings = {**ARMS[arm], "wave": scale.wave, "examples": scale.wanted}
    rows, tokens = generate(task.spec, settings, seed, scale.budget, client, place)
    right, trained_on = _student(task, rows, seed, place)
    distinct = distinct_texts((row.input for row in rows), [shown.input for shown in task.spec.demonstrations])
    outcome = Outcome(tokens, len(rows), len(distinct), entropy(Counter(row.target for row in rows)), trained_on, right)
    done.write_text(json.dumps(vars(outcome)), encoding="utf-8")
    return outcome


def generate(
    task: TaskSpec, settings: Mapping[str, Any], seed: int, budget: int, client: ChatClient, place: Path
) -> tuple[list[Example], dict[str, int]]:
    """The examples that the budget buys, and the tokens by role, from the run's ledger."""
    folder = place / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    with Ledger(place / "teacher_calls.sqlite") as ledger:
        stop = _UntilSpent(Limit(tokens=budget))
        # Only the start of a wave is held back; what was written is always answered.
        teachers = {
            "generator": LedgerClient(client, ledger, step="generate_data", role="generator", budget=stop),
            "labeller": LedgerClient(client, ledger, step="generate_data", role="labeller"),
        }
        generator = DatasetGenerator(DatasetGeneratorConfig(**settings))
        try:
            generator.run(GeneratorInputs(task, (), DataRequest()), _context(folder, seed, teachers))
        except BudgetExceededError as error:
            print(f"  {error}", flush=True)
        tokens = {line.role: line.prompt_tokens + line.completion_tokens for line in ledger.summary()}
    rows: list[Example] = []
    written = WrittenOutputs()
    for wave in read_waves(folder):
        rows += wave.rows
        written.add(wave)
    return (written.settle(rows) if settings.get("writes") == "pairs" else rows), tokens


def _student(task: RealTask, rows: Sequence[Example], seed: int, place: Path) -> tuple[list[bool], int]:
    """Right or wrong on each test row, and the rows trained on; all wrong where nothing can be trained."""
    tests = tuple(make_example(text, (label,), Source("gold")) for text, label in task.test)
    reserved = ReservedTests((TestSet("real", "gold", tests),), (), {})
    generated = GeneratedData(tuple(rows), {}, 0, {}, 0, 0)
    try:
        dataset = DatasetAssembler().run(
            AssemblerInputs(task.spec, reserved, generated), _context(place / "dataset", seed)
        )
    except NotEnoughDataError as error:
        print(f"  no student: {error}", flush=True)
        return [False] * len(task.test), 0
    base = ChosenModel(EMBEDDED_ENCODER, "encoder", (), {})
    inputs = TrainInputs(task.spec, dataset.train, dataset.validation, dataset.labels, base)
    trained = ModelTrainer().run(inputs, _context(place / "trained", seed))
    answers = load_predictor(trained.folder).predict(Item(text) for text, _ in task.test)
    right = [said.text == label for said, (_, label) in zip(answers, task.test, strict=True)]
    return right, len(dataset.train)


def _context(folder: Path, seed: int, teachers: Mapping[str, ChatClient] | None = None) -> RunContext:
    folder.mkdir(parents=True, exist_ok=True)
    return RunContext(folder, seed, SilentProgress(), AutomaticChooser(), teachers=teachers or {})
