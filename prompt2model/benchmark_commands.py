"""`prompt2model benchmark`: published questions, answered by retrieval, a teacher and trained readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt2model.command_options import BaseModel, BaseUrl, Budget, RunsFolder, Seed, Teacher

if TYPE_CHECKING:
    from prompt2model.benchmark import BenchmarkReport

benchmark_app = typer.Typer(
    help="Measure retrieval, a teacher and trained readers on published multiple-choice questions.",
    short_help="Measure on published multiple-choice questions.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_HELP = """Answer the questions of {title}, and say how many are right.

\b
prompt2model benchmark {name} --source {name}.jsonl --corpus textbooks/
prompt2model benchmark {name} --source {name}.jsonl --corpus textbooks/ --train train.jsonl --teacher none

Retrieval takes the option whose passage in --corpus scores highest; the teacher scores or writes an answer; readers
are trained on the questions of --train, without evidence and with it. Files are in the set's own format, JSON or JSON
lines, also .gz.
"""

Source = Annotated[
    str,
    typer.Option(
        metavar="FILE|hub", help="The questions: a file, or hub to fetch the published ones.", show_default=False
    ),
]
Corpus = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Texts for evidence (.txt, .md, .jsonl), or one such file.", show_default=False
    ),
]
Train = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Questions to train readers on; none is trained when absent.", show_default=False
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Only N of the questions, drawn at random.", show_default=False),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The report to write; report.json in RUNS/benchmark-NAME when absent.", show_default=False
    ),
]
TeacherRows = Annotated[int, typer.Option(metavar="N", min=1, help="Most questions that the teacher is asked.")]
Passages = Annotated[int, typer.Option(metavar="N", min=1, help="Passages that count for each option.")]


def _command_for(name: str) -> Callable[..., None]:
    def command(
        source: Source,
        corpus: Corpus = None,
        train: Train = None,
        limit: Limit = None,
        passages: Passages = 1,
        teacher: Teacher = None,
        base_url: BaseUrl = None,
        budget: Budget = None,
        teacher_rows: TeacherRows = 200,
        base_model: BaseModel = None,
        runs: RunsFolder = None,
        seed: Seed = None,
        out: Out = None,
    ) -> None:
        from prompt2model.benchmark import BENCHMARKS, BenchmarkOptions, run_benchmark
        from prompt2model.benchmark.running import PACKAGED_READER
        from prompt2model.console import AutomaticChooser, ConsoleProgress

        runs = runs or Path("runs")
        options = BenchmarkOptions(
            benchmark=BENCHMARKS[name],
            source=_source(source, name, runs),
            runs=runs,
            corpus=corpus,
            train=train,
            limit=limit,
            passages=passages,
            teacher=teacher or "embedded",
            base_url=tuple(base_url or ()),
            budget=budget,
            teacher_rows=teacher_rows,
            base_model=base_model or PACKAGED_READER,
            seed=seed or 0,
        )
        report = run_benchmark(options, AutomaticChooser(), ConsoleProgress())
        path = out or runs / f"benchmark-{name}" / "report.json"
        report.save(path)
        _show(report)
        print(f"report  {path}")

    return command


def _source(source: str, name: str, runs: Path) -> Path:
    """The file of questions; from the hub after saying what is fetched."""
    if source != "hub":
        return Path(source)
    from prompt2model.benchmark import BENCHMARKS
    from prompt2model.benchmark.questions import hub_questions
    from prompt2model.run_store import cache_folder_of

    benchmark, folder = BENCHMARKS[name], cache_folder_of(runs) / "benchmarks"
    typer.echo(
        f"fetching {benchmark.dataset} from the hub into {folder}: its rows, of which the {benchmark.questions:,} of "
        f"the split {benchmark.split} are asked",
        err=True,
    )
    folder.mkdir(parents=True, exist_ok=True)
    return hub_questions(benchmark, folder)


def _show(report: BenchmarkReport) -> None:
    """The table, and what a reader of it must know."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for title in ("n", "right", "95 % interval", "correct", "wrong", "unparsed", "failed", "seconds"):
        table.add_column(title, justify="right", no_wrap=True)
    for line in report.scores:
        table.add_row(
            line.predictor,
            f"{line.n:,}",
            f"{100 * line.accuracy:.1f} %",
            f"{100 * line.low:.1f}-{100 * line.high:.1f}",
            f"{line.correct:,}",
            f"{line.wrong:,}",
            f"{line.unparsed:,}",
            f"{sum(line.failed.values()):,}",
            "" if line.seconds is None else f"{line.seconds:.1f}",
        )
    console.print(table)
    console.print(f"guessing would be right on {100 * report.chance:.1f} %", markup=False)
    if report.corpus is not None:
        console.print(f"evidence: {report.corpus.passages:,} passages of {report.corpus.path}", markup=False)
    about = (f"{one.predictor}: {one.note}" for one in report.scores if one.note)
    for said in (*about, *report.notes, report.notice):
        console.print(said, markup=False, soft_wrap=True)
    for run in report.runs:
        print(f"demo    prompt2model demo {run}")


for _name, _title in (
    ("medqa", "MedQA (arXiv 2009.13081), US medical licensing"),
    ("medmcqa", "MedMCQA (arXiv 2203.14371), Indian medical entrance"),
    ("pubmedqa", "PubMedQA (arXiv 1909.06146), abstracts of studies"),
):
    _short = f"{_title.partition(' (')[0]}: {_title.rpartition(', ')[2]}."
    benchmark_app.command(_name, help=_HELP.format(name=_name, title=_title), short_help=_short)(_command_for(_name))
