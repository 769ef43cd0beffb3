"""The options of the commands, the longer of their help texts, and the changes to a config that options stand for."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from prompt2model.errors import ConfigError

RUN_HELP = """Make a model from a prompt, given in quotes or with --prompt-file.

\b
prompt2model run --prompt-file task.txt
prompt2model run --prompt-file task.txt --yes --data rows.csv --teacher openai:gpt-4.1-mini

At a terminal it asks for what was not given: data sets, columns, base model; with --yes it takes every default. A
finished run given again does nothing; a killed one goes on. Every other setting is in `prompt2model settings`.
"""

PLAN_HELP = """Say what a run will cost, step by step: calls, tokens, money, time, memory and disk.

\b
prompt2model plan --prompt-file task.txt --teacher openai:gpt-4.1-mini --generate 500

Takes what `run` takes. Nothing is spent: the prompt and the data at hand are read into the run's folder, from where
`run`, given the same way, goes on.
"""

REVIEW_HELP = """Look through the rows that a run trains on, and correct, approve or drop them.

\b
prompt2model review runs/NAME              writes runs/NAME/review.csv, the least sure rows first
prompt2model review runs/NAME --apply      after you edited it: makes it a part of the run
prompt2model review runs/NAME --page       the same on a page
prompt2model resume runs/NAME              assembles, trains and measures again

