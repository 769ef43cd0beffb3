"""Requests draw attributes and topics; outputs that come too often are named, then refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prompt2model.artifacts import dump_line
from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.dataset_generator.steering import OutputBalance
from prompt2model.records import DataRequest, Demonstration, GeneratedData, TaskSpec
from prompt2model.teacher import ChatRequest, ChatResponse, ScriptedClient

Make = Callable[..., RunContext]
TASK = TaskSpec("Name the planet.", (Demonstration("the red one", "Mars"),), "generation", (), "en", "")
TOPICS = ("moons", "rings", "storms")
PLANETS = ("Venus", "Saturn", "Neptune", "Uranus", "Mercury")


def astronomer(request: ChatRequest) -> str | ChatResponse:
    """Likes Jupiter: three of four inputs are about it, until requests say that it came too often."""
    text = request.messages[-1].content
    if request.purpose == "topics":
        return json.dumps(TOPICS)
    if request.purpose == "generate":
        count = int(re.findall(r"Write (\d+) new", text)[0])
        planets = ["Jupiter", "Jupiter", "Jupiter", PLANETS[request.draw % 5]]
        if "came too often" in text and "- Jupiter" in text:
            planets = list(PLANETS)
        return json.dumps([f"{request.key('m')[n : n + 9]} of {planets[n % len(planets)]}" for n in range(count)])
    return next(planet for planet in ("Jupiter", "Mars", *PLANETS) if planet in text.rpartition("<input>")[2])


def run(make: Make, client: Any, folder: Path | None = None, **settings: Any) -> GeneratedData:
    context = make({"teacher": client}, **({"folder": folder} if folder else {}))
    return DatasetGenerator(DatasetGeneratorConfig(**settings)).run(GeneratorInputs(TASK, (), DataRequest()), context)


def written(client: ScriptedClient) -> list[str]:
    return [request.messages[-1].content for request in client.requests if request.purpose == "generate"]


def test_every_request_draws_a_topic_and_two_attributes(make_context: Make) -> None:
    client = ScriptedClient(astronomer)
    run(make_context, client, examples=60, wave=20)
    assert [request.purpose for request in client.requests].count("topics") == 1
    drawn = [re.findall(r"^- (topic|length|register|difficulty): (.+)$", text, re.M) for text in written(client)]
    values = {"topic": TOPICS, **DatasetGeneratorConfig().attribute_values}
    for lines in drawn:
        assert len(lines) == 3 and lines[0][0] == "topic"
        assert all(value in values[name] for name, value in lines)
    assert {lines[0][1] for lines in drawn} == set(TOPICS)
    assert len({tuple(lines) for lines in drawn}) > len(drawn) / 2


def test_what_is_drawn_is_a_setting(make_context: Make) -> None:
    client = ScriptedClient(astronomer)
    values = {"telescope": ("large", "small"), "length": ()}
    run(make_context, client, examples=10, topics=0, attribute_values=values)
    drawn = [re.findall(r"^- (\w+): (\w+)$", text.partition("This time:")[2], re.M) for text in written(client)]
    assert {tuple(lines) for lines in drawn} == {(("telescope", "large"),), (("telescope", "small"),)}


def test_an_output_that_comes_too_often_is_named_and_then_made_way_for(make_context: Make, tmp_path: Path) -> None:
    client = ScriptedClient(astronomer)
    data = run(make_context, client, examples=100, wave=20)
    counts = Counter(row.target for row in data.rows)
    assert sum(counts.values()) == 100
    assert counts["Jupiter"] <= 25
    assert all("came too often" not in text for text in written(client)[:4]), "the first wave knows of nothing"
    assert any("- Jupiter" in text.partition("came too often")[2] for text in written(client))
    off = {"overused_output": 1.0, "max_output_share": 1.0}
    unsteered = run(make_context, ScriptedClient(astronomer), tmp_path / "off", examples=100, wave=20, **off)
    assert Counter(row.target for row in unsteered.rows)["Jupiter"] > 60


def test_an_output_is_refused_beyond_its_share(make_context: Make, tmp_path: Path) -> None:
    """A teacher that does not listen: the cap holds without its help."""

    def deaf(request: ChatRequest) -> str | ChatResponse:
        if request.purpose == "generate":
            count = int(re.findall(r"Write (\d+) new", request.messages[-1].content)[0])
            return json.dumps([f"{request.key('m')[n : n + 9]} of Jupiter" for n in range(count)])
        return astronomer(request)

    settings = {"examples": 60, "wave": 20, "attempts": 2.0}
    capped = run(make_context, ScriptedClient(deaf), tmp_path / "capped", **settings)
    assert Counter(row.target for row in capped.rows) == {"Jupiter": 15}
    assert capped.dropped["output too frequent"] > 0
    free = run(make_context, ScriptedClient(deaf), tmp_path / "free", **settings, max_output_share=1.0)
    assert len(free.rows) == 60


@pytest.mark.parametrize(
    ("reply", "failed"),
    [
        ("", {"empty": 1}),
        ("no list at all", {"unparsable": 2}),
        (ChatResponse('{"topics": [', finish="length"), {"truncated": 1}),
        (ChatResponse("", failure="refused"), {"refused": 1}),
    ],
)
def test_without_topics_the_other_attributes_are_drawn(
    reply: str | ChatResponse, failed: dict[str, int], make_context: Make
) -> None:
    client = ScriptedClient(lambda request: reply if request.purpose == "topics" else astronomer(request))
    data = run(make_context, client, examples=10)
    assert len(data.rows) == 10
    assert data.failed == failed
    assert all("This time:" in text and "- topic:" not in text for text in written(client))


def test_attributes_can_be_switched_off(make_context: Make) -> None:
    client = ScriptedClient(astronomer)
    run(make_context, client, examples=10, attributes=False)
    assert all("This time:" not in text for text in written(client))
    assert "topics" not in {request.purpose for request in client.requests}


def test_a_killed_run_draws_from_the_same_topics(make_context: Make, tmp_path: Path) -> None:
    whole = run(make_context, ScriptedClient(astronomer), tmp_path / "whole", examples=60, wave=20)
    calls = 0

    def dies(request: ChatRequest) -> str | ChatResponse:
        nonlocal calls
        calls += 1
        if calls == 80:
            raise KeyboardInterrupt
        return astronomer(request)

    with pytest.raises(KeyboardInterrupt):
        run(make_context, ScriptedClient(dies), tmp_path / "killed", examples=60, wave=20)
    # Another list of topics would now be named; the one that was kept is used.
    client = ScriptedClient(lambda request: "[]" if request.purpose == "topics" else astronomer(request))
    resumed = run(make_context, client, tmp_path / "killed", examples=60, wave=20)
    assert dump_line(resumed) == dump_line(whole)


def test_outputs_count_by_their_words_alone() -> None:
    balance = OutputBalance(DatasetGeneratorConfig(), wanted=40)
    balance.add(["N/A", "n/a", "N/A ", "Mars", "Mars", "Venus"])
    assert balance.overused() == ("N/A",)
    assert not balance.is_full("N/A")
    assert balance.is_full("n/a", ["N/A"] * 7)
