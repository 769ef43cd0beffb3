"""Batches over HTTP: what the server says, right or faulty, ends as right labels, and the books of both sides agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_teacher import FAULTS, Inputs, asked_inputs, is_batch, reply_to, right_label, written
from sample_task import TASK
from servers.openai_like import Fault, OpenAILikeServer, Reply

from prompt2model.labelling import AutoDemoPredictor
from prompt2model.records import Item, Prediction
from prompt2model.teacher import Ledger, LedgerClient
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

ITEMS = [Item(f"{'I was charged for' if n % 3 else 'Nobody brought me'} thing number {n}.") for n in range(21)]
Answer = Callable[[dict[str, Any]], str | Reply | Fault]


def last(body: dict[str, Any]) -> str:
    return body["messages"][-1]["content"]


def batch_sizes(server: OpenAILikeServer) -> list[int]:
    return [len(asked_inputs(last(entry.body))) for entry in server.books if is_batch(last(entry.body))]


class Run:
    """A server, a ledger on disk, and the predictions that came of `ITEMS` in batches of 8."""

    def __init__(self, answer: Answer, folder: Path, port: int = 0) -> None:
        with OpenAILikeServer(answer, port=port) as server:
            self.server = server
            policy = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.002)
            client = OpenAICompatibleClient("any", server.base_url, policy=policy)
            ledger = Ledger(folder / "calls.sqlite")
            self.asking = AutoDemoPredictor(LedgerClient(client, ledger, step="label"), TASK, selection="given")
            self.found: list[Prediction] = list(self.asking.predict(ITEMS))
            (self.costs,) = ledger.summary()
            ledger.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    return lambda answer, **how: Run(answer, tmp_path, **how)


def faulty(batch: Callable[[Inputs], str]) -> Answer:
    return lambda body: reply_to(last(body), batch)


@pytest.mark.parametrize("fault", ["none", *FAULTS])
def test_every_fault_of_a_batch_ends_in_right_labels_and_true_books(run: Callable[..., Run], fault: str) -> None:
    done = run(faulty(FAULTS.get(fault, written)))
    assert [p.text for p in done.found] == [right_label(item.input) for item in ITEMS]
    books = done.server.books
    assert sum(p.prompt_tokens for p in done.found) == sum(e.prompt_tokens for e in books) == done.costs.prompt_tokens
    completion = sum(entry.completion_tokens for entry in books)
    assert sum(p.completion_tokens for p in done.found) == completion == done.costs.completion_tokens
    # Nothing was paid for twice.
    assert len({entry.content for entry in books}) == len(books)
    if fault == "none":
        assert sorted(batch_sizes(done.server)) == [5, 8, 8] and len(books) == 3


def test_a_context_that_is_too_short_for_eight_takes_four(run: Callable[..., Run]) -> None:
    def answer(body: dict[str, Any]) -> str | Fault:
        too_long = is_batch(last(body)) and len(asked_inputs(last(body))) > 4
        return Fault("context_too_long") if too_long else reply_to(last(body))

    done = run(answer)
    assert [p.text for p in done.found] == [right_label(item.input) for item in ITEMS]
    assert sorted(batch_sizes(done.server)) == [2, 3, 4, 4, 4, 4, 5, 8, 8]
    assert len(done.server.books) == 9


def test_a_reply_that_ends_at_its_limit_is_used_as_far_as_it_goes(run: Callable[..., Run]) -> None:
    def answer(body: dict[str, Any]) -> str | Reply:
        said = reply_to(last(body))
        return Reply(said[: len(said) // 2], finish="length") if is_batch(last(body)) else said

    done = run(answer)
    assert [p.text for p in done.found] == [right_label(item.input) for item in ITEMS]
    singly = [entry for entry in done.server.books if not is_batch(last(entry.body))]
    assert 0 < len(singly) < len(ITEMS)


def test_a_content_filter_on_one_input_costs_only_that_input(run: Callable[..., Run]) -> None:
    def answer(body: dict[str, Any]) -> str | Fault:
        return Fault("content_filter_400") if "number 9." in last(body) else reply_to(last(body))

    done = run(answer)
    assert [p.failure for p in done.found] == [None] * 9 + ["refused"] + [None] * 11


def test_a_breakdown_is_the_fate_of_its_batch_and_of_no_other(run: Callable[..., Run]) -> None:
    def answer(body: dict[str, Any]) -> str | Fault:
        return Fault("server_error") if "number 9." in last(body) else reply_to(last(body))

    done = run(answer)
    assert [p.failure for p in done.found] == [None] * 8 + ["unavailable"] * 8 + [None] * 5
    assert [p.text for p in done.found[8:16]] == [None] * 8
    assert all(is_batch(last(entry.body)) for entry in done.server.books)


def test_a_second_run_over_the_same_inputs_asks_nobody(run: Callable[..., Run]) -> None:
    first = run(faulty(FAULTS["one is left out"]))
    again = run(lambda body: "?", port=first.server.port)
    assert len(first.server.books) == 6 and not again.server.books
    assert [p.text for p in again.found] == [p.text for p in first.found]
