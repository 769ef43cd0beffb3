"""The forms of the replies that the generator asks for in JSON: their schemas, and what is wrong with a reply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prompt2model.dataset_generator.reading import read_inputs, read_pairs, read_questions, read_rewritten
from prompt2model.teacher.asking_again import json_fault
from prompt2model.teacher.schemas import TEXT, list_of, object_of, schema_text


@dataclass(frozen=True, slots=True)
class ReplyForm:
    """A form of reply. `lacks` is said about JSON in which `readable` finds nothing."""

    schema: str
    readable: Callable[[str], bool]
    lacks: str

    def fault(self, reply: str) -> str:
        """What is wrong with the form of a reply; "" where anything can be read."""
        return "" if self.readable(reply) else json_fault(reply) or self.lacks


INPUTS = ReplyForm(
    schema_text(inputs=list_of(TEXT)),
    lambda reply: bool(read_inputs(reply)),
    "its JSON has no inputs as strings",
)
PAIRS = ReplyForm(
    schema_text(examples=list_of(object_of(input=TEXT, output=TEXT))),
    lambda reply: bool(read_pairs(reply)),
    "its JSON has no objects with an input and an output as strings",
)
TOPICS = ReplyForm(
    schema_text(topics=list_of(TEXT)),
    lambda reply: bool(read_inputs(reply)),
    "its JSON has no topics as strings",
)
QUESTIONS = ReplyForm(
    schema_text(questions=list_of(object_of(input=TEXT, choices=list_of(TEXT), output=TEXT))),
    lambda reply: bool(read_questions(reply)),
    "its JSON has no question with different choices of which one is the output",
)
REWRITTEN = ReplyForm(
    schema_text(input=TEXT),
    lambda reply: read_rewritten(reply) is not None,
    "its JSON is not one object with the input as a string",
)
REWRITTEN_QUESTION = ReplyForm(
    schema_text(input=TEXT, choices=list_of(TEXT)),
    lambda reply: read_rewritten(reply, with_choices=True) is not None,
    "its JSON is not one object with the question as a string and two or more different choices",
)
