"""What the commands print: a run's report, its progress, and all settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import load_timing
from prompt2model.run_store import RunStore

if TYPE_CHECKING:
    from prompt2model.pipeline import RunResult
    from prompt2model.planning import Plan, PlannedStep
    from prompt2model.records import Comparison, CostLine, EvaluationReport, TrainedModel


def show_result(result: RunResult) -> None:
    """Where everything is, after a run."""
    if not result.executed:
        print("nothing to do: every step of this run was finished before")
    print_report(result.report)
    print_choice(result.trained)
    print_costs(result.costs)
    print(f"model   {result.trained.folder}")
    print_training(result.trained)
    print(f"report  {result.report_page}")
    print(f"demo    prompt2model demo {result.folder}")


def show_run(folder: Path) -> None:
    """A run's report, or how far it came. Raises RunFolderError when the folder is no run."""
    from prompt2model.chain import DEFAULT_CHAIN, missing_steps
    from prompt2model.records import EvaluationReport, Feasibility, TrainedModel
    from prompt2model.teacher.ledger import Ledger

    store = RunStore.open(folder)
    manifest = store.manifest()
    if missing_steps(manifest):
        for step in DEFAULT_CHAIN:
            print(f"{'finished' if step.id in manifest else '-':9} {step.id}")
        if "check_feasibility" in manifest:
            print(store.load(manifest["check_feasibility"], Feasibility).sentence)
        print(f"the run {store.unfinished()}")
        return
    print_report(store.load(manifest["evaluate"], EvaluationReport))
    trained = store.load(manifest["train"], TrainedModel)
    print_choice(trained)
    if store.ledger_file.exists():
        with Ledger(store.ledger_file) as ledger:
            print_costs(ledger.summary())
    print(f"model   {trained.folder}")
    print_training(trained)
    print(f"report  {store.report_file}")
    print(f"demo    prompt2model demo {folder}")


