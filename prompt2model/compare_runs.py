"""`prompt2model compare RUN RUN …`: the students of several runs on the test rows that all of them have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.errors import ConfigError, RunFolderError
from prompt2model.records import Comparison, Dataset, EvaluationReport, Example, Metric, PairedComparison, TaskSpec
from prompt2model.run_store import RunStore

if TYPE_CHECKING:
    from prompt2model.measures.answers import AnsweredRow


@dataclass(frozen=True)
class ComparedRun:
    """A run on the common rows. `pair`: its student against that of the first run; None for the first run itself."""

    name: str
    base: str
    n: int
    own_n: int
    metric: Metric
    pair: PairedComparison | None


@dataclass(frozen=True)
class _Run:
    folder: Path
    task: TaskSpec
    report: EvaluationReport
    line: Comparison
    base: str
    rows: Mapping[str, Example]


def compare_runs(folders: Sequence[Path]) -> list[ComparedRun]:
    """The students of finished runs, each on the rows of its main test that all the others' main tests have too.

    Rows are the same where input and accepted answers are. Raises RunFolderError for a run that is not finished or was
    not measured, ConfigError for fewer than two runs, tasks of different kinds, or no common row.
    """
    from prompt2model.measures.answers import load_answers
    from prompt2model.model_evaluator.paired import compare_answers

    if len(folders) < 2:
        raise ConfigError("give two run folders or more: prompt2model compare runs/ONE runs/OTHER")
    runs = [_open(folder) for folder in folders]
    if len({run.task.kind for run in runs}) > 1:
        kinds = ", ".join(f"{run.folder.name}: {run.task.kind.replace('_', ' ')}" for run in runs)
        raise ConfigError(f"runs of different kinds of task cannot be compared ({kinds})")
    common = [key for key in runs[0].rows if all(key in run.rows for run in runs)]
    if not common:
        raise ConfigError(
            "the runs have no test row in common; give them the same rows with --examples, or another --seed"
        )
    task = runs[0].task
    answers = []
    for run in runs:
        by_id = {answer.id: answer for answer in load_answers(run.report.folder / run.line.predictions)}
        answers.append([by_id[run.rows[key].id] for key in common])
    rows = [runs[0].rows[key] for key in common]
    return [
        ComparedRun(
            run.folder.name,
            run.base,
            len(common),
            len(run.rows),
            _figure(task, rows, answers[number]),
            compare_answers(task, rows, answers[number], answers[0]) if number else None,
        )
        for number, run in enumerate(runs)
    ]


def show_comparison(folders: Sequence[Path]) -> None:
    """Print a table of the runs, and how each compares with the first."""
    from rich.console import Console
    from rich.table import Table

    from prompt2model.model_evaluator.page_results import METRIC_WORDS, figure_texts
    from prompt2model.statistics.verdict_words import sentence

    found = compare_runs(folders)
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for title in ("run", "base model", METRIC_WORDS[found[0].metric.name], "95 % interval", "rows"):
        table.add_column(title, overflow="fold")
    for run in found:
        value, interval = figure_texts(run.metric)
        table.add_row(run.name, run.base, value, interval, f"{run.n:,}")
    console.print(table)
    if any(run.own_n > run.n for run in found):
        own = ", ".join(f"{run.name} {run.own_n:,}" for run in found)
        console.print(
            f"The runs have different test rows ({own}): compared on the {found[0].n:,} that all have.", markup=False
        )
    for run in found[1:]:
        if run.pair is not None:
            words = sentence(run.pair, run.name, found[0].name)
            console.print(f"{words[0].upper()}{words[1:]}.", markup=False)


def _figure(task: TaskSpec, rows: Sequence[Example], answers: Sequence[AnsweredRow]) -> Metric:
    from prompt2model.measures.metrics import Accuracy, ChrfPlusPlus

    metric = ChrfPlusPlus() if task.kind == "generation" else Accuracy()
    return metric.measure([answer.text for answer in answers], [row.references for row in rows])


def _open(folder: Path) -> _Run:
    from prompt2model.model_evaluator.headline import main_test
    from prompt2model.records import TrainedModel

    store = RunStore.open(folder)
    manifest = store.manifest()
    if "evaluate" not in manifest:
        raise RunFolderError(f"the run {folder} was not measured: it {store.unfinished()}")
    task = store.load(manifest["parse_prompt"], TaskSpec)
    dataset = store.load(manifest["assemble_data"], Dataset)
    report = store.load(manifest["evaluate"], EvaluationReport)
    base = store.load(manifest["train"], TrainedModel).base
    test = main_test([test for test in dataset.tests if len(test.rows)])
    if test is None:
        raise RunFolderError(f"the run {folder} has no test row; give it some with --examples")
    line = next(one for one in report.comparisons if one.role == "student" and one.test_set == test.name)
    rows = {f"{row.input}\x00{chr(1).join(sorted(row.references))}": row for row in test.rows}
    return _Run(folder, task, report, line, base, rows)
