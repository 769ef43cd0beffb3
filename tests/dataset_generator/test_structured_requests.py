"""What the generator asks for in JSON, over HTTP: by schema where the endpoint takes one, mended where it does not."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dataset_generator.team_task import TASK, right_label
from servers.interrupted import Interrupted
from servers.openai_like import OpenAILikeServer

from prompt2model.artifacts import dump_line
from prompt2model.catalogue.whole_rows import row_text
from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.dataset_generator.reading import read_inputs, read_questions
from prompt2model.records import DataRequest, Example, GeneratedData, Source, TaskSpec, make_example
from prompt2model.teacher import Ledger
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient

Make = Callable[..., RunContext]
WORDS = "lamp rug chair desk vase sofa stool clock shelf bowl plate mirror tray basket".split()
STEMS = {"billing": "I was charged wrongly for the", "shipping": "The courier never came with the"}
NO_SCHEMA = (400, "This response_format type is unavailable now", None)
QUIZ = TaskSpec("Pick the right one.", (), "multiple_choice", (), "en", "")
STOCK = tuple(
    make_example(row_text({"id": str(n), "item": f"{WORDS[n % 14]} {n * 7919}"}), (), Source("transformed", "shop"))
    for n in range(24)
)


def rng_of(body: dict[str, Any]) -> random.Random:
    asked = {**body, "messages": body["messages"][:2]} | {"response_format": None, "temperature": None}
    return random.Random(hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest())


def content_of(body: dict[str, Any]) -> dict[str, Any] | str:
    """What a good teacher would reply with, by the request alone; a text where no JSON is asked for."""
    first, rng = body["messages"][0]["content"], rng_of(body)
    if '"questions"' in first:
        names = [f"Which {rng.choice(WORDS)} has the number {rng.randrange(10**6)}?" for _ in range(5)]
        return {"questions": [{"input": name, "choices": ["cat", "fish"], "output": "fish"} for name in names]}
    if '"topics"' in first:
        return {"topics": ["moving house", "gifts"]}
    if '"inputs"' in first:
        label = re.findall(r"exactly: (\w+)", first)[0]
        texts = [f"{STEMS[label]} {' and the '.join(rng.sample(WORDS, 4))} {rng.randrange(1000)}" for _ in range(5)]
        return {"inputs": texts}
    if first.startswith("You rewrite rows"):
        cells = json.loads(re.findall(r"<row>\n(.*)\n</row>", body["messages"][1]["content"])[0])
        return {"input": f"{cells['item']}: you charged my card again {cells['id']}"}
    last = body["messages"][-1]["content"]
    return "a plan" if "numbered list" in first else "fish" if "cat" in last else right_label(last)


def bound(body: dict[str, Any]) -> str:
    """Speaks JSON only where a schema holds it to that, and then in the schema's own keys."""
    content = content_of(body)
    if isinstance(content, str):
        return content
    if "response_format" not in body:
        return "Certainly! Here are some ideas."
    schema = body["response_format"]["json_schema"]["schema"]
    assert list(content) == schema["required"]
    return json.dumps(content)


def half_broken(body: dict[str, Any]) -> str:
    """Half of the first replies in JSON end early; none of those that are asked for again."""
    content = content_of(body)
    if isinstance(content, str):
        return content
    broken = len(body["messages"]) < 3 and rng_of(body).random() < 0.5
    return '{"inputs": "' if broken else json.dumps(content)


def run(
    make: Make,
    server: OpenAILikeServer,
    folder: Path,
    task: TaskSpec = TASK,
    most: int = 10**9,
    given: tuple[Example, ...] = (),
    **settings: Any,
) -> GeneratedData:
    folder.mkdir(exist_ok=True)
    with Ledger(folder / "calls.sqlite") as ledger:
        client = Interrupted(OpenAICompatibleClient("any", server.base_url, concurrency=1), ledger, step="generate")
        client.most = most
        context = make({"teacher": client}, folder=folder / "step")
        generator = DatasetGenerator(DatasetGeneratorConfig(**settings))
        return generator.run(GeneratorInputs(task, (), DataRequest(), given), context)


