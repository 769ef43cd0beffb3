"""The generator: balance, votes, duplicates, failures, waves that resume to the same bytes."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dataset_generator.team_task import TASK, right_label

from prompt2model.artifacts import dump_line
from prompt2model.component import RunContext
from prompt2model.console import SilentProgress
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.errors import RunFolderError, TeacherError
from prompt2model.records import DataRequest, Demonstration, Example, GeneratedData, Source, TaskSpec, make_example
from prompt2model.teacher import ChatRequest, ChatResponse, ScoreRequest, ScriptedClient

Make = Callable[..., RunContext]
DATES = TaskSpec("Write the date.", (Demonstration("2nd of May", "05-02"),), "generation", (), "en", "")
WORDS = "lamp rug chair desk vase sofa stool clock shelf bowl plate mirror tray basket".split()
STEMS = {"billing": "I was charged wrongly for the", "shipping": "The courier never came with the"}


def text_for(seed: str, label: str) -> str:
    rng = random.Random(seed)
    return f"{STEMS[label]} {' and the '.join(rng.sample(WORDS, 4))} number {rng.randrange(1000)}"


def honest(request: ChatRequest) -> str:
    """Writes inputs of the label asked for, and answers them rightly; the answer hangs on the request alone."""
    if request.purpose == "generate":
        prompt = request.messages[0].content
        label = re.findall(r"right output is exactly: (\w+)", prompt)[0]
        count = int(re.findall(r"Write (\d+) new", prompt)[0])
        return json.dumps([text_for(f"{request.key('m')}{n}", label) for n in range(count)])
    return right_label(request.messages[-1].content)


def run(
    make: Make, client: Any, task: TaskSpec = TASK, available: tuple[Example, ...] = (), **settings: Any
) -> GeneratedData:
    wishes = settings.pop("wishes", DataRequest())
    keys = {name: settings.pop(name) for name in ("folder", "seed") if name in settings}
    context = make({"teacher": client} if client else {}, **keys)
    generator = DatasetGenerator(DatasetGeneratorConfig(**settings))
    return generator.run(GeneratorInputs(task, available, wishes), context)


def row(text: str, label: str) -> Example:
    return make_example(text, (label,), Source("user"))


def folder_hash(folder: Path) -> str:
    return hashlib.sha256(b"".join(p.name.encode() + p.read_bytes() for p in sorted(folder.iterdir()))).hexdigest()


def test_as_many_as_wanted_balanced_distinct_and_rightly_labelled(make_context: Make) -> None:
    data = run(make_context, ScriptedClient(honest), examples=21)
    rows = list(data.rows)
    assert len(rows) == 21 == len({item.input for item in rows}) == len({item.id for item in rows})
    assert sorted(Counter(item.target for item in rows).values()) == [10, 11]
    assert all(item.target == right_label(item.input) for item in rows)
    assert all(item.source.kind == "generated" and item.source.teacher == "scripted" for item in rows)
    assert data.prompt_tokens > 0 and data.completion_tokens > 0


def test_the_temperature_rises_with_progress_from_first_to_last(make_context: Make) -> None:
    client = ScriptedClient(honest)
    run(make_context, client, examples=40, wave=10, initial_temperature=0.2, max_temperature=1.2)
    asked = {r.draw // 10_000: r.temperature for r in client.requests if r.purpose == "generate"}
    temperatures = [asked[number] for number in sorted(asked)]
    assert temperatures[0] < 0.5 < temperatures[-1] <= 1.2
    assert temperatures == sorted(temperatures)


def test_prompts_show_the_users_demonstrations_and_some_earlier_generations(make_context: Make) -> None:
    client = ScriptedClient(honest)
    data = run(make_context, client, examples=40, wave=10, max_earlier=4)
    asked = [r.messages[-1].content for r in client.requests if r.purpose == "generate"]
    written = [item.input for item in data.rows]
    assert all("I paid twice for the lamp" in prompt for prompt in asked)
    shown = [sum(text in prompt for text in written) for prompt in asked]
    assert shown[0] == 0 and 1 <= max(shown) <= 4


def test_votes_do_not_see_the_label_that_was_asked_for(make_context: Make) -> None:
    client = ScriptedClient(honest)
    run(make_context, client, examples=4, votes=2, all_votes=True)
    votes = [r for r in client.requests if r.purpose == "vote"]
    assert votes and all("right output is exactly" not in m.content for r in votes for m in r.messages)
    assert {r.draw for r in votes} == {0, 1}


def test_votes_that_can_change_nothing_are_not_asked_for(make_context: Make, tmp_path: Path) -> None:
    few, all_votes = ScriptedClient(honest), ScriptedClient(honest)
    settings: dict[str, Any] = {"examples": 20, "votes": 3}
    first = run(make_context, few, folder=tmp_path / "few", **settings)
    second = run(make_context, all_votes, folder=tmp_path / "all", all_votes=True, **settings)
    assert list(first.rows) == list(second.rows)
    counts = [sum(r.purpose == "vote" for r in client.requests) for client in (few, all_votes)]
    assert counts[0] <= counts[1] / 2


def test_zero_examples_need_no_teacher_and_no_call(make_context: Make) -> None:
    client = ScriptedClient(honest)
    assert len(run(make_context, client, examples=0).rows) == 0
    assert client.calls == 0
    assert len(run(make_context, None, examples=0).rows) == 0


def test_auto_fills_up_what_the_rows_at_hand_lack(make_context: Make) -> None:
    many = tuple(row(f"charged for item {n}", "billing") for n in range(12))
    data = run(make_context, ScriptedClient(honest), available=many, per_label=12)
    assert Counter(item.target for item in data.rows) == {"shipping": 12}
    enough = (*many, *(row(f"courier lost box {n}", "shipping") for n in range(6)))
    client = ScriptedClient(honest)
    assert len(run(make_context, client, available=enough, per_label=12, folder=make_context().folder / "b").rows) == 0
    assert client.calls == 0


def test_without_a_teacher_usable_rows_are_enough_and_others_are_refused(make_context: Make) -> None:
    usable = tuple(row(f"text {n}", TASK.labels[n % 2]) for n in range(10))
    data = run(make_context, None, available=usable)
    assert len(data.rows) == 0 and "no teacher" in data.notes[0]
    with pytest.raises(TeacherError, match="--data"):
        run(make_context, None, available=usable[:4])
    with pytest.raises(TeacherError, match="no teacher"):
        run(make_context, None, available=usable, examples=10)


def test_what_a_parent_run_wants_decides_labels_and_reaches_the_prompt(make_context: Make) -> None:
    client = ScriptedClient(honest)
    wishes = DataRequest(notes=("messages about glassware",), wanted_by_label={"shipping": 6, "billing": 2})
    data = run(make_context, client, wishes=wishes)
    assert Counter(item.target for item in data.rows) == {"shipping": 6, "billing": 2}
    written = [r for r in client.requests if r.purpose == "generate"]
    assert "messages about glassware" in written[0].messages[-1].content


def test_duplicates_of_demonstrations_and_of_earlier_ones_are_refused(make_context: Make) -> None:
    fixed = ["I paid twice  for the LAMP", "I was charged for the blue chair", "I was charged for the blue chairs"]

    def answer(request: ChatRequest) -> str:
        return json.dumps(fixed) if request.purpose == "generate" else "billing"

    task = replace(TASK, labels=("billing", "other"))
    data = run(make_context, ScriptedClient(answer), task=task, examples=4, patience=1, on_disagreement="relabel")
    assert [item.input for item in data.rows] == ["I was charged for the blue chair"]
    assert data.dropped["near a demonstration"] >= 1 and data.dropped["near an earlier one"] >= 1
    assert "nothing new" in data.notes[-1] and "other" in data.notes[-1]


def test_disagreement_drops_or_relabels_and_is_counted(make_context: Make) -> None:
    def contrary(request: ChatRequest) -> str:
        return honest(request) if request.purpose == "generate" else "shipping"

    dropped = run(make_context, ScriptedClient(contrary), examples=8, patience=1)
    assert {item.target for item in dropped.rows} == {"shipping"}
    assert dropped.dropped["answered otherwise than asked for"] > 0
    relabelled = run(
        make_context,
        ScriptedClient(contrary),
        examples=8,
        patience=1,
        on_disagreement="relabel",
        folder=make_context().folder / "b",
    )
    assert any("charged" in item.input and item.target == "shipping" for item in relabelled.rows)
    assert "another label" in relabelled.notes[0]
    assert relabelled.dropped["answered otherwise than asked for, and that label already full"] > 0


def test_the_person_who_waits_is_told_what_failed(make_context: Make) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    refusing = ScriptedClient(lambda request: ChatResponse("", failure="refused"))
    context = replace(make_context({"teacher": refusing}), progress=Heard())
    DatasetGenerator(DatasetGeneratorConfig(examples=4)).run(GeneratorInputs(TASK, (), DataRequest()), context)
    assert re.search(r"0 examples from \d+ requests; 0 dropped, (\d+) failed: \1 refused", said[0])


def test_where_answers_all_differ_nothing_is_kept_and_the_run_ends(make_context: Make) -> None:
    def answer(request: ChatRequest) -> str:
        if request.purpose == "generate":
            return json.dumps([f"{request.draw} days after the feast of the {n}th moon" for n in range(5)])
        return f"01-{request.draw:02}"

    data = run(make_context, ScriptedClient(answer), task=DATES, examples=10, patience=2)
    assert len(data.rows) == 0
    assert data.dropped["no majority"] > 0


def test_the_most_frequent_answer_wins(make_context: Make) -> None:
    def answer(request: ChatRequest) -> str:
        if request.purpose == "generate":
            return json.dumps([f"{request.draw} days after the feast of the {n}th moon" for n in range(5)])
        return "07-01" if request.draw == 1 else "07-02"

    data = run(make_context, ScriptedClient(answer), task=DATES, examples=5)
    assert [item.target for item in data.rows] == ["07-02"] * 5


def test_failed_calls_are_counted_and_never_rows_or_votes(make_context: Make) -> None:
    def flaky(request: ChatRequest) -> str | ChatResponse:
        dice = random.Random(request.key("m")).random()
        if dice < 0.15:
            return ChatResponse("", failure="unavailable")
        if dice < 0.3:
            return "I am not able to do that."
        return honest(request)

    data = run(make_context, ScriptedClient(flaky), examples=20)
    assert len(data.rows) == 20
    assert all(item.target == right_label(item.input) for item in data.rows)
    assert data.failed["unavailable"] > 0 and data.failed["unparsable"] > 0


def test_a_teacher_that_says_nothing_useful_ends_the_run_with_a_note(make_context: Make) -> None:
    client = ScriptedClient(lambda request: "Sorry.")
    data = run(make_context, client, examples=20)
    assert len(data.rows) == 0 and data.notes
    assert client.calls < 200


def test_scored_votes_use_several_orders_and_give_soft_labels(make_context: Make) -> None:
    def score(request: ScoreRequest) -> list[float]:
        text = request.messages[-1].content
        wanted = None if "N/A" in text else right_label(text)
        return [0.0 if answer == wanted else -2.0 for answer in request.answers]

    client = ScriptedClient(honest, score=score)
    data = run(make_context, client, examples=6)
    assert len(data.rows) == 6
    assert all(item.soft_label is not None and abs(sum(item.soft_label) - 1) < 1e-5 for item in data.rows)
    assert not [r for r in client.requests if r.purpose == "vote"]


def test_scored_votes_are_calibrated_on_the_first_wave_also_after_a_kill(make_context: Make, tmp_path: Path) -> None:
    def score(request: ScoreRequest) -> list[float]:
        last = request.messages[-1].content
        if last in TASK.labels:  # the channel: inputs after their label
            return [float(right_label(text) == last) for text in request.answers]
        # One label is always far more likely; only what an input adds to that tells the labels apart.
        return [5.0 * (label == "billing") + (label == right_label(last)) for label in request.answers]

    settings: dict[str, Any] = {"examples": 24, "wave": 12, "all_votes": True}
    whole = run(make_context, ScriptedClient(honest, score=score), folder=tmp_path / "a", **settings)
    assert len(whole.rows) == 24
    kept = [json.loads(line) for line in (tmp_path / "a" / "calibration.jsonl").read_text().splitlines()]
    counts = Counter(line["output"] for line in kept)
    assert set(counts) == set(TASK.labels) and len(set(counts.values())) == 1
    (tmp_path / "a" / "wave-0002.jsonl").unlink()
    client = ScriptedClient(honest, score=score)
    assert dump_line(run(make_context, client, folder=tmp_path / "a", **settings)) == dump_line(whole)
    asked = {text for request in client.score_requests for text in request.answers}
    assert {line["input"] for line in kept} <= asked


def test_multiple_choice_questions_carry_choices_and_are_checked(make_context: Make) -> None:
    def answer(request: ChatRequest) -> str:
        if request.purpose != "generate":
            return "A" if "odd" in request.messages[-1].content else "B"
        kinds = ["odd" if n == 0 else "usual" for n in range(5)]
        return json.dumps(
            [
                {
                    "input": f"Which {kind} one is number {request.draw} of {n}?",
                    "choices": ["cat", "fish"],
                    "output": "fish",
                }
                for n, kind in enumerate(kinds)
            ]
        )

    task = TaskSpec("Pick the right one.", (), "multiple_choice", (), "en", "")
    data = run(make_context, ScriptedClient(answer), task=task, examples=4)
    assert len(data.rows) == 4
    assert all(item.choices == ("cat", "fish") and item.target == "fish" for item in data.rows)
    assert not any("odd" in item.input for item in data.rows)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_rows(make_context: Make, tmp_path: Path) -> None:
    first = run(make_context, ScriptedClient(honest), examples=20, folder=tmp_path / "a")
    again = run(make_context, ScriptedClient(honest), examples=20, folder=tmp_path / "b")
    other = run(make_context, ScriptedClient(honest), examples=20, folder=tmp_path / "c", seed=1)
    assert dump_line(first) == dump_line(again)
    assert folder_hash(tmp_path / "a") == folder_hash(tmp_path / "b")
    assert {item.input for item in first.rows} != {item.input for item in other.rows}


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [1, 7, 15, 23, 31])
def test_a_killed_run_resumes_to_the_same_bytes(make_context: Make, tmp_path: Path, after: int) -> None:
    settings: dict[str, Any] = {"examples": 24, "wave": 8, "per_request": 2}
    whole = run(make_context, ScriptedClient(honest), folder=tmp_path / "whole", **settings)
    calls = 0

    def mortal(request: ChatRequest) -> str:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KilledError
        return honest(request)

    with pytest.raises(KilledError):
        run(make_context, ScriptedClient(mortal), folder=tmp_path / "killed", **settings)
    resumed = run(make_context, ScriptedClient(honest), folder=tmp_path / "killed", **settings)
    assert dump_line(resumed) == dump_line(whole)
    assert folder_hash(tmp_path / "killed") == folder_hash(tmp_path / "whole")


def test_finished_waves_are_not_asked_again(make_context: Make, tmp_path: Path) -> None:
    run(make_context, ScriptedClient(honest), examples=20, folder=tmp_path / "a")
    client = ScriptedClient(honest)
    run(make_context, client, examples=20, folder=tmp_path / "a")
    assert client.calls == 0


def test_answers_that_arrive_in_another_order_change_nothing(make_context: Make, tmp_path: Path) -> None:
    class Shuffled(ScriptedClient):
        def complete_many(self, requests):  # type: ignore[no-untyped-def]
            answers = list(super().complete_many(requests))
            random.Random(4).shuffle(answers)
            yield from answers

    straight = run(make_context, ScriptedClient(honest), examples=20, folder=tmp_path / "a")
    shuffled = run(make_context, Shuffled(honest), examples=20, folder=tmp_path / "b")
    assert dump_line(straight) == dump_line(shuffled)


def test_a_damaged_wave_is_named(make_context: Make, tmp_path: Path) -> None:
    run(make_context, ScriptedClient(honest), examples=6, folder=tmp_path / "a")
    path = tmp_path / "a" / "wave-0001.jsonl"
    path.write_text(path.read_text(encoding="utf-8")[:-30], encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"wave-0001\.jsonl is damaged"):
        run(make_context, ScriptedClient(honest), examples=6, folder=tmp_path / "a")
    shutil.rmtree(tmp_path / "a")


def test_the_estimate_counts_what_a_run_then_uses(make_context: Make) -> None:
    client = ScriptedClient(honest)
    config = DatasetGeneratorConfig(examples=40)
    inputs = GeneratorInputs(TASK, (), DataRequest())
    estimate = DatasetGenerator(config).estimate(inputs, make_context({"teacher": client}))
    assert client.calls == 0
    data = DatasetGenerator(config).run(inputs, make_context({"teacher": client}))
    assert data.requests == client.calls
    assert 0.5 * data.requests < estimate.calls < 2 * data.requests
    assert 0.4 * data.prompt_tokens < estimate.prompt_tokens < 2.5 * data.prompt_tokens
    assert len(estimate.makes.rows) == len(data.rows)
    assert DatasetGenerator(config).estimate(inputs, make_context()).calls == 0, "nobody is there to write"
    none = DatasetGenerator(DatasetGeneratorConfig(examples=0)).estimate(inputs, make_context({"teacher": client}))
    assert none.calls == 0


def test_an_embedded_teacher_continues_lists_of_one_label(make_context: Make) -> None:
    def answer(request: ChatRequest) -> str:
        *_, wish, written = request.messages
        if request.purpose != "generate":
            return right_label(written.content)
        assert written.role == "assistant" and "JSON" not in wish.content
        label = "billing" if "I paid twice" in written.content else "shipping"
        assert ("Where is my lamp" in written.content) == (label == "shipping")
        opening = written.content.rpartition("- ")[2] if not written.content.endswith("-") else ""
        return "" if opening else text_for(request.key("m"), label)

    client = ScriptedClient(answer, model="embedded:tiny", batch_size=8)
    data = run(make_context, client, examples=12)
    assert len(data.rows) == 12
    assert all(item.target == right_label(item.input) for item in data.rows)
    assert data.failed["empty"] > 0


def test_first_words_that_a_request_gives_belong_to_the_input(make_context: Make) -> None:
    def answer(request: ChatRequest) -> str:
        if request.purpose != "generate":
            return right_label(request.messages[-1].content)
        line = request.messages[-1].content.rpartition("\n")[2]
        return f"{len(line)} charged for {request.draw}" if line != "-" else "x"

    client = ScriptedClient(answer, model="embedded:tiny")
    task = replace(
        TASK, demonstrations=(Demonstration("I paid twice for the lamp", "billing"),), labels=("billing", "b")
    )
    inputs = [item.input for item in run(make_context, client, task=task, examples=6, votes=0).rows]
    assert any(text.startswith("I ") for text in inputs)


def test_the_embedded_teacher_refuses_multiple_choice(make_context: Make) -> None:
    client = ScriptedClient(honest, model="embedded:tiny")
    task = TaskSpec("Pick the right one.", (), "multiple_choice", (), "en", "")
    with pytest.raises(TeacherError, match="multiple-choice"):
        run(make_context, client, task=task, examples=4)
