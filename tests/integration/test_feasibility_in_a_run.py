"""The check of the teacher inside a run: nothing is paid twice, a stopped run goes on, older runs go on without it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from integration.command_line import FAST, LABELS, command, kept
from integration.test_run_again import Person, Said
from model_trainer.tiny_models import THINGS
from servers.colour_teacher import ColourTeacher
from servers.openai_like import OpenAILikeServer

from prompt2model.artifacts import load_artifact
from prompt2model.component import Component, Estimate, RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig
from prompt2model.errors import FeasibilityError, PlanDeclinedError
from prompt2model.pipeline import Pipeline
from prompt2model.records import Feasibility, GeneratedData
from prompt2model.teacher.ledger import Ledger

GOLD = 24
HALT = {"component": "integration.test_feasibility_in_a_run:Halt"}


class Halt(Component[Any, GeneratedData]):
    """A generator at which the run ends."""

    name = "generate_data"
    produces = "generated"
    Config = DatasetGeneratorConfig
    Inputs = DatasetGenerator.Inputs
    Output = GeneratedData

    def run(self, inputs: Any, context: RunContext) -> GeneratedData:
        raise RuntimeError("the test ends here")

    def estimate(self, inputs: Any, context: RunContext) -> Estimate:
        return Estimate()


@pytest.fixture
def with_gold(work: Path) -> Path:
    """The material, and gold rows beside it."""
    with (work / "gold.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "colour"])
        for number in range(GOLD):
            colour, thing = LABELS[number % 6], THINGS[number % len(THINGS)]
            writer.writerow([f"somebody painted a {thing} {colour}, number {number * 7919}", colour])
    return work


def pipeline(folder: Path, server: OpenAILikeServer, halt: bool = True, **check: Any) -> Pipeline:
    """The run `new`; with `halt` it ends where generation would begin."""
    columns = {"input_column": "text", "output_column": "colour"}
    generate = HALT if halt else {"examples": 12}
    return Pipeline.from_config(
        {
            "prompt_file": folder / "task.txt",
            "name": "new",
            "runs_folder": folder / "runs",
            "hub": "no",
            "teacher": "openai:any",
            "base_url": server.base_url,
            "prices": {"any": (0.4, 1.6)},
            "budget": "1usd",
            "retrieve_data": {"data": [folder / "rows.csv"], "datasets": "none", **columns},
            "reserve_tests": {"examples": [folder / "gold.csv"], **columns},
            "check_feasibility": check,
            "generate_data": generate,
            "assemble_data": {"near_meaning": 0},
            "retrieve_models": {"model": str(folder / "base")},
            "train": {"epochs": 1, "min_steps": 0},
            "evaluate": {"bootstrap": 100, "timing": False},
        }
    )


def always_red(body: dict[str, Any]) -> str:
    return "red"


def test_what_the_check_asked_the_evaluation_finds_in_the_ledger(with_gold: Path) -> None:
    run, said = with_gold / "runs/new", Said()
    with OpenAILikeServer(ColourTeacher()) as server:
        (planned,) = [s for s in pipeline(with_gold, server, halt=False).plan().steps if s.id == "check_feasibility"]
        assert server.books == []
        assert planned.estimate.calls == 2 * GOLD
        assert planned.money is not None
        assert 0 < planned.money < 0.1
        result = pipeline(with_gold, server, halt=False).run(progress=said)
    assert result.executed[:2] == ("check_feasibility", "generate_data")
    assert "3b/9 check feasibility" in said.lines
    with Ledger(run / "teacher_calls.sqlite") as ledger:
        costs = {line.step: line for line in ledger.summary()}
    assert costs["check_feasibility"].calls == 2 * GOLD
    assert costs["evaluate"].reused == 2 * GOLD
    assert costs["evaluate"].calls == GOLD, "only without the prompt's demonstrations it is asked anew"
    found = load_artifact(Feasibility, run / "3b_feasibility")
    assert (found.decision, found.n) == ("go", GOLD)
    assert f"  {found.sentence}" in said.lines
    report = json.loads((run / "report.json").read_text())
    assert report["feasibility"]["agreement"]["n"] == GOLD
    assert found.sentence.replace(" %", "\u00a0%") in (run / "report.html").read_text()


def test_a_run_that_stops_there_is_one_line_and_goes_on_when_told_to(with_gold: Path) -> None:
    run, said = with_gold / "runs/new", Said()
    with OpenAILikeServer(always_red) as server:
        fault = command(
            *("run", "--prompt-file", "task.txt", "--yes", "--datasets", "none", "--data", "rows.csv"),
            *("--examples", "gold.csv", "--input-column", "text", "--output-column", "colour", "--name", "new"),
            *(
                "--base-model",
                "base",
                "--teacher",
                "openai:any",
                "--base-url",
                server.base_url,
                "--budget",
                "90000tokens",
            ),
            *("--set", "check_feasibility.stop_if_unlikely=true", *FAST),
            cwd=with_gold,
        ).fault()
        assert "stopped before anything was generated" in fault
        assert "stop_if_unlikely=false" in fault
        assert set(kept(run)) == {"1_task", "2_retrieved", "3_reserved"}
        asked = len(server.books)
        assert asked == 2 * GOLD
        with pytest.raises(FeasibilityError):
            Pipeline.from_run(run).run()
        changes = {"check_feasibility": {"stop_if_unlikely": False}, "generate_data": HALT}
        lenient = Pipeline.from_run(run, changes)
        with pytest.raises(RuntimeError, match="the test ends here"):
            lenient.run(progress=said)
        assert len(server.books) == asked, "what the ledger has is not asked again"
    assert any("Unlikely to work as it is" in line for line in said.lines)
    assert any("answered “red”" in line for line in said.lines)
    assert load_artifact(Feasibility, run / "3b_feasibility").decision == "unlikely"
    shown = command("show", "runs/new", cwd=with_gold)
    assert "Unlikely to work as it is" in shown.out


class Decides(Person):
    """Says yes to the plan, and `go_on` to what the check asks."""

    def __init__(self, go_on: bool) -> None:
        super().__init__(True)
        self.go_on = go_on

    def confirm(self, key: str, question: str, default: bool) -> bool:
        said = super().confirm(key, question, default)
        return self.go_on if "all the same" in question else said


def test_a_person_decides_and_is_asked_again(with_gold: Path) -> None:
    with OpenAILikeServer(always_red) as server:
        for _ in range(2):
            no = Decides(False)
            with pytest.raises(FeasibilityError, match="prompt2model resume"):
                pipeline(with_gold, server).run(chooser=no)
            assert "Generate and train all the same?" in no.asked
        yes = Decides(True)
        with pytest.raises(RuntimeError, match="the test ends here"):
            pipeline(with_gold, server).run(chooser=yes)
        with pytest.raises(PlanDeclinedError):
            pipeline(with_gold, server).run(chooser=(later := Person(False)))
        assert "Generate and train all the same?" not in later.asked, "the check is finished"
        assert len(server.books) == 2 * GOLD


def without_the_check(run: Path) -> None:
    """As a version without this step would have left the run."""
    shutil.rmtree(run / "3b_feasibility")
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest["steps"]["check_feasibility"]
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_a_run_of_an_older_version_is_whole_without_it(finished: Path) -> None:
    run = finished / "runs/kept"
    without_the_check(run)
    before = kept(run)
    shown = command("show", "runs/kept", cwd=finished)
    assert "accuracy" in shown.out
    assert "check_feasibility" not in shown.out
    assert Pipeline.from_run(run).plan().headline() == "every step is finished"
    assert Pipeline.from_run(run).run().executed == ()
    assert kept(run) == before
    # What is left of it goes on without it, and the page is written again.
    shutil.rmtree(run / "9_demo")
    (run / "report.html").unlink()
    assert Pipeline.from_run(run).run().executed == ("create_demo",)
    assert "The teacher, before anything" not in (run / "report.html").read_text()
    assert json.loads((run / "report.json").read_text())["feasibility"] is None


def test_an_older_run_that_has_not_generated_yet_is_checked(finished: Path) -> None:
    run = finished / "runs/kept"
    without_the_check(run)
    shutil.rmtree(run / "4_generated")
    executed = Pipeline.from_run(run).run().executed
    assert executed[:2] == ("check_feasibility", "generate_data")
