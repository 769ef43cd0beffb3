"""What a run will cost: said before anything is spent, and close to what is then spent."""

from __future__ import annotations

import os
import pty
import re
from pathlib import Path
from typing import Any

from integration.command_line import FAST, Ended, command, finish, kept, start
from servers.colour_teacher import ColourTeacher
from servers.openai_like import OpenAILikeServer

from prompt2model.pipeline import Pipeline
from prompt2model.teacher.budget import about_dollars

MATERIAL = (
    *("--prompt-file", "task.txt", "--datasets", "none", "--data", "rows.csv"),
    *("--input-column", "text", "--output-column", "colour"),
    *("--base-model", "base", "--name", "new", "--generate", "30", *FAST),
)


def asking(server: OpenAILikeServer) -> tuple[str, ...]:
    return (*MATERIAL, "--teacher", "openai:any", "--base-url", server.base_url)


def row_of(table: str, step: str) -> list[str]:
    (line,) = [line for line in table.splitlines() if line.split("  ")[0] == step]
    return line.removeprefix(step).split()


def test_a_plan_asks_nothing_of_the_teacher_and_the_run_goes_on_from_it(work: Path) -> None:
    with OpenAILikeServer(ColourTeacher()) as server:
        planned = command("plan", "--yes", *asking(server), "--set", "prices={any = [0.4, 1.6]}", cwd=work)
        assert planned.code == 0, planned.err
        assert server.books == []
        before = kept(work / "runs/new")
        assert set(before) == {"1_task", "2_retrieved", "3_reserved"}
        ran = command("run", "--yes", *asking(server), "--set", "prices={any = [0.4, 1.6]}", cwd=work)
        assert ran.code == 0, ran.err
        paid = server.outcomes()["answered"]
    assert before.items() <= kept(work / "runs/new").items()
    assert "1/9" not in ran.err
    calls, tokens_in, tokens_out, money, *_ = row_of(planned.out, "generate data")
    assert row_of(planned.out, "parse prompt") == ["finished"]
    assert 0.5 < paid / (int(calls) + int(row_of(planned.out, "evaluate")[0])) < 2
    expected = (int(tokens_in.replace(",", "")) * 0.4 + int(tokens_out.replace(",", "")) * 1.6) / 1e6
    assert money == about_dollars(expected).removesuffix(" USD")
    # The run says the same headline.
    (headline,) = [line for line in planned.out.splitlines() if "teacher calls" in line]
    assert " ".join(headline.split()) in " ".join(ran.err.split())


def test_a_finished_run_costs_nothing_more(finished: Path) -> None:
    plan = Pipeline.from_run(finished / "runs/kept").plan()
    assert {step.state for step in plan.steps} == {"finished"}
    assert (plan.calls, plan.money, plan.seconds) == (0, 0.0, 0.0)
    assert plan.headline() == "every step is finished"


def test_an_unknown_price_is_never_guessed(work: Path) -> None:
    options = (*MATERIAL, "--teacher", "openai:nobody-knows", "--base-url", "https://endpoint.invalid/v1")
    planned = command("plan", "--yes", *options, cwd=work)
    assert planned.code == 0, planned.err
    assert row_of(planned.out, "generate data")[3:5] == ["not", "known"]
    said = " ".join(planned.out.split())
    assert "a price is not known" in said
    line = re.search(r"--set 'prices=(\{.*?\})'", said)
    assert line is not None
    priced = command("plan", "--yes", *options, "--set", f"prices={line[1]}", cwd=work)
    assert priced.code == 0, priced.err
    assert "about 0." in priced.out


def test_what_a_paid_teacher_must_read_first_ends_the_plan(work: Path) -> None:
    options = ("--yes", "--teacher", "openai:gpt-4.1-mini", "--name", "open")
    planned = command("plan", "Classify the thing", *options, cwd=work)
    assert planned.code == 0, planned.err
    assert row_of(planned.out, "parse prompt")[0] == "1"
    assert row_of(planned.out, "train") == ["not", "known", "yet"]
    assert kept(work / "runs/open") == {}


def at_a_terminal(*arguments: str, typed: str, cwd: Path, **settings: Any) -> Ended:
    """The command's end, with `typed` waiting at its terminal."""
    keyboard, terminal = pty.openpty()
    process = start(*arguments, cwd=cwd, stdin=terminal, start_new_session=True, **settings)
    os.close(terminal)
    os.write(keyboard, typed.encode())
    ended = finish(process)
    os.close(keyboard)
    return ended


def test_at_a_terminal_the_run_asks_before_it_begins(work: Path) -> None:
    with OpenAILikeServer(ColourTeacher()) as server:
        ended = at_a_terminal("run", *asking(server), "--no-hub", typed="n\n", cwd=work)
        assert "Go on? [Y/n]" in ended.err
        assert ended.code == 130, ended.err
        assert "stopped before it began" in ended.err
        assert "error" not in ended.err
        assert server.books == []
        ended = at_a_terminal("resume", "runs/new", typed="y\n", cwd=work)
    assert "Go on? [Y/n]" in ended.err
    assert ended.code == 0, ended.err


def test_a_price_is_asked_for_at_a_terminal_until_it_can_be_read(work: Path) -> None:
    options = (*MATERIAL, "--teacher", "openai:new", "--base-url", "https://endpoint.invalid/v1", "--no-hub")
    ended = at_a_terminal("plan", *options, typed="cheap\n0.40 1.60\n", cwd=work)
    assert ended.code == 0, ended.err
    assert "the price 'cheap' cannot be read; write two amounts" in ended.err
    assert "about 0." in ended.out


def test_a_spent_budget_says_what_more_would_buy(work: Path) -> None:
    with OpenAILikeServer(ColourTeacher()) as server:
        small_waves = ("--set", "generate_data.wave=6", "--budget", "9000tokens")
        fault = command("run", "--yes", *asking(server), *small_waves, cwd=work).fault()
        offer = re.search(r"(\d+) of 30 examples are made, and about ([\d,]+) tokens more would buy the other", fault)
        assert offer is not None, fault
        made, more = int(offer[1]), int(offer[2].replace(",", ""))
        # What was spent bought what is made, and perhaps a part of the next wave.
        assert 0.5 < more / (9000 * (30 - made) / made) < 1.1


def test_a_budget_that_is_spent_in_the_first_wave_says_what_finishes_the_run(work: Path) -> None:
    with OpenAILikeServer(ColourTeacher()) as server:
        planned = command("plan", "--yes", *asking(server), "--budget", "3000tokens", cwd=work)
        assert "more than the budget leaves for it (3,000 tokens)" in " ".join(planned.out.split())
        fault = command("run", "--yes", *asking(server), "--budget", "3000tokens", cwd=work).fault()
        assert "none of 30 examples is finished yet; by the plan about " in fault
        assert "tokens more finish the run" in fault
        roomy = command("plan", "--yes", *asking(server), "--budget", "900000tokens", cwd=work)
        assert "more than the budget" not in " ".join(roomy.out.split())


def test_a_plan_says_the_prices_and_what_a_repeated_question_would_add(work: Path) -> None:
    planned = command("plan", "--yes", *MATERIAL, "--teacher", "openai:gpt-4.1-mini", cwd=work)
    said = " ".join(planned.out.split())
    assert "costs 0.4 and 1.6 US dollars per million tokens read and written (list price of 2025-06-01)" in said
    assert "asked for once more, for about" in said
