"""Run folders that came as far as their generated rows, made without any model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompt2model.artifacts import JsonlRows
from prompt2model.component import Component, ComponentConfig, Estimate, RunContext
from prompt2model.dataset_assembler.assembler import AssemblerInputs
from prompt2model.records import (
    Dataset,
    Example,
    GeneratedData,
    ReservedTests,
    RetrievedData,
    ReviewedRow,
    Source,
    TaskSpec,
    TestSet,
    make_example,
)
from prompt2model.run_store import RunStore

COLOURS = ("red", "green", "blue")
TASK = TaskSpec("Say the colour.", (), "classification", COLOURS, "en", "Say the colour.")
THINGS = "car house leaf shirt door bottle pencil window candle blanket".split()


class OtherAssembler(Component[AssemblerInputs, Dataset]):
    """Somebody's own component, which knows of no review."""

    name = "assemble_data"
    produces = "dataset"
    Config = ComponentConfig
    Inputs = AssemblerInputs
    Output = Dataset

    def run(self, inputs: AssemblerInputs, context: RunContext) -> Dataset:
        raise AssertionError("the step is finished: nobody runs it")

    def estimate(self, inputs: AssemblerInputs, context: RunContext) -> Estimate:
        return Estimate()


def written(text: str, answer: str, sure: float | None = None, task: TaskSpec = TASK, **extra: object) -> Example:
    """A row that a teacher wrote; `sure` is P(answer), the rest goes to the other labels alike."""
    others = (1 - (sure or 0)) / max(len(task.labels) - 1, 1)
    soft = None if sure is None else tuple(sure if label == answer else others for label in task.labels)
    return make_example(text, (answer,), Source("generated", teacher="embedded"), soft_label=soft, **extra)


def given(text: str, answer: str, number: int = 0) -> Example:
    """A row of the user's."""
    return make_example(text, (answer,), Source("user", dataset="rows.csv", row=number))


def many(kind: str = "user") -> list[Example]:
    """30 rows, 15 red, 10 green, 5 blue."""
    rows = []
    for number in range(30):
        colour = COLOURS[0] if number % 2 else COLOURS[1] if number % 3 else COLOURS[2]
        text = f"a {colour} {THINGS[number % 10]} that stands in place number {number * 104729}"
        rows.append(written(text, colour) if kind == "generated" else given(text, colour, number))
    return rows


def make_run(
    folder: Path,
    rows: Sequence[Example],
    generated: Sequence[Example] = (),
    tests: Sequence[Example] = (),
    task: TaskSpec = TASK,
    config: str = 'prompt = "Say the colour."\n',
) -> Path:
    """A run in which everything up to `generate_data` is finished."""
    store = RunStore(folder)
    folder.mkdir(parents=True)
    store.save_config(config)
    sets = (TestSet("gold", "gold", tuple(tests)),) if tests else ()
    for step, name, value in (
        ("parse_prompt", "1_task", task),
        ("retrieve_data", "2_retrieved", RetrievedData(tuple(rows), (), (), (), {})),
        ("reserve_tests", "3_reserved", ReservedTests(sets, tuple(rows), {})),
        ("generate_data", "4_generated", GeneratedData(tuple(generated), {}, 0, {}, 0, 0)),
    ):
        store.begin(name, "1")
        store.finish(step, name, "1", value, 1.0)
    return folder


def decisions_of(run: Path) -> dict[str, ReviewedRow]:
    """What the run knows of a review, by the input that the row had."""
    file = run / "review" / "decisions.jsonl"
    return {one.row.input: one for one in JsonlRows(file, ReviewedRow)} if file.exists() else {}
