"""Finished runs with real students of tiny models, and their demos served."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from model_trainer.tiny_models import COLOURS, THINGS, tiny_model, word_tokenizer

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.demo_creator import DemoCreator, DemoCreatorConfig, server
from prompt2model.demo_creator.creator import DemoCreatorInputs
from prompt2model.evidence import evidence_of_student
from prompt2model.local_page.serving import HOST, listen
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.predictor import StudentPredictor, load_predictor
from prompt2model.records import (
    ChosenModel,
    Demo,
    EvaluationReport,
    EvidenceCorpus,
    Example,
    Family,
    Source,
    TaskSpec,
    TestSet,
    TrainedModel,
    make_example,
)
from prompt2model.run_store import RunStore
from prompt2model.weights import save_model

HEADLINE = "The small model answers 91.7 % of 12 held-out test rows right (95 % interval 75–100 %)."
NOTE = "The test “held out” has only 12 rows; mind the width of the intervals."
LONG = "the blue car is a thing " * 4
REPORT = "<!doctype html><title>How good it is</title><h1>How good it is</h1>"


def colour_examples(answers: Sequence[str], choices: tuple[str, ...] = ()) -> tuple[Example, ...]:
    """36 rows `the red car`, one of them long; a row's answer is the one at the place of its colour."""
    return tuple(
        make_example(text, (answers[place],), Source("user", row=place), choices=choices)
        for thing in THINGS
        for place, colour in enumerate(COLOURS)
        for text in [f"the {colour} {thing}" if (place, thing) != (2, THINGS[0]) else LONG]
    )


def finished_run(
    folder: Path,
    task: TaskSpec,
    rows: tuple[Example, ...],
    family: Family,
    headline: str = HEADLINE,
    notes: tuple[str, ...] = (NOTE,),
    epochs: int = 12,
    evidence: EvidenceCorpus | None = None,
    notice: str = "",
) -> Path:
    """A run folder with a student trained on `rows`, a demo and a report page."""
    store = RunStore(folder)
    folder.mkdir(parents=True)
    store.save_config('prompt = "Say the colour."\n')
    tokenizer = word_tokenizer(family)
    base = save_model(tiny_model(family, len(tokenizer)), tokenizer, folder / "base")
    inputs = TrainInputs(task, rows, rows[:6], task.labels, ChosenModel(str(base), family, (), {}), evidence=evidence)
    # The tiny models read 64 tokens, those of the answer included.
    config = ModelTrainerConfig(
        learning_rate=5e-3, epochs=epochs, min_steps=0, batch_size=9, method="full", max_target_tokens=8
    )
    trained = ModelTrainer(config).run(inputs, _context(store.begin("7_trained", "1")))
    store.finish("train", "7_trained", "1", trained, 1.0)
    trained = store.load(store.manifest()["train"], TrainedModel)
    report = EvaluationReport(folder, headline, (), task.labels, notes)
    tests = (TestSet("held out", "held_out", rows[:12]),)
    context = _context(store.begin("9_demo", "1"))
    creator = DemoCreator(DemoCreatorConfig(notice=notice))
    demo = creator.run(DemoCreatorInputs(task, tests, trained, report, evidence), context)
    store.finish("create_demo", "9_demo", "1", demo, 1.0)
    store.report_file.write_text(REPORT)
    return folder


@contextmanager
def served(run: Path, predictor: StudentPredictor | None = None) -> Iterator[str]:
    """The address of a run's demo, served by this process; its own student answers, or another `predictor`."""
    import uvicorn

    store = RunStore.open(run)
    demo: Demo = store.load(store.manifest()["create_demo"], Demo)
    listener = listen(0)
    student = predictor or load_predictor(demo.model_folder)
    evidence = evidence_of_student(student.spec.evidence, run, None, SilentProgress())
    app = server.build_app(demo, student, store.report_file, evidence)
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    yield f"http://{HOST}:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listener.close()


def _context(folder: Path) -> RunContext:
    return RunContext(folder, 0, SilentProgress(), AutomaticChooser())
