"""Whether to ask in batches: by arithmetic first, then by asking a few inputs both ways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from batch_teacher import FAULTS, Inputs, is_batch, reply_to, right_label, written
from sample_task import TASK

from prompt2model.errors import ConfigError
from prompt2model.labelling import (
    AutoDemoPredictor,
    BatchDecision,
    FewShotPredictor,
    ScoredLabelPredictor,
    bulk_labeller,
    decide_batching,
)
from prompt2model.records import Demonstration, Item, TaskSpec
from prompt2model.teacher import ChatRequest, ChatResponse, Ledger, LedgerClient, Price, Prices, ScriptedClient

SHORT = [Item(f"I was {'charged' if n % 3 else 'sent'} thing number {n}.") for n in range(100)]
LONG = [Item(f"I was charged {n}. " + "And then again, and again. " * 40) for n in range(100)]
PRICES = Prices({"scripted": Price(1.0, 4.0)})


def decide(
    batch: Callable[[Inputs], str] = written,
    items: list[Item] = SHORT,
    single: Callable[[str], str] = right_label,
    **how: Any,
) -> tuple[BatchDecision, ScriptedClient]:
    client = ScriptedClient(lambda request: reply_to(request.messages[-1].content, batch, single))
    labeller = AutoDemoPredictor(client, TASK, batch_size=8, selection="given")
    return decide_batching(labeller, items, **{"prices": PRICES, "total": 5000, **how}), client


def batch_calls(client: ScriptedClient) -> list[bool]:
    return [is_batch(request.messages[-1].content) for request in client.requests]


def test_batches_are_chosen_where_they_cost_less_and_answer_alike() -> None:
    decision, client = decide()
    assert decision.batch_size == 8
    assert decision.price_ratio == 4.0
    pilot = decision.pilot
    assert pilot is not None
    assert (pilot.items, pilot.read, pilot.agreement) == (32, 32, 1.0)
    assert batch_calls(client).count(True) == 4
    assert batch_calls(client).count(False) == 32
    # The costs are those of the calls that were made.
    responses = list(ScriptedClient(client._answer).complete_many(client.requests))
    spent = {True: 0.0, False: 0.0}
    for request, response in responses:
        spent[is_batch(request.messages[-1].content)] += response.prompt_tokens + 4 * response.completion_tokens
    assert pilot.single_cost * 32 == pytest.approx(spent[False])
    assert pilot.batch_cost * 32 == pytest.approx(spent[True])
    assert pilot.batch_tokens[0] + 4 * pilot.batch_tokens[1] == spent[True]
    share = f"{pilot.batch_cost / pilot.single_cost:.0%}"
    assert decision.text.startswith("batches of 8: ") and f"at {share} of the cost" in decision.text


def test_the_rule_refuses_long_inputs_without_a_call() -> None:
    decision, client = decide(items=LONG)
    assert (decision.batch_size, decision.pilot, client.calls) == (1, None, 0)
    assert decision.question_tokens > 200
    assert decision.text.startswith("single: ")
    # I - I'/N > ρ q: where writing costs nothing, the same inputs are worth a pilot.
    assert decide(items=LONG, price_ratio=0.0)[0].pilot is not None


def test_the_rule_turns_where_saving_and_repeating_are_equal() -> None:
    decision, _ = decide()
    saved = decision.instruction_tokens - decision.batch_instruction_tokens / 8
    even = saved / decision.question_tokens
    assert decide(price_ratio=even * 0.99, total=10**6)[0].pilot is not None
    assert decide(price_ratio=even * 1.01, total=10**6)[0].pilot is None


def test_other_answers_than_singly_refuse_batches() -> None:
    def wrong_at_the_end(inputs: Inputs) -> str:
        return written(inputs[:-2]) + "\n" + written(inputs[-2:], label=lambda _: "where_is_it")

    decision, _ = decide(wrong_at_the_end, items=[Item(f"I was charged {n}.") for n in range(100)])
    assert decision.batch_size == 1
    assert decision.pilot is not None and decision.pilot.agreement == 0.75
    assert "75%" in decision.text and decision.text.startswith("single: ")
    assert decide(wrong_at_the_end, agreement=0.5)[0].batch_size == 8


@pytest.mark.parametrize("fault", ["no answers, only text", "answers to other questions"])
def test_replies_that_have_to_be_asked_again_are_no_saving(fault: str) -> None:
    decision, _ = decide(FAULTS[fault], price_ratio=1.0)
    assert decision.pilot is not None
    assert decision.batch_size == 1
    assert decision.pilot.read == 0
    assert "no answer could be read" in decision.text
    # What was asked again is part of the cost.
    assert decision.pilot.batch_cost > decision.pilot.single_cost


def test_batches_that_answer_alike_and_cost_more_are_refused() -> None:
    rule = decide()[0]
    even = (rule.instruction_tokens - rule.batch_instruction_tokens / 8) / rule.question_tokens
    decision, _ = decide(FAULTS["half a reply"], price_ratio=even * 0.99, total=10**6)
    pilot = decision.pilot
    assert pilot is not None and pilot.agreement == 1.0 and pilot.read == 16
    assert pilot.batch_cost > pilot.single_cost
    assert decision.batch_size == 1
    assert f"cost {pilot.batch_cost / pilot.single_cost:.0%} of asking singly" in decision.text


def test_an_unknown_price_is_not_guessed() -> None:
    class Elsewhere(ScriptedClient):
        base_url = "https://models.example.org/v1"

    client = Elsewhere(lambda request: "", model="openai:something")
    labeller = AutoDemoPredictor(client, TASK, selection="given")
    decision = decide_batching(labeller, SHORT)
    assert (decision.batch_size, decision.price_ratio, client.calls) == (1, None, 0)
    assert "price of openai:something is not known" in decision.text
    with pytest.raises(ConfigError, match="ratio"):
        decide_batching(labeller, SHORT, price_ratio=-1.0)
    with pytest.raises(ConfigError, match="ratio"):
        decide_batching(labeller, SHORT, price_ratio=float("nan"))


def test_free_prompts_leave_nothing_to_save() -> None:
    decision, client = decide(prices=Prices({"scripted": Price(0.0, 4.0)}))
    assert (decision.batch_size, client.calls) == (1, 0)
    assert "prompts cost nothing" in decision.text


def test_few_inputs_are_not_worth_a_pilot() -> None:
    decision, client = decide(items=SHORT[:20], total=20)
    assert (decision.batch_size, client.calls) == (1, 0)
    assert "20 inputs" in decision.text
    assert decide(items=SHORT[:1], total=1)[0].batch_size == 1


def test_a_teacher_that_is_down_for_some_says_nothing_about_batches() -> None:
    def answer(request: ChatRequest) -> str | ChatResponse:
        content = request.messages[-1].content
        down = not is_batch(content) and "number 3." in content
        return ChatResponse("", failure="unavailable") if down else reply_to(content)

    labeller = AutoDemoPredictor(ScriptedClient(answer), TASK, batch_size=8, selection="given")
    decision = decide_batching(labeller, SHORT, total=5000, prices=PRICES)
    assert decision.pilot is not None
    assert (decision.batch_size, decision.pilot.agreement, decision.pilot.read) == (8, 1.0, 31)


def test_with_a_ledger_the_pilot_is_paid_once(tmp_path: Path) -> None:
    inner = ScriptedClient(lambda request: reply_to(request.messages[-1].content))
    client = LedgerClient(inner, Ledger(tmp_path / "calls.sqlite"), step="label")
    labeller = AutoDemoPredictor(client, TASK, batch_size=8, selection="given")
    decide_batching(labeller, SHORT, total=5000, prices=PRICES)
    assert batch_calls(inner).count(True) == 4
    list(labeller.predict(SHORT))
    assert batch_calls(inner).count(True) == 13
    assert len(set(inner.requests)) == len(inner.requests)


def test_the_labeller_for_many_inputs_follows_the_decision_or_the_setting() -> None:
    client = ScriptedClient(lambda request: reply_to(request.messages[-1].content))
    how = {"total": 5000, "prices": PRICES, "selection": "given"}
    chosen, decision = bulk_labeller(client, TASK, SHORT, **how)
    assert isinstance(chosen, AutoDemoPredictor) and decision is not None and decision.batch_size == 8
    refused, decision = bulk_labeller(client, TASK, LONG, **how)
    assert isinstance(refused, FewShotPredictor) and decision is not None and decision.batch_size == 1
    calls = client.calls
    assert isinstance(bulk_labeller(client, TASK, LONG, labeller="batch")[0], AutoDemoPredictor)
    assert isinstance(bulk_labeller(client, TASK, SHORT, labeller="single")[0], FewShotPredictor)
    scorer = ScriptedClient(lambda request: "", score=lambda request: (0.0, 0.0))
    assert isinstance(bulk_labeller(scorer, TASK, SHORT)[0], ScoredLabelPredictor)
    several = TaskSpec("Write.", (Demonstration("x", "two\nlines"),), "generation", (), "en", "")
    assert isinstance(bulk_labeller(client, several, SHORT)[0], FewShotPredictor)
    assert client.calls == calls
