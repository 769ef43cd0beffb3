"""Prompt chains over HTTP: every style asked of a real server, faults are no votes, and nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sample_task import TASK
from servers.openai_like import Fault, OpenAILikeServer

from prompt2model.labelling import VotingLabeller, chains_labeller
from prompt2model.labelling.voting import VotedAnswer
from prompt2model.records import Item
from prompt2model.teacher import Ledger, LedgerClient
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

ITEMS = [Item(f"{'I was charged for' if n % 3 else 'Nobody brought me'} thing number {n}.") for n in range(12)]


def right(text: str) -> str:
    return "billing" if "charged" in text else "where_is_it"


def say(body: dict[str, Any]) -> str | Fault:
    """Answers every style in its form; one question on thing 4 is refused, all on thing 8 break down."""
    rules, asked = body["messages"][0]["content"], body["messages"][-1]["content"]
    if "number 8." in asked:
        return Fault("server_error")
    if "one short sentence" in rules:
        return "Someone was charged." if "charged" in asked else "Something is lost."
    if "yes or no" in rules:
        return Fault("content_filter_400") if "number 4." in asked else "Yes." if right(asked) == "billing" else "No."
    return right(asked)


class Run:
    """A server, a ledger on disk, and the answers to `ITEMS`."""

    def __init__(self, folder: Path, answer: Callable[[dict[str, Any]], str | Fault] = say, port: int = 0) -> None:
        with OpenAILikeServer(answer, port=port) as server:
            self.server = server
            policy = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002)
            client = OpenAICompatibleClient("any", server.base_url, policy=policy)
            ledger = Ledger(folder / "calls.sqlite")
            self.labeller: VotingLabeller = chains_labeller(LedgerClient(client, ledger, step="label"), TASK)
            self.found: list[VotedAnswer] = self.labeller.answer(ITEMS)
            (self.costs,) = ledger.summary()
            ledger.close()


@pytest.fixture
def done(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_faults_are_no_votes_and_the_books_agree(done: Run) -> None:
    texts = [answer.prediction.text for answer in done.found]
    assert texts == [None if n == 8 else right(item.input) for n, item in enumerate(ITEMS)]
    assert done.found[8].prediction.failure == "unavailable"
    assert [answer.failures for answer in done.found[3:5]] == [(), ("refused",)]
    assert done.found[4].prediction.probabilities == (1.0, 0.0)
    books = done.server.books
    spent = sum(answer.prediction.prompt_tokens for answer in done.found)
    assert spent == sum(entry.prompt_tokens for entry in books) == done.costs.prompt_tokens


def test_a_second_run_asks_only_for_what_got_no_answer(done: Run, tmp_path: Path) -> None:
    again = Run(
        tmp_path, lambda body: "yes" if "yes or no" in body["messages"][0]["content"] else "billing", done.server.port
    )
    asked = [entry.body["messages"][-1]["content"] for entry in again.server.books]
    assert asked and all("number 4." in text or "number 8." in text for text in asked)
    texts = [answer.prediction.text for answer in done.found]
    assert [answer.prediction.text for answer in again.found] == [*texts[:8], "billing", *texts[9:]]
