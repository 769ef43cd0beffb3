"""Input and output written together, as Prompt2Model does: no label wished for, no votes, equal inputs are grouped."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from dataset_generator.team_task import TASK
from hypothesis import given
from hypothesis import strategies as st

from prompt2model.artifacts import dump_line
from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.dataset_generator.asking import Writer
from prompt2model.dataset_generator.reading import Candidate, read_pairs, read_plain_pair
from prompt2model.dataset_generator.written_pairs import plain_pair
from prompt2model.records import DataRequest, GeneratedData, Source, TaskSpec, make_example
from prompt2model.teacher import ChatRequest, ScriptedClient

Make = Callable[..., RunContext]
PAIRS: dict[str, Any] = {"writes": "pairs", "near_duplicate": 1.0}


def run(
    make: Make, client: ScriptedClient, task: TaskSpec = TASK, folder: Path | None = None, **more: Any
) -> GeneratedData:
    context = make({"teacher": client}, **({"folder": folder} if folder else {}))
    return DatasetGenerator(DatasetGeneratorConfig(**PAIRS, **more)).run(
        GeneratorInputs(task, (), DataRequest()), context
    )


def count_in(request: ChatRequest) -> int:
    return int(re.findall(r"Write (\d+) new example", request.messages[-1].content)[0])


def replies(*waves: Sequence[tuple[str, str]]) -> ScriptedClient:
    """One request a wave: the pairs of each in turn, then new ones."""
    written = iter(waves)

    def answer(request: ChatRequest) -> str:
        pairs = next(written, [(f"letter {request.draw} {n}", "shipping") for n in range(count_in(request))])
        return json.dumps([{"input": text, "output": output} for text, output in pairs])

    return ScriptedClient(answer)


def test_outputs_are_the_written_ones_and_nobody_votes(make_context: Make) -> None:
    client = replies([("charged twice", "billing"), ("no parcel yet", "Shipping")])
    data = run(make_context, client, examples=2, per_request=5)
    assert [(row.input, row.target) for row in data.rows] == [
        ("charged twice", "billing"),
        ("no parcel yet", "shipping"),
    ]
    assert {request.purpose for request in client.requests} == {"generate"}
    prompt = client.requests[0].messages[-1].content
    assert "I paid twice for the lamp" in prompt
    assert "right output is exactly" not in prompt


def test_of_equal_inputs_the_most_frequent_output_wins_and_ties_go_to_the_shortest(make_context: Make) -> None:
    lamp, rug = "the lamp is late", "the rug is late"
    first = [(lamp, "billing"), (rug, "shipping"), (rug, "billing")]
    second = [("The lamp  is late", "shipping"), (lamp, "shipping"), ("a bowl", "billing"), ("a tray", "billing")]
    client = replies(first, second)
    data = run(make_context, client, examples=4, wave=5, per_request=5)
    found = {row.input: row.target for row in data.rows}
    assert found == {lamp: "shipping", rug: "billing", "a bowl": "billing", "a tray": "billing"}
    assert data.dropped == {"near an earlier one": 3}


def test_a_resumed_run_settles_on_the_same_outputs(make_context: Make, tmp_path: Path) -> None:
    pairs = [
        [("the lamp is late", output), (f"note {n}", "billing")]
        for n, output in enumerate(("billing", "shipping", "shipping"))
    ]
    whole = run(make_context, replies(*pairs), examples=4, wave=2, per_request=2, folder=tmp_path / "a")
    assert {row.input: row.target for row in whole.rows}["the lamp is late"] == "shipping"
    (tmp_path / "a" / "wave-0004.jsonl").unlink(missing_ok=True)
    again = run(make_context, replies(), examples=4, wave=2, per_request=2, folder=tmp_path / "a")
    assert dump_line(again) == dump_line(whole)


def test_a_pair_whose_output_is_no_label_is_no_example(make_context: Make) -> None:
    client = replies([("charged twice", "money"), ("no parcel", "shipping")])
    data = run(make_context, client, examples=1, wave=2, per_request=2)
    assert [row.input for row in data.rows] == ["no parcel"]


def test_free_texts_keep_what_was_written(make_context: Make) -> None:
    dates = TaskSpec("Write the date.", (), "generation", (), "en", "")
    data = run(make_context, replies([("1st of June", "06-01"), ("2nd of June", "06-02")]), task=dates, examples=2)
    assert [(row.input, row.target) for row in data.rows] == [("1st of June", "06-01"), ("2nd of June", "06-02")]


def test_the_small_model_continues_a_list_of_pairs() -> None:
    client = ScriptedClient(lambda request: "", model="embedded:tiny")
    writer = Writer(client, TASK, DataRequest(), DatasetGeneratorConfig(**PAIRS))
    earlier = [make_example("My rug is torn", ("billing",), Source("generated"))]
    asked = writer.ask(None, 1, 0.5, 0, earlier, random.Random(0), random.Random(0))
    listed = asked.request.messages[-1].content
    assert listed.count("Input:") == 4 and listed.endswith("Input:")
    assert "Input: My rug is torn\nOutput: billing\n\n" in listed
    assert writer.read(asked, " Who lost it?\nOutput: Shipping\nInput: more") == [
        Candidate("Who lost it?", answer="shipping")
    ]
    assert writer.read(asked, " Who lost it?\nOutput: nobody") == writer.read(asked, " Who lost it?") == []


def test_the_estimate_asks_for_no_votes(make_context: Make) -> None:
    context = make_context({"teacher": replies()})
    inputs = GeneratorInputs(TASK, (), DataRequest())
    estimate = DatasetGenerator(DatasetGeneratorConfig(**PAIRS, examples=20)).estimate(inputs, context)
    assert [use.calls for use in estimate.teacher if use.role == "labeller"] == [0]
    assert len(estimate.makes.rows) == 20


LINE = st.text(st.characters(categories=("L", "Nd")), min_size=1)


@given(LINE, LINE)
def test_what_the_small_model_is_shown_is_read_back(text: str, output: str) -> None:
    shown = plain_pair(text, output).removeprefix("Input:")
    assert read_plain_pair(shown) == [Candidate(text, answer=output)]


@given(st.lists(st.tuples(LINE, LINE), min_size=1))
def test_whole_pairs_of_json_are_read_back(pairs: list[tuple[str, str]]) -> None:
    reply = json.dumps([{"input": text, "output": output} for text, output in pairs])
    assert [(one.input, one.answer) for one in read_pairs(reply)] == pairs


@pytest.mark.parametrize(
    "reply", ["", "no JSON", '["a"]', '[{"input": "a"}]', '[{"input": "a", "output": 3}]', '[{"output": "b"}]']
)
def test_half_pairs_are_none(reply: str) -> None:
    assert read_pairs(reply) == []