Test rows are never shown. Nothing is asked of a teacher again.
"""


def _option(metavar: str, help: str, *names: str) -> Any:
    """An option that is absent unless it is given."""
    return typer.Option(*names, metavar=metavar, help=help, show_default=False)


RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as `runs/NAME`.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the default of every question.")]
Budget = Annotated[str | None, _option("AMOUNT", "Most that teacher calls may use: 2usd, or 500000tokens.")]
Prompt = Annotated[
    str | None,
    typer.Argument(
        metavar="PROMPT", help="The prompt, in quotes; needed unless --prompt-file gives it.", show_default=False
    ),
]
PromptFile = Annotated[Path | None, _option("FILE", "A text file (UTF-8) with the prompt.")]
ConfigFile = Annotated[Path | None, _option("FILE", "A TOML file with settings, the prompt too.")]
DataFiles = Annotated[
    list[Path] | None, _option("FILE", "Your labelled rows to train on: CSV, JSONL, Parquet. May be repeated.")
]
InputFiles = Annotated[
    list[Path] | None,
    _option(
        "FILE",
        "Your inputs without answers, for the teacher to label: a table, or .txt with one a line. May be repeated.",
    ),
]
ExampleFiles = Annotated[
    list[Path] | None,
    _option("FILE", "Your gold rows, as few as 20: never trained on, they give the headline. May be repeated."),
]
Evidence = Annotated[
    Path | None,
    _option(
        "FOLDER",
        "Multiple choice: texts (.txt, .md, .jsonl) whose best passages are read beside each choice, and again when "
        "the model answers.",
    ),
]
EvidenceNow = Annotated[
    Path | None,
    _option("FOLDER", "Where the texts are now that the model was trained to read beside choices."),
]
DataFolders = Annotated[list[Path] | None, _option("FOLDER", "A folder of data sets to search. May be repeated.")]
DatasetChoice = Annotated[
    str | None,
    _option(
        "WHICH",
        "Data sets to use of those found: ask (the default; auto with --yes), auto, none, or ids divided by commas.",
    ),
]
Use = Annotated[
    str | None,
    _option(
        "any|commercial",
        "What the model is for: commercial refuses data sets and base models whose licence is not known to allow it.",
    ),
]
TransformSets = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID",
        help="A data set whose rows the teacher rewrites into inputs of the task, and labels. May be repeated.",
        show_default=False,
    ),
]
InputColumn = Annotated[
    str | None, _option("NAME", "Column of the inputs in --data and --examples; found when absent.")
]
OutputColumn = Annotated[
    str | None, _option("NAME", "Column of the answers in --data and --examples; found when absent.")
]
Generate = Annotated[
    int | None, _option("N", "Examples the teacher writes; 0 for none. As many as the data at hand lacks when absent.")
]
Teacher = Annotated[str | None, _option("WHO", "embedded (the default), openai:NAME, or none.")]
BaseUrl = Annotated[
    list[str] | None,
    _option("URL", "Address of an OpenAI-compatible endpoint, with /v1. Several with the same model share the work."),
]
Cluster = Annotated[
    str | None,
    _option("WHERE", "Share the work out by Ray: local, ray://HOST:PORT, HOST:PORT, auto, or none (the default)."),
]
BaseModel = Annotated[
    str | None, _option("MODEL", "Base model to train: an id or a folder; the best that fits when absent.")
]
BakeOff = Annotated[
    bool,
    typer.Option("--bake-off", help="Train several students, and take the simplest that is as good as the best."),
]
MaxSize = Annotated[str | None, _option("SIZE", "With --bake-off: most bytes of the model, as 50MB.")]
MaxLatency = Annotated[str | None, _option("TIME", "With --bake-off: most time for one answer here, as 20ms.")]
Device = Annotated[
    str | None, _option("NAME", "Where models are trained and timed: auto (the default), cpu, mps or cuda:0.")
]
Search = Annotated[int | None, _option("N", "Search for better settings in N trainings; the test is left out of it.")]
Method = Annotated[
    str | None,
    _option("HOW", "How it is trained: auto (the default), full, lora, or qlora (4-bit base; needs bitsandbytes)."),
]
Hub = Annotated[
    bool | None,
    typer.Option("--hub/--no-hub", help="Use the Hugging Face hub; not unless asked for.", show_default=False),
]
RunName = Annotated[str | None, _option("NAME", "Name of the run's folder; made from the prompt when absent.")]
RunsFolder = Annotated[Path | None, _option("FOLDER", "Where run folders are kept; `runs` when absent.")]
Replace = Annotated[bool, typer.Option("--replace", help="Redo a run of that name as far as other settings change it.")]
Seed = Annotated[int | None, _option("N", "Seed of everything random; 0 when absent.")]
Assignments = Annotated[
    list[str] | None, _option("KEY=VALUE", "Any other setting: train.epochs=5. May be repeated.", "--set")
]


def config_changes(
    *,
    prompt: str | None = None,
    prompt_file: Path | None = None,
    data: list[Path] | None = None,
    inputs: list[Path] | None = None,
    examples: list[Path] | None = None,
    evidence: Path | None = None,
    data_dir: list[Path] | None = None,
    datasets: str | None = None,
    use: str | None = None,
    transform: list[str] | None = None,
    input_column: str | None = None,
    output_column: str | None = None,
    generate: int | None = None,
    teacher: str | None = None,
    base_url: list[str] | None = None,
    budget: str | None = None,
    base_model: str | None = None,
    bake_off: bool = False,
    max_size: str | None = None,
    max_latency: str | None = None,
    device: str | None = None,
    search: int | None = None,
    cluster: str | None = None,
    method: str | None = None,
    hub: bool | None = None,
    name: str | None = None,
    runs: Path | None = None,
    seed: int | None = None,
    assignments: list[str] | None = None,
) -> dict[str, Any]:
    """Options as changes to a config. Raises ConfigError."""
    changes: dict[str, Any] = {
        "prompt": prompt,
        "prompt_file": _absolute(prompt_file),
        "teacher": teacher,
        "base_url": _one_or_several(base_url),
        "budget": budget,
        "cluster": cluster,
        "hub": None if hub is None else ("yes" if hub else "no"),
        "name": name,
        "runs_folder": str(runs) if runs else None,
        "seed": seed,
        "retrieve_data": _given(
            data=[_absolute(path) for path in data or []] or None,
            inputs=[_absolute(path) for path in inputs or []] or None,
            data_dirs=[_absolute(path) for path in data_dir or []] or None,
            datasets=_dataset_choice(datasets),
            use=use,
            transform=[part for text in transform or [] for part in text.split(",")] or None,
            input_column=input_column,
            output_column=output_column,
        ),
        "reserve_tests": _given(
            examples=[_absolute(path) for path in examples or []] or None,
            input_column=input_column,
            output_column=output_column,
        ),
        "generate_data": _given(examples=generate),
        "assemble_data": _given(evidence=_absolute(evidence)),
        "retrieve_models": _given(model=_model_reference(base_model), use=use),
        "train": _given(
            method=method,
            bake_off=bake_off or None,
            max_size=max_size,
            max_latency=max_latency,
            device=device,
            search_trials=search,
        ),
    }
    for assignment in assignments or []:
        assign(changes, assignment)
    return changes


def _given(**settings: Any) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


def _one_or_several(addresses: list[str] | None) -> str | list[str] | None:
    """A single address as such, so that a config file reads as it was given."""
    return addresses[0] if addresses and len(addresses) == 1 else addresses or None


def _absolute(path: Path | None) -> str | None:
    return None if path is None else str(path.absolute())


def _model_reference(model: str | None) -> str | None:
    """A folder of the command line is taken from the working folder, also beside a config from elsewhere."""
    from prompt2model.config import folder_or_id

    return None if model is None else folder_or_id(model, Path.cwd())


def _dataset_choice(text: str | None) -> str | list[str] | None:
    if text is None or text in {"ask", "auto", "none"}:
        return text
    return [part.strip() for part in text.split(",") if part.strip()]


def assign(changes: dict[str, Any], assignment: str) -> None:
    """Lay `section.key=value` over the changes; the value is TOML, or else taken as text."""
    key, sign, text = assignment.partition("=")
    path = key.strip().split(".")
    if not sign or len(path) > 2 or not all(path):
        raise ConfigError(f"--set {assignment!r}: write it as section.key=value, for example train.epochs=5")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    if len(path) == 1:
        changes[path[0]] = value
        return
    section = changes.setdefault(path[0], {})
    if not isinstance(section, dict):
        raise ConfigError(f"--set {assignment!r}: `{path[0]}` is not a section; write {path[0]}=value")
    section[path[1]] = value
