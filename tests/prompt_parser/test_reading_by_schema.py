"""The teacher's reading of a prompt, over HTTP: by schema where the endpoint takes one, asked for again where not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from servers.openai_like import OpenAILikeServer, Reply

from prompt2model.component import RunContext
from prompt2model.errors import NotSettledError
from prompt2model.prompt_parser import ParserInputs, PromptParser
from prompt2model.records import TaskSpec
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient

MakeContext = Callable[..., RunContext]
PROMPT = "Sounds of birds at night: an owl hoots (it is a raptor), and a gull cries."
READING = {
    "kind": "classification",
    "labels": [{"label": "owl", "note": "it is a raptor"}, {"label": "gull", "note": None}],
    "demonstrations": [],
    "language": "en",
}
BROKEN = json.dumps(READING)[:40]


def parse(server: OpenAILikeServer, make_context: MakeContext) -> TaskSpec:
    teacher = OpenAICompatibleClient("m", server.base_url)
    return PromptParser().run(ParserInputs(PROMPT), make_context(teachers={"teacher": teacher}))


def test_a_reading_is_asked_for_by_schema(make_context: MakeContext) -> None:
    def answer(body: dict[str, Any]) -> str:
        schema = body["response_format"]["json_schema"]["schema"]
        assert schema["required"] == list(READING)
        assert schema["properties"]["kind"]["enum"] == ["classification", "multiple_choice", "generation"]
        return json.dumps(READING)

    with OpenAILikeServer(answer) as server:
        task = parse(server, make_context)
        assert server.outcomes() == {"answered": 1}
    assert (task.kind, task.labels, task.label_notes) == ("classification", ("owl", "gull"), {"owl": "it is a raptor"})


@pytest.mark.parametrize("broken", [BROKEN, "It is a classification.", "[1, 2]"])
def test_a_reading_that_cannot_be_read_is_asked_for_again(broken: str, make_context: MakeContext) -> None:
    refusal = (400, "response_format is not supported", None)

    def answer(body: dict[str, Any]) -> str:
        return broken if len(body["messages"]) == 1 else json.dumps(READING)

    with OpenAILikeServer(answer, schema_refusal=refusal) as server:
        task = parse(server, make_context)
        assert server.outcomes() == {"refused response_format": 1, "answered": 2}
        assert [turn["content"] for turn in server.books[-1].body["messages"][1:2]] == [broken]
    assert task.labels == ("owl", "gull")


@pytest.mark.parametrize(("reply", "calls"), [(Reply(BROKEN), 2), (Reply(BROKEN, finish="length"), 1)])
def test_after_two_replies_or_one_that_was_cut_the_question_is_open(
    reply: Reply, calls: int, make_context: MakeContext
) -> None:
    with OpenAILikeServer(lambda body: reply) as server, pytest.raises(NotSettledError, match="What kind of task"):
        parse(server, make_context)
    assert len(server.books) == calls
