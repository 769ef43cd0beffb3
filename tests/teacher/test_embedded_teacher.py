"""The embedded teacher, on its real weights."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompt2model.errors import TeacherRequestError
from prompt2model.teacher import (
    ChatRequest,
    ChatResponse,
    Ledger,
    LedgerClient,
    Message,
    ScoreRequest,
    ScriptedClient,
    connect,
    is_scorer,
)
from prompt2model.teacher.embedded import EmbeddedClient


@pytest.fixture(scope="module")
def client() -> Iterator[EmbeddedClient]:
    yield EmbeddedClient()


def ask(text: str, **settings: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), **{"max_tokens": 6, **settings})  # type: ignore[arg-type]


def test_it_answers(client: EmbeddedClient) -> None:
    ((_, response),) = client.complete_many([ask("What is the capital of France?", max_tokens=20)])
    assert "Paris" in response.text
    assert response.failure is None
    assert response.prompt_tokens > 5
    assert 1 <= response.completion_tokens <= 20


def test_sampled_answers_depend_on_the_request_alone(client: EmbeddedClient) -> None:
    import torch

    requests = [
        ask(f"Write a word that begins with {letter}.", temperature=1.0, draw=d) for letter in "ab" for d in (0, 1)
    ]
    torch.manual_seed(1)
    first = list(client.complete_many(requests))
    torch.manual_seed(2)
    second = list(client.complete_many(requests))
    assert first == second
    assert len({response.text for _, response in first}) > 1


def test_it_goes_on_with_the_assistants_turn_and_stops_where_told(client: EmbeddedClient) -> None:
    turn = (Message("user", "List the days of the week."), Message("assistant", "Monday\nTuesday\n"))
    ((_, response),) = client.complete_many([ChatRequest(turn, max_tokens=20, stop=("\n",))])
    assert (response.text, response.finish) == ("Wednesday", "stop")


def test_it_scores_what_is_likely_higher(client: EmbeddedClient) -> None:
    assert is_scorer(client)
    question = (Message("user", "Is the sky blue or green? Answer with one word."), Message("assistant", "The sky is"))
    requests = [ScoreRequest(question, (" blue", " green")), ScoreRequest(question, (" green", " blue"))]
    (_, first), (_, second) = client.score_many(requests)
    assert first.log_probabilities[0] > first.log_probabilities[1]
    assert second.log_probabilities == pytest.approx(first.log_probabilities[::-1], abs=1e-3)
    assert all(value < 0 for value in first.log_probabilities)


def test_a_stream_ends_with_what_the_whole_answer_is(client: EmbeddedClient) -> None:
    request = ask("Name a colour.", temperature=0.8)
    stream = client.stream(request)
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            response: ChatResponse = end.value
            break
    assert "".join(pieces) == response.text
    assert len(pieces) > 1


def test_an_input_that_is_too_long_fails_alone(client: EmbeddedClient) -> None:
    long = ask("word " * 9000)
    answers = dict(client.complete_many([long, ask("Say hello.")]))
    assert answers[long].failure == "context_too_long"
    assert answers[ask("Say hello.")].failure is None
    with pytest.raises(TeacherRequestError, match="tokens"):
        list(client.stream(long))


def test_behind_a_ledger_nothing_is_computed_twice(client: EmbeddedClient, tmp_path: Path) -> None:
    requests = [ask(f"Say {word}.") for word in ("hello", "goodbye")]
    scores = [ScoreRequest((Message("user", "Is water wet?"),), ("Yes", "No"))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        outer = LedgerClient(client, ledger, step="s", role="r")
        first = list(outer.complete_many(requests)), list(outer.score_many(scores))
    never = ScriptedClient(lambda request: pytest.fail("asked again"), lambda request: pytest.fail("asked again"))
    never.model, never.batch_size = client.model, client.batch_size
    never.score_batch_size = client.score_batch_size
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        outer = LedgerClient(never, ledger, step="s", role="r")
        assert (list(outer.complete_many(requests)), list(outer.score_many(scores))) == first
        (line,) = ledger.summary()
        assert (line.model, line.calls, line.reused, line.money) == ("embedded:SmolLM2-135M-Instruct", 3, 3, 0.0)


def test_nothing_heavy_is_loaded_before_the_first_request() -> None:
    code = (
        "import sys, prompt2model.teacher as t; t.connect('embedded');"
        "print([m for m in ('torch', 'transformers', 'openai', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(connect("embedded"), EmbeddedClient)
