"""The real packaged teacher writes examples, twice the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from prompt2model.artifacts import dump_line
from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.dataset_generator.asking import Writer
from prompt2model.records import DataRequest, Demonstration, TaskSpec
from prompt2model.teacher import ScriptedClient, connect
from prompt2model.teacher.client import ChatRequest

TASK = TaskSpec(
    instruction="Sort a question by the kind of answer that it asks for.",
    demonstrations=(
        Demonstration("Who painted the ceiling of the town hall?", "person"),
        Demonstration("How many bridges cross the canal?", "number"),
    ),
    kind="classification",
    labels=("person", "number"),
    language="en",
    original_prompt="",
)


def test_it_writes_labelled_examples_and_the_same_ones_again(
    make_context: Callable[..., RunContext], tmp_path: Path
) -> None:
    client = connect("embedded")
    generator = DatasetGenerator(DatasetGeneratorConfig(examples=4, wave=8, votes=1))
    inputs = GeneratorInputs(TASK, (), DataRequest())
    first, again = (
        generator.run(inputs, make_context({"teacher": client}, folder=tmp_path / name)) for name in ("a", "b")
    )
    assert dump_line(first) == dump_line(again)
    rows = list(first.rows)
    assert len(rows) == 4
    assert {row.target for row in rows} == {"person", "number"}
    assert all(row.soft_label is not None and "\n" not in row.input and len(row.input) > 3 for row in rows)


def test_a_reply_may_be_about_twice_as_long_as_the_longest_demonstration() -> None:
    client = ScriptedClient(lambda request: "", model="embedded:tiny")

    def longest_reply(*inputs: str) -> int:
        task = replace(TASK, demonstrations=tuple(Demonstration(text, "person") for text in inputs))
        writer = Writer(client, task, DataRequest(), DatasetGeneratorConfig())
        return writer.ask("person", 1, 0.5, 0, [], random.Random(0), random.Random(0)).request.max_tokens

    assert longest_reply("Who?", "word " * 16) == 2 * 20 + 16
    assert longest_reply("word " * 400) == longest_reply() == 128


def test_the_requests_for_a_label_in_a_wave_begin_alike(make_context: Callable[..., RunContext]) -> None:
    asked: list[tuple[str, str]] = []

    def answer(request: ChatRequest) -> str:
        if request.purpose == "generate":
            asked.append((request.messages[0].content, request.messages[-1].content))
        return f"Who carried lantern {len(asked)} to the harbour?"

    client = ScriptedClient(answer, model="embedded:scripted")
    config = DatasetGeneratorConfig(examples=12, wave=12, votes=0, attempts=1)
    DatasetGenerator(config).run(GeneratorInputs(TASK, (), DataRequest()), make_context({"teacher": client}))

    assert len(asked) == 12
    for what, shown in zip(("person", "number"), TASK.demonstrations, strict=True):
        ends = [continued for ask, continued in asked if f"examples of: {what}" in ask]
        assert len(ends) == 6
        assert all(end.startswith(f"- {shown.input}\n- ") or end == f"- {shown.input}\n-" for end in ends)
        # Half of them are led in by first words, which differ.
        assert 1 < len(set(ends)) < 6
