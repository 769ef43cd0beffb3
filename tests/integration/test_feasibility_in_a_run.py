"""The check of the teacher inside a run: nothing is paid twice, a stopped run goes on, older runs go on without it."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from integration.command_line import FAST, LABELS, command, kept
from integration.test_planning import at_a_terminal, row_of
from model_trainer.tiny_models import THINGS
from servers.colour_teacher import ColourTeacher
from servers.openai_like import OpenAILikeServer

from prompt2model.artifacts import load_artifact
from prompt2model.pipeline import Pipeline
from prompt2model.records import Feasibility
from prompt2model.run_store import RunStore
from prompt2model.teacher.ledger import Ledger

GOLD = 24
RUN = (
    *("--prompt-file", "task.txt", "--datasets", "none", "--data", "rows.csv", "--examples", "gold.csv"),
    *("--input-column", "text", "--output-column", "colour", "--base-model", "base", "--name", "new"),
    *("--generate", "12", *FAST),
)


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


def asking(server: OpenAILikeServer, *more: str) -> tuple[str, ...]:
    return (*RUN, "--teacher", "openai:any", "--base-url", server.base_url, *more)


def always_red(body: dict[str, object]) -> str:
    return "red"


def test_what_the_check_asked_the_evaluation_finds_in_the_ledger(with_gold: Path) -> None:
    run = with_gold / "runs/new"
    with OpenAILikeServer(ColourTeacher()) as server:
        prices = ("--set", "prices={any = [0.4, 1.6]}")
        planned = command("plan", "--yes", *asking(server, *prices), cwd=with_gold)
        assert planned.code == 0, planned.err
        assert server.books == []
        calls, _, _, money, *_ = row_of(planned.out, "check feasibility")
        assert int(calls) == 2 * GOLD
        assert float(money) > 0
        assert f"{GOLD} test rows, {GOLD} of them twice" in " ".join(planned.out.split())
        ended = command("run", "--yes", *asking(server, *prices), cwd=with_gold)
        assert ended.code == 0, ended.err
    assert "3b/9 check feasibility" in ended.err
    assert f"Go: the teacher answers {GOLD} of {GOLD} test rows as expected" in " ".join(ended.err.split())
    with Ledger(run / "teacher_calls.sqlite") as ledger:
        costs = {line.step: line for line in ledger.summary()}
    assert costs["check_feasibility"].calls == 2 * GOLD
    assert costs["evaluate"].reused == 2 * GOLD
    assert costs["evaluate"].calls == GOLD, "only without the prompt's demonstrations it is asked anew"
    found = load_artifact(Feasibility, run / "3b_feasibility")
    assert (found.decision, found.n) == ("go", GOLD)
    report = json.loads((run / "report.json").read_text())
    assert report["feasibility"]["decision"] == "go"
    assert report["feasibility"]["agreement"]["n"] == GOLD
    assert found.sentence.replace(" %", "\u00a0%") in (run / "report.html").read_text()


def test_a_run_that_stops_there_is_one_line_and_goes_on_when_told_to(with_gold: Path) -> None:
    run = with_gold / "runs/new"
    with OpenAILikeServer(always_red) as server:
        strict = asking(server, "--set", "check_feasibility.stop_if_unlikely=true")
        fault = command("run", "--yes", *strict, cwd=with_gold).fault()
        assert "stopped before anything was generated" in fault
        assert "stop_if_unlikely=false" in fault
        assert set(kept(run)) == {"1_task", "2_retrieved", "3_reserved"}
        asked = len(server.books)
        assert "stopped before" in command("resume", "runs/new", "--yes", cwd=with_gold).fault()
        assert len(server.books) == asked, "what the ledger has is not asked again"
        shown = command("show", "runs/new", cwd=with_gold)
        assert "check_feasibility" in shown.out
        lenient = asking(server, "--set", "check_feasibility.stop_if_unlikely=false", "--generate", "0")
        ended = command("run", "--yes", *lenient, cwd=with_gold)
        assert ended.code == 0, ended.err
    said = " ".join(ended.err.split())
    assert "Unlikely to work as it is" in said
    assert "expected “green”, answered “red”" in said
    assert load_artifact(Feasibility, run / "3b_feasibility").decision == "unlikely"


def test_at_a_terminal_the_person_decides_each_time(with_gold: Path) -> None:
    with OpenAILikeServer(always_red) as server:
        ended = at_a_terminal("run", *asking(server, "--no-hub"), typed="y\n\n", cwd=with_gold)
        assert "Generate and train all the same? [y/N]" in ended.err
        assert "asks again" in ended.fault()
        asked = len(server.books)
        again = at_a_terminal("resume", "runs/new", typed="y\nn\n", cwd=with_gold)
        assert "Generate and train all the same? [y/N]" in again.err
        assert "asks again" in again.fault()
        assert len(server.books) == asked


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
    pipeline = Pipeline.from_run(run)
    assert pipeline.plan().headline() == "every step is finished"
    assert pipeline.run().executed == ()
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
    assert set(RunStore(run).manifest()) >= {"check_feasibility", "create_demo"}