@pytest.mark.parametrize(
    ("task", "given", "keys"),
    [
        (TASK, (), {"inputs", "topics"}),
        (QUIZ, (), {"questions", "topics"}),
        (TASK, STOCK, {"input"}),
    ],
    ids=["inputs", "questions", "rows"],
)
def test_what_is_asked_for_in_json_carries_a_schema_and_answers_do_not(
    task: TaskSpec, given: tuple[Example, ...], keys: set[str], make_context: Make, tmp_path: Path
) -> None:
    with OpenAILikeServer(bound) as server:
        data = run(make_context, server, tmp_path / "run", task, given=given, examples=0 if given else 8)
    assert len(data.rows) >= 8
    assert data.failed == {}
    assert server.outcomes() == {"answered": len(server.books)}, "every schema keeps the rules of strict mode"
    schemas = [body["response_format"]["json_schema"]["schema"] for body in bodies(server) if "response_format" in body]
    assert {key for schema in schemas for key in schema["required"]} == keys
    for body in bodies(server):
        assert ("response_format" in body) == isinstance(content_of(body), dict)


def bodies(server: OpenAILikeServer) -> list[dict[str, Any]]:
    return [entry.body for entry in server.books]


def test_rows_that_become_questions_have_their_choices_in_the_schema(make_context: Make, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        content = content_of(body)
        if isinstance(content, str):
            return content
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["input", "choices"]
        assert '{"input": "", "choices": []}' in body["messages"][0]["content"]
        return json.dumps({**content, "choices": ["cat", "fish"]})

    with OpenAILikeServer(answer) as server:
        data = run(make_context, server, tmp_path / "run", QUIZ, given=STOCK, examples=0)
    assert {row.choices for row in data.rows} == {("cat", "fish")}


@pytest.mark.parametrize("after", [3, 6, 9, 25])
def test_broken_replies_are_mended_and_an_interrupted_run_pays_for_nothing_again(
    make_context: Make, tmp_path: Path, after: int
) -> None:
    settings: dict[str, Any] = {"examples": 24, "wave": 12, "votes": 1, "per_request": 2}
    with OpenAILikeServer(half_broken, schema_refusal=NO_SCHEMA) as server:
        whole = run(make_context, server, tmp_path / "whole", **settings)
        paid = server.outcomes()["answered"]
        again = sum(
            len(body["messages"]) > 2 and "cannot be read" in body["messages"][2]["content"] for body in bodies(server)
        )
    assert len(whole.rows) == 24
    assert again > 3
    assert whole.failed == {"unparsable": again}, "no reply was lost in the end"
    assert whole.requests == paid
    heads = [json.loads(path.read_text().splitlines()[0]) for path in (tmp_path / "whole" / "step").glob("wave-*")]
    assert sum(head["asked_again"] for head in heads) == again
    with OpenAILikeServer(half_broken, schema_refusal=NO_SCHEMA) as server:
        with pytest.raises(KeyboardInterrupt):
            run(make_context, server, tmp_path / "broken", most=after, **settings)
        resumed = run(make_context, server, tmp_path / "broken", **settings)
        assert server.outcomes()["answered"] == paid, "the same requests, none of them twice"
    assert dump_line(resumed) == dump_line(whole)
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "step").iterdir()} for name in ("whole", "broken")
    )
    assert first == second


def test_a_mended_row_is_rewritten_and_its_first_reply_is_counted(make_context: Make, tmp_path: Path) -> None:
    with OpenAILikeServer(half_broken, schema_refusal=NO_SCHEMA) as server:
        data = run(make_context, server, tmp_path / "run", given=STOCK, examples=0)
    assert len(data.rows) == len(STOCK)
    assert 3 < data.failed["unparsable"] < len(STOCK)
    assert data.notes == ("data set shop: 24 of 24 rows rewritten into inputs of the task",)


def test_what_is_written_anew_has_the_temperature_at_which_it_was(make_context: Make, tmp_path: Path) -> None:
    with OpenAILikeServer(half_broken, schema_refusal=NO_SCHEMA) as server:
        data = run(make_context, server, tmp_path / "run", replace(TASK), examples=20, votes=0)
    assert {row.source.temperature == 0.0 for row in data.rows} == {True, False}


def test_objects_that_end_early_give_their_whole_elements() -> None:
    assert [one.input for one in read_inputs('{"inputs": ["one", "two, or {2}", "thr')] == ["one", "two, or {2}"]
    assert [one.input for one in read_inputs('{"new inputs": ["one", "two",]}')] == ["one", "two"]
    whole = '{"input": "Which?", "choices": ["a", "b"], "output": "b"}'
    for reply in (f'{{"questions": [{whole}, {whole[:20]}', f'{{"questions": [{whole},]}}', whole):
        assert [one.input for one in read_questions(reply)] == ["Which?"]