def show_plan(plan: Plan, folder: Path) -> None:
    """A table of the steps, the sums, and what they rest on."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("step", no_wrap=True)
    for title in ("calls", "tokens in", "out", "US dollars", "time", "memory", "disk"):
        table.add_column(title, justify="right", no_wrap=True)
    for step in plan.steps:
        table.add_row(step.id.replace("_", " "), *_plan_cells(step))
    console.print(table)
    console.print(plan.headline(), markup=False)
    for line in plan.assumptions:
        console.print(f"  {line}", markup=False)
    if any(step.state == "unknown" for step in plan.steps):
        console.print(
            f"The teacher has to {_first_look(plan)}",
            markup=False,
        )
    for model in plan.unpriced:
        name = model.removeprefix("openai:")
        console.print(
            f"the price of {model} is not known: give it under [prices] in a config, or as "
            f"--set 'prices={{\"{name}\" = [0.40, 1.60]}}' (US dollars per million tokens of prompt and answer)",
            markup=False,
        )
    print(f"nothing was spent; what was read is kept in {folder}")


def _first_look(plan: Plan) -> str:
    """What a paid teacher has to do before more can be said, and how to plan without it."""
    if any(step.id == "parse_prompt" and step.state != "finished" for step in plan.steps):
        return (
            "read the prompt before more can be said; to plan without it, say what the rules leave open under "
            "[parse_prompt] in a config"
        )
    return "look at the data sets before more can be said; to plan without it, add --set retrieve_data.rerank=no"


def _plan_cells(step: PlannedStep) -> tuple[str, ...]:
    from prompt2model.console import minutes
    from prompt2model.teacher.budget import about_dollars

    if step.state != "planned":
        return ("finished" if step.state == "finished" else "not known yet",)
    cost = step.estimate
    money = (
        "not known" if step.money is None else (about_dollars(step.money).removesuffix(" USD") if step.money else "")
    )
    return (
        f"{cost.calls:,}" if cost.calls else "",
        f"{cost.prompt_tokens:,}" if cost.calls else "",
        f"{cost.completion_tokens:,}" if cost.calls else "",
        money,
        minutes(step.seconds) if step.seconds else "",
        f"{cost.memory / 1e9:.1f} GB" if cost.memory else "",
        f"{cost.disk / 1e6:,.0f} MB" if cost.disk else "",
    )


def print_report(report: EvaluationReport) -> None:
    """The headline and one line per predictor and test set."""
    from rich.console import Console
    from rich.table import Table

    from prompt2model.model_evaluator.verdict import verdict_lines

    console = Console(highlight=False)
    console.print(report.headline, markup=False)
    names = list(dict.fromkeys(metric.name for line in report.comparisons for metric in line.metrics))
    if "accuracy" in names:
        names.remove("exact_match")  # the same figure, where the answers are labels
    table = Table(box=None, pad_edge=False)
    for title in ("", "test", "n", *names, "wrong", "unparsed", "failed"):
        table.add_column(title.replace("_", " "), overflow="fold")
    for line in report.comparisons:
        table.add_row(*_cells(line, names))
    console.print(table)
    if report.verdict is not None:
        for text in verdict_lines(report.verdict):
            console.print(text, markup=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False)


def print_choice(trained: TrainedModel) -> None:
    """The students of a bake-off and the best trial of a search, where there were any."""
    from prompt2model.model_trainer.candidate_table import candidate_lines, search_line

    lines = candidate_lines(trained.candidates, load_timing(trained.folder.parent)) if trained.candidates else []
    for line in (*lines, search_line(trained.trials, trained.settings)):
        if line:
            print(line)


def print_training(trained: TrainedModel) -> None:
    """What training took and what was estimated, in one line; nothing where it was not measured."""
    from prompt2model.console import gigabytes, minutes

    timing = load_timing(trained.folder.parent)
    used, estimated = timing.get("used"), timing.get("estimated")
    if not used or not estimated:
        return
    print(
        f"train   {trained.method}: {minutes(used['seconds'])}, {gigabytes(used['memory'])} of memory; estimated were "
        f"{minutes(estimated['seconds'])}, {gigabytes(estimated['memory'])}"
    )


def print_costs(costs: tuple[CostLine, ...]) -> None:
    """What the teacher was asked for, in one line per model."""
    for model in dict.fromkeys(line.model for line in costs):
        lines = [line for line in costs if line.model == model]
        money = [line.money for line in lines if line.money is not None]
        print(
            f"teacher {model}: {sum(line.calls for line in lines):,} calls, "
            f"{sum(line.prompt_tokens for line in lines):,} + {sum(line.completion_tokens for line in lines):,} tokens"
            + (f", {sum(money):.4f} US dollars" if money and sum(money) > 0 else "")
        )


def show_settings() -> None:
    """Every setting with its default and meaning, as a commented TOML file."""
    from prompt2model.chain import DEFAULT_CHAIN, load_component
    from prompt2model.config import PipelineConfig

    sections = {step.id for step in DEFAULT_CHAIN}
    _print_fields({name: field for name, field in PipelineConfig.model_fields.items() if name not in sections})
    for step in DEFAULT_CHAIN:
        print(f"\n[{step.id}]")
        print(f'# component = "{step.component}"')
        _print_fields(load_component(step.component, step.id).Config.model_fields)


def _cells(line: Comparison, names: list[str]) -> list[str]:
    metrics = {metric.name: metric for metric in line.metrics}
    figures = []
    for name in names:
        metric = metrics.get(name)
        figures.append("" if metric is None else f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})")
    counts = (str(line.wrong), str(line.unparsed), str(sum(line.failed.values())))
    return [line.predictor, f"{line.test_set} ({line.test_origin})", str(line.n), *figures, *counts]


def _print_fields(fields: Mapping[str, Any]) -> None:
    for name, field in fields.items():
        if field.description:
            print(f"# {field.description}")
        default = field.get_default(call_default_factory=True)
        print(f"# {name} = {_toml(default)}")


def _toml(value: Any) -> str:
    import tomli_w

    if value is None:
        return "(not set)"
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    try:
        return tomli_w.dumps({"v": value}).removeprefix("v = ").strip()
    except TypeError:
        return str(value)
