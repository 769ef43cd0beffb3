"""Prompts of 50 kB, long and odd: the time (of the processor) grows with the length, not with its square."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import pytest

from prompt2model.component import RunContext
from prompt2model.errors import NotSettledError
from prompt2model.prompt_parser import ParserInputs, PromptParser

SIZE = 50_000
# Each unit repeated is the worst case of some reader; a quadratic one needs minutes.
UNITS = [
    *(" ", "\n", '"', "' ", "(", '[{"a":', '{"a": [\n', "<a>", "<a><b></a>", "a:\n", "a -> b\n", "|a|b|\n|---|---|\n"),
    *("```\n", "- a: b\n", "one of ", "labels: a, ", "{{ ", "Input: a Output: b ", "Example 1:\na\nb\n\n"),
    *("whether it is ", "answer yes if ", "「あ」", '"x" is y and ', "none of the labels ", "1.\n", "A) x "),
]


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_odd_prompts_are_read_in_seconds(unit: str, make_context: Callable[..., RunContext]) -> None:
    prompt = "Translate the sentence.\n" + unit * (SIZE // len(unit)) + "x"
    start = time.process_time()
    with contextlib.suppress(NotSettledError):
        PromptParser().run(ParserInputs(prompt), make_context())
    assert time.process_time() - start < 10


HEADS = ["Example 1", "Input:", "labels", "one of", "{{", '"x" is', "x ->", "|a|", "sort the", "german", "- ", "<a>"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("fill", [" ", "\n", "x"], ids=repr)
def test_long_runs_after_telling_words_do_no_harm(
    head: str, fill: str, make_context: Callable[..., RunContext]
) -> None:
    prompt = f"Translate the sentence.\n{head}{fill * SIZE}y"
    start = time.process_time()
    with contextlib.suppress(NotSettledError):
        PromptParser().run(ParserInputs(prompt), make_context())
    assert time.process_time() - start < 10


def test_many_long_demonstrations_are_read_at_once(make_context: Callable[..., RunContext]) -> None:
    text = "The order number {n} arrived late, and the box was torn on one side, so please tell me what to do. " * 3
    pairs = [(text.format(n=n).strip(), ("refund", "exchange", "advice")[n % 3]) for n in range(300)]
    body = "\n\n".join(f"Message: {first}\nLabel: {second}" for first, second in pairs)
    prompt = f"Classify the message as refund, exchange or advice.\n\n{body}\n\nMessage: {{{{message}}}}\nLabel:"
    assert len(prompt) > 90_000
    start = time.process_time()
    task = PromptParser().run(ParserInputs(prompt), make_context())
    assert time.process_time() - start < 10
    assert [(pair.input, pair.output) for pair in task.demonstrations] == pairs
    assert task.labels == ("refund", "exchange", "advice")
    assert task.instruction == "Classify the message as refund, exchange or advice."
