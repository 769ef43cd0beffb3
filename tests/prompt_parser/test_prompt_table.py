"""Whole prompts through the parser, without a teacher and without anybody to ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prompt_cases import CASES, Case

from prompt2model.component import RunContext
from prompt2model.prompt_parser import ParserInputs, PromptParser
from prompt2model.prompt_parser.demonstrations import stands_in

MakeContext = Callable[..., RunContext]
DEMOS = sorted((Path(__file__).parents[2] / "demos").glob("*/prompt.txt"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rules_read_the_prompt(case: Case, make_context: MakeContext) -> None:
    task = PromptParser().run(ParserInputs(case.prompt), make_context())
    assert [(pair.input, pair.output) for pair in task.demonstrations] == list(case.pairs)
    assert task.kind == case.kind
    assert task.labels == case.labels
    assert task.language == case.language
    assert task.original_prompt == case.prompt
    assert {label: task.label_notes.get(label) for label in case.notes} == case.notes
    if case.instruction is not None:
        assert task.instruction == case.instruction
    assert task.instruction
    for text in (*case.absent, "{{", *(pair[0] for pair in case.pairs)):
        assert text not in task.instruction
    for pair in task.demonstrations:
        assert stands_in(pair.input, case.prompt)
        assert stands_in(pair.output, case.prompt)


@pytest.mark.parametrize("path", DEMOS, ids=lambda path: path.parent.name)
def test_demo_prompts_need_no_teacher(path: Path, make_context: MakeContext) -> None:
    prompt = path.read_text(encoding="utf-8")
    task = PromptParser().run(ParserInputs(prompt), make_context())
    assert len(task.demonstrations) >= 2
    assert task.language == "en"
    assert (task.kind == "classification") == bool(task.labels)
    assert all(pair.input not in task.instruction for pair in task.demonstrations)


def test_ticket_triage_demo_is_read_whole(make_context: MakeContext) -> None:
    path = next(path for path in DEMOS if path.parent.name == "ticket_triage")
    task = PromptParser().run(ParserInputs(path.read_text(encoding="utf-8")), make_context())
    assert task.labels == (
        "billing", "shipping", "returns", "technical problem", "account access", "out of scope",
    )  # fmt: skip
    assert set(task.label_notes) == set(task.labels)
    assert len(task.demonstrations) == 8
    assert task.instruction.endswith("choose the team that has to act first.")


def test_same_prompt_gives_the_same_task(make_context: MakeContext) -> None:
    tasks = {repr(PromptParser().run(ParserInputs(CASES[1].prompt), make_context(seed=seed))) for seed in (0, 1)}
    assert len(tasks) == 1
