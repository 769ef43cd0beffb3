"""Replies by schema where the endpoint takes one; the others are read, and asked for once more where they cannot be."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.openai_like import Fault, OpenAILikeServer, Reply, breaks_strict_mode

from prompt2model.errors import BudgetExceededError, TeacherRequestError
from prompt2model.teacher import Budget, ChatRequest, Ledger, LedgerClient, Message, ScriptedClient, parse_budget
from prompt2model.teacher.asking_again import complete_readable, json_fault
from prompt2model.teacher.client import ChatResponse
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.schemas import TEXT, TEXT_OR_NULL, Schema, list_of, object_of, one_of, schema_text
from prompt2model.teacher.throttle import RetryPolicy

SCHEMA = schema_text(colours=list_of(TEXT))
REFUSALS = [
    (400, "Invalid parameter", "response_format"),
    (400, "This response_format type is unavailable now", None),
    (400, "'response_format.type' must be 'text'", None),
    (422, "[{'type': 'extra_forbidden', 'loc': ['body', 'response_format'], 'msg': 'Extra inputs'}]", None),
    (400, "structured outputs are not enabled on this server", None),
    (400, "guided decoding is not built in", None),
    (405, "json_schema response format is not supported for this model", None),
    (500, 'response_format type must be one of "text" or "json_object", but got: json_schema', None),
    (501, "Not implemented", None),
    (400, "Bad request", None),
    (422, "Unprocessable entity", None),
]


def ask(text: str, schema: str = SCHEMA, **more: Any) -> ChatRequest:
    return ChatRequest((Message("user", text),), schema=schema, **more)


def endpoint(server: OpenAILikeServer, concurrency: int = 1) -> OpenAICompatibleClient:
    policy = RetryPolicy(attempts=2, first_wait=0.001, longest_wait=0.01, patience=10.0)
    return OpenAICompatibleClient("m", server.base_url, concurrency=concurrency, timeout=60.0, policy=policy)


def asked(entry_body: dict[str, Any]) -> str:
    return entry_body["messages"][0]["content"]


def red(body: dict[str, Any]) -> str:
    """Keeps to the schema where there is one."""
    return json.dumps({"colours": ["red"]}) if "response_format" in body else "red, and so on"


# The schema on the way to the endpoint ------------------------------------------------------------------------------


def test_a_schema_reaches_the_endpoint_and_binds_its_answer() -> None:
    with OpenAILikeServer(red) as server:
        answers = dict(endpoint(server).complete_many([ask("a"), ask("b", schema="")]))
    assert [answers[ask("a")].text, answers[ask("b", schema="")].text] == ['{"colours": ["red"]}', "red, and so on"]
    with_schema, without = server.books
    sent = with_schema.body["response_format"]
    assert (sent["type"], sent["json_schema"]["strict"]) == ("json_schema", True)
    assert sent["json_schema"]["schema"] == json.loads(SCHEMA)
    assert "response_format" not in without.body


def test_requests_for_free_text_keep_the_keys_of_older_ledgers() -> None:
    old = {"model": "m", "messages": [{"role": "user", "content": "a"}], "temperature": 0.0, "max_tokens": 256}
    text = json.dumps({**old, "stop": [], "draw": 0}, sort_keys=True)
    assert ask("a", schema="").key("m") == hashlib.sha256(text.encode()).hexdigest()
    assert len({ask("a", schema).key("m") for schema in ("", SCHEMA, schema_text(colour=TEXT))}) == 3


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: f"{refusal[0]} {refusal[1][:30]}")
def test_an_endpoint_that_takes_no_schema_is_asked_without_and_that_is_remembered(
    refusal: tuple[int, str, str | None], tmp_path: Path
) -> None:
    requests = [ask(name) for name in "abc"]
    with OpenAILikeServer(red, schema_refusal=refusal) as server, Ledger(tmp_path / "l.sqlite") as ledger:
        first = dict(LedgerClient(endpoint(server), ledger, step="s").complete_many(requests))
        assert server.outcomes() == {"refused response_format": 1, "answered": 3}
        # Another process has to learn it anew, and pays for nothing: the answers stand under the same keys.
        assert dict(LedgerClient(endpoint(server), ledger, step="s").complete_many(requests)) == first
        assert len(server.books) == 4
        (line,) = ledger.summary()
    assert {answer.text for answer in first.values()} == {"red, and so on"}
    assert (line.calls, line.failed, line.lost) == (3, 0, 0)
    assert line.completion_tokens == sum(entry.completion_tokens for entry in server.books)


def test_a_stream_of_an_endpoint_without_schemas() -> None:
    with OpenAILikeServer(red, schema_refusal=REFUSALS[1]) as server:
        assert "".join(endpoint(server).stream(ask("a"))) == "red, and so on"
    assert len(server.books) == 2


def test_of_an_endpoint_that_takes_schemas_a_rejected_item_fails_alone() -> None:
    texts = ["good", "bad", "fine"]
    with OpenAILikeServer(lambda body: Fault("bad_request") if asked(body) == "bad" else red(body)) as server:
        answers = {asked.messages[0].content: a for asked, a in endpoint(server).complete_many(map(ask, texts))}
    assert [answers[text].failure for text in texts] == [None, "refused", None]
    assert ["response_format" in entry.body for entry in server.books] == [True] * 3


def test_an_endpoint_that_rejects_everything_is_said_as_ever() -> None:
    with OpenAILikeServer(lambda body: Fault("bad_request")) as server:
        with pytest.raises(TeacherRequestError, match="refuses the requests"):
            list(endpoint(server).complete_many([ask("a")]))
        assert ["response_format" in entry.body for entry in server.books] == [True, False]


def test_a_refusal_under_a_schema_is_refused() -> None:
    with OpenAILikeServer(lambda body: Fault("refusal")) as server:
        ((_, response),) = endpoint(server).complete_many([ask("a")])
    assert (response.failure, response.text) == ("refused", "")
    assert "cannot help" in response.detail


def test_the_schema_counts_in_what_is_reserved(tmp_path: Path) -> None:
    """An endpoint may put it into the prompt, and a budget has to hold all the same."""
    long = schema_text(**{f"colour_{number}": TEXT for number in range(50)})
    with Ledger(tmp_path / "l.sqlite") as ledger:
        budget = Budget(parse_budget("600tokens"))
        client = LedgerClient(ScriptedClient(lambda request: "ok"), ledger, step="s", budget=budget)
        list(client.complete_many([ask("a", schema="")]))
        with pytest.raises(BudgetExceededError):
            list(client.complete_many([ask("a", schema=long)]))


# Asked for again ----------------------------------------------------------------------------------------------------


class HalfBroken:
    """Every other first reply is damaged JSON; shown to it, it is mended. Some items cannot be cured."""

    def __call__(self, body: dict[str, Any]) -> str | Reply | Fault:
        number = int(asked(body).split()[-1])
        if number == 7:
            return Fault("refusal")
        if number == 9:
            return Reply('{"colours": ["re', finish="length")
        if number == 11:
            return "No."
        again = len(body["messages"]) > 1
        return f'{{"colours": ["red{number}"]}}' if again or number % 2 == 0 else f'{{"colours": ["red{number}"'


def test_broken_replies_are_shown_and_mended_once_and_paid_once(tmp_path: Path) -> None:
    requests = [ask(f"item {number}", temperature=0.8) for number in range(20)]
    with OpenAILikeServer(HalfBroken(), schema_refusal=REFUSALS[0]) as server, Ledger(tmp_path / "l.sqlite") as ledger:
        first = complete_readable(LedgerClient(endpoint(server, 4), ledger, step="s"), requests, json_fault)
        answered = server.outcomes()["answered"]
        assert complete_readable(LedgerClient(endpoint(server, 4), ledger, step="s"), requests, json_fault) == first
        assert server.outcomes()["answered"] == answered, "an answer was paid twice"
        (line,) = ledger.summary()
    replies = [first[request] for request in requests]
    # 10 odd ones, without the one refused and the one cut off.
    assert [number for number in range(20) if replies[number].unreadable] == [1, 3, 5, 11, 13, 15, 17, 19]
    assert line.calls == 20 + 8
    for number, reply in enumerate(replies):
        if number not in (7, 9, 11):
            assert json.loads(reply.response.text) == {"colours": [f"red{number}"]}
    assert (replies[7].response.failure, replies[9].response.finish) == ("refused", "length")
    assert [response.text for response in replies[11].responses] == ["No.", "No."]


def test_the_second_question_shows_the_reply_and_says_what_was_wrong() -> None:
    client = ScriptedClient(lambda request: '{"colours": [}' if len(request.messages) == 1 else "[]")
    request = ask("Name colours.", temperature=0.9, max_tokens=99, draw=3, purpose="p")
    reply = complete_readable(client, [request], json_fault)[request]
    first, shown, question = reply.request.messages
    assert (first, shown) == (request.messages[0], Message("assistant", '{"colours": [}'))
    assert question.role == "user"
    assert "no valid JSON (Expecting value in line 1, column 14)" in question.content
    assert (reply.request.max_tokens, reply.request.draw, reply.request.schema) == (99, 3, SCHEMA)
    assert (reply.request.temperature, reply.request.purpose) == (0.0, "p")
    assert client.calls == 2


def test_all_unreadable_replies_are_asked_for_together_and_free_text_never() -> None:
    class Counting(ScriptedClient):
        passes = 0

        def complete_many(self, requests: Any) -> Any:
            self.passes += 1
            return super().complete_many(requests)

    client = Counting(lambda request: "no JSON")
    replies = complete_readable(client, [ask("a"), ask("b"), ask("c", schema=""), ask("a")], json_fault)
    assert client.passes == 2
    assert [reply.unreadable is not None for reply in replies.values()] == [True, True, False]
    assert [len(request.messages) for request in client.requests] == [1, 1, 1, 3, 3]


def test_a_budget_holds_for_the_second_question_and_what_was_said_is_kept(tmp_path: Path) -> None:
    inner = ScriptedClient(lambda request: "no JSON" if len(request.messages) == 1 else '{"colours": []}')
    request = ask("Name colours.", max_tokens=1000)
    with Ledger(tmp_path / "l.sqlite") as ledger:
        tight = LedgerClient(inner, ledger, step="s", budget=Budget(parse_budget("1170tokens")))
        with pytest.raises(BudgetExceededError):
            complete_readable(tight, [request], json_fault)
        assert inner.calls == 1
        more = LedgerClient(inner, ledger, step="s", budget=Budget(parse_budget("3000tokens")))
        reply = complete_readable(more, [request], json_fault)[request]
    assert reply.response.text == '{"colours": []}'
    assert inner.calls == 2


def test_a_failed_second_call_is_the_fate_of_the_item() -> None:
    client = ScriptedClient(
        lambda request: "no JSON" if len(request.messages) == 1 else ChatResponse("", failure="unavailable")
    )
    reply = complete_readable(client, [ask("a")], json_fault)[ask("a")]
    assert reply.unreadable is not None
    assert reply.response.failure == "unavailable"


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet='[]{}",:\\ ab1-\n', max_size=40) | st.just("[" * 5000))
def test_whatever_is_said_has_a_fault_or_json_in_it(reply: str) -> None:
    said = json_fault(reply)
    assert "\n" not in said
    if not said:
        start = min(place for place in (reply.find("["), reply.find("{")) if place >= 0)
        json.JSONDecoder(strict=False).raw_decode(reply, start)


# Schemas ------------------------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z_]{1,8}", fullmatch=True)
SCHEMAS: st.SearchStrategy[Schema] = st.recursive(
    st.sampled_from([TEXT, TEXT_OR_NULL]) | st.lists(st.text(), min_size=1, max_size=3).map(lambda v: one_of(*v)),
    lambda inner: inner.map(list_of) | st.dictionaries(NAMES, inner, max_size=3).map(lambda p: object_of(**p)),
    max_leaves=8,
)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(NAMES, SCHEMAS, min_size=1, max_size=4))
def test_every_schema_is_one_line_of_json_that_keeps_the_rules_of_strict_mode(properties: dict[str, Schema]) -> None:
    text = schema_text(**properties)
    assert "\n" not in text
    schema = json.loads(text)
    assert breaks_strict_mode(schema) == ""
    assert list(schema["properties"]) == list(properties), "in the order in which they are to be written"
    assert schema["properties"] == properties
