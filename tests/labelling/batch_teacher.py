"""A teacher that answers from the text it is asked: single inputs and batches, with the faults that a test names."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from prompt2model.labelling.batch_marks import START

Inputs = Sequence[tuple[int, str]]


def right_label(text: str) -> str:
    """The label that the task of `sample_task` gives to a text."""
    return "billing" if "charged" in text else "where_is_it"


def asked_inputs(content: str) -> Inputs:
    """Number and text of each input of a batch, as they stand in the last message."""
    starts = list(START.finditer(content))
    ends = [start.start() for start in starts[1:]] + [len(content)]
    return [(int(s.group(1)), content[s.end() : end].strip()) for s, end in zip(starts, ends, strict=True)]


def is_batch(content: str) -> bool:
    """Whether a last message asks about several inputs."""
    return not content.startswith("<input>")


def written(inputs: Inputs, echo: bool = True, label: Callable[[str], str] = right_label) -> str:
    """The reply of a teacher that makes no mistake."""
    return "\n".join(f"[{n}] {text}\n-> {label(text)}" if echo else f"[{n}] {label(text)}" for n, text in inputs)


def reply_to(content: str, batch: Callable[[Inputs], str] = written, single: Callable[[str], str] = right_label) -> str:
    """What the teacher says to a last message; `batch` may make mistakes."""
    if is_batch(content):
        return batch(asked_inputs(content))
    found = re.fullmatch(r"<input>\n(.*)\n</input>", content, re.DOTALL)
    return single(found.group(1) if found else content)


FAULTS: dict[str, Callable[[Inputs], str]] = {
    "one is left out": lambda inputs: written(inputs[1:]),
    "back to front": lambda inputs: written(inputs[::-1]),
    "numbered from 0": lambda inputs: written([(n - 1, text) for n, text in inputs]),
    "numbers moved on by one": lambda inputs: written([(n % len(inputs) + 1, text) for n, text in inputs]),
    "answers to other questions": lambda inputs: "\n".join(
        f"[{n}] A different question, number {n}?\n-> billing" for n, _ in inputs
    ),
    "in a fence, with words around": lambda inputs: f"Of course:\n```\n{written(inputs)}\n```\nAnything else?",
    "shortened": lambda inputs: "\n".join(f"[{n}] {text[:18]}...\n-> {right_label(text)}" for n, text in inputs),
    "one answer is no label": lambda inputs: written(inputs[:-1]) + f"\n[{inputs[-1][0]}] {inputs[-1][1]}\n-> neither",
    "twice, with other answers": lambda inputs: written(inputs) + "\n" + written(inputs, label=lambda _: "billing"),
    "no answers, only text": lambda inputs: "I am sorry, what should I do with these?",
    "half a reply": lambda inputs: written(inputs)[: len(written(inputs)) // 2],
    "no answer, and words to come": lambda inputs: (
        f"[1] {inputs[0][1]}\n->\nThe others are about where_is_it and no more.\n" + written(inputs[1:])
    ),
    "no label, and words to come": lambda inputs: (
        f"[1] {inputs[0][1]}\n-> hard to say\nThe others are about where_is_it and no more.\n" + written(inputs[1:])
    ),
    "all on one line": lambda inputs: " ".join(f"[{n}] {text} -> {right_label(text)}" for n, text in inputs),
}
"""Name of a fault → the faulty reply to a batch. None of them may turn into a wrong label."""
