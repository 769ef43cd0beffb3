"""One demo of each kind for the tests of a file. They end with it: an open page keeps its server busy."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_creator.run_folders import colour_examples, finished_run, served
from evidence.corpora import opened, told_only_by_evidence, write_rows
from model_trainer.tiny_models import COLOURS, one_thread

from prompt2model.evidence import with_evidence
from prompt2model.predictor import StudentPredictor, load_predictor
from prompt2model.records import Item, TaskSpec

one_thread = pytest.fixture(autouse=True, scope="session")(one_thread)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "**bold** _it_ [link](http://evil.example/)",
    "${window.hacked = 1}",
    "{{value}} {{#each value}}",
    "</script><script>window.hacked = 1</script>",
)


@dataclass(frozen=True)
class CommandLineDemo:
    """A demo started as a person starts it, in a process that may not leave the machine."""

    run: Path
    address: str
    process: subprocess.Popen[str]
    left_the_machine: Path
    working_folder: Path


@pytest.fixture(scope="module")
def classification(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLineDemo]:
    """`prompt2model demo RUN` on a classifier."""
    folder = tmp_path_factory.mktemp("classification")
    task = TaskSpec("Say the colour.", (), "classification", COLOURS, "en", "Say the colour.")
    run = finished_run(folder / "run", task, colour_examples(COLOURS), "encoder")
    working_folder, left = folder / "cwd", folder / "left_the_machine.txt"
    working_folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "prompt2model.cli", "demo", str(run), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=(folder / "stderr.txt").open("w"),
        text=True,
        cwd=working_folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("GRADIO_", "HF_"))},
            "PYTHONPATH": str(Path(__file__).with_name("loopback_only")),
            "LEFT_THE_MACHINE": str(left),
            "OMP_NUM_THREADS": "1",
        },
        # Where the tests run in the background, their children would not hear of Ctrl+C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("demo on http://127.0.0.1:"), (folder / "stderr.txt").read_text()
    yield CommandLineDemo(run, line.split()[2], process, left, working_folder)
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def generation_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose student writes `the colour is red`."""
    instruction = "Say it. The answer is the colour.\n" + "A longer text that nobody reads first. " * 8
    task = TaskSpec(instruction, (), "generation", (), "en", instruction)
    rows = colour_examples([f"the colour is {colour}" for colour in COLOURS])
    return finished_run(tmp_path_factory.mktemp("generation") / "run", task, rows, "decoder")


@pytest.fixture(scope="module")
def generation(generation_run: Path) -> Iterator[str]:
    """The address of a demo that writes."""
    with served(generation_run) as address:
        yield address


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo whose student has learned to end before its first word."""
    task = TaskSpec("Say it.", (), "generation", (), "en", "Say it.")
    run = finished_run(tmp_path_factory.mktemp("silent") / "run", task, colour_examples(["</s>"] * 6), "decoder")
    with served(run) as address:
        yield address


@pytest.fixture(scope="module")
def short_of_room(generation_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo whose student may write two tokens only."""
    run = tmp_path_factory.mktemp("short_of_room") / "run"
    shutil.copytree(generation_run, run)
    path = run / "7_trained" / "student" / "prompt2model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "max_new_tokens": 2}))
    with served(run) as address:
        yield address


@pytest.fixture(scope="module")
def broken(generation_run: Path) -> Iterator[str]:
    """The address of a demo whose student breaks while it writes."""

    class Broken(StudentPredictor):
        def stream(self, item: Item) -> Iterator[str]:
            yield "the"
            raise RuntimeError("at <b>0x7f</b>:\nout of memory")

    student = load_predictor(generation_run)
    with served(generation_run, Broken(student.folder, student.spec, student._answerer)) as address:
        yield address


@pytest.fixture(scope="module")
def multiple_choice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo that chooses."""
    task = TaskSpec("Say the colour.", (), "multiple_choice", (), "en", "Say the colour.")
    rows = colour_examples(COLOURS, choices=COLOURS)
    run = finished_run(tmp_path_factory.mktemp("multiple_choice") / "run", task, rows, "decoder", epochs=1)
    with served(run) as address:
        yield address


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo whose every text tries to be more than text."""
    everything = " ".join(HOSTILE)
    task = TaskSpec(f"{HOSTILE[0]}\n{everything}", (), "classification", HOSTILE, "en", "x")
    rows = tuple(
        type(row)(row.id, f"{text} {row.input}", row.references, row.source)
        for row, text in zip(colour_examples(HOSTILE), HOSTILE * 6, strict=True)
    )
    run = finished_run(tmp_path_factory.mktemp("hostile") / "run", task, rows, "encoder", everything, HOSTILE, epochs=1)
    with served(run) as address:
        yield address


@pytest.fixture(scope="module")
def grounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a demo whose student reads evidence; one of the passages would like to be markup."""
    folder = tmp_path_factory.mktemp("grounded")
    rows, facts = told_only_by_evidence(36)
    corpus = write_rows(folder / "facts.jsonl", [*facts, {"text": f"the lamp zz is {HOSTILE[0]} ."}])
    with_it = opened(corpus, folder / ".cache")
    task = TaskSpec("Say the colour.", (), "multiple_choice", (), "en", "Say the colour.")
    run = finished_run(
        folder / "run",
        task,
        tuple(with_evidence(rows, with_it)),
        "encoder",
        epochs=1,
        evidence=with_it.corpus,
        notice="Not medical advice.",
    )
    with served(run) as address:
        yield address
