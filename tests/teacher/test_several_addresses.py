"""Several addresses share the work, and one that asks for less gets less: real servers on loopback and their books."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from servers.openai_like import Fault, OpenAILikeServer, Reply, faults_first

from prompt2model.errors import BudgetExceededError, ConfigError, TeacherKeyError, TeacherUnreachableError
from prompt2model.teacher import Budget, ChatRequest, ChatResponse, Ledger, LedgerClient, Message, Price, Prices
from prompt2model.teacher.budget import parse_budget
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy
from prompt2model.teacher.tokens import most_tokens

SOON = RetryPolicy(first_wait=0.01, longest_wait=0.1, first_rest=0.01, patience=20.0)


def connect(*servers: OpenAILikeServer | str, concurrency: int = 4, **settings: object) -> OpenAICompatibleClient:
    urls = [server if isinstance(server, str) else server.base_url for server in servers]
    given = {"policy": SOON, "timeout": 10.0, **settings}
    return OpenAICompatibleClient("m", urls, concurrency=concurrency, **given)  # type: ignore[arg-type]


def ask(number: int, **settings: object) -> ChatRequest:
    return ChatRequest((Message("user", f"question {number}"),), **settings)  # type: ignore[arg-type]


def echo(body: dict) -> str:
    return f"echo {body['messages'][-1]['content']}"


def answers(client: OpenAICompatibleClient | LedgerClient, count: int) -> dict[str, ChatResponse]:
    return {r.messages[0].content: response for r, response in client.complete_many(ask(i) for i in range(count))}


def all_right(got: dict[str, ChatResponse], count: int) -> bool:
    return {said: response.text for said, response in got.items()} == {
        f"question {i}": f"echo question {i}" for i in range(count)
    }


# Sharing


def test_the_work_is_shared_and_every_item_is_asked_once() -> None:
    with OpenAILikeServer(echo, delay=0.05) as first, OpenAILikeServer(echo, delay=0.05) as second:
        assert all_right(answers(connect(first, second, concurrency=3), 40), 40)
    assert len(first.books) + len(second.books) == 40
    assert min(len(first.books), len(second.books)) >= 10
    assert max(first.most_under_way, second.most_under_way) <= 3


def test_a_slow_address_gets_less_of_the_work() -> None:
    with OpenAILikeServer(echo, delay=0.05) as fast, OpenAILikeServer(echo, delay=1.0) as slow:
        assert all_right(answers(connect(slow, fast, concurrency=2), 40), 40)
    assert len(slow.books) < len(fast.books)


def test_the_ledger_does_not_care_which_address_answered(tmp_path: Path) -> None:
    with OpenAILikeServer(echo) as first, OpenAILikeServer(echo) as second, Ledger(tmp_path / "l.sqlite") as ledger:
        outer = LedgerClient(connect(first, second), ledger, step="s")
        assert all_right(answers(outer, 20), 20)
        first.answer = second.answer = lambda body: "something else"
        assert all_right(answers(outer, 20), 20)
        # An address that comes or goes does not cost the answers that are there.
        assert all_right(answers(LedgerClient(connect(first), ledger, step="s"), 20), 20)
    assert len(first.books) + len(second.books) == 20


def test_an_address_that_is_told_to_wait_for_does_not_hold_up_the_other() -> None:
    with OpenAILikeServer(lambda body: Fault("rate_limited", retry_after=60)) as busy, OpenAILikeServer(echo) as free:
        client = connect(busy, free)
        start = time.monotonic()
        assert all_right(answers(client, 20), 20)
        assert time.monotonic() - start < 30
    assert len(busy.books) <= 4


@pytest.mark.parametrize("kind", ["server_error", "cut", "overloaded"])
def test_when_one_address_breaks_down_the_other_carries_on(kind: str) -> None:
    def dies(body: dict) -> str | Fault:
        return echo(body) if len(dying.books) <= 5 else Fault(kind)  # type: ignore[arg-type]

    with OpenAILikeServer(dies) as dying, OpenAILikeServer(echo, delay=0.02) as steady:
        assert all_right(answers(connect(dying, steady, concurrency=2), 60), 60)
    # It was left alone, and tried by single requests.
    assert len(dying.books) < 30


def test_an_address_that_comes_back_gets_work_again() -> None:
    def answer(body: dict) -> str | Fault:
        return Fault("server_error") if 5 < len(shaky.books) <= 13 else echo(body)

    with OpenAILikeServer(answer) as shaky, OpenAILikeServer(echo, delay=0.05) as steady:
        assert all_right(answers(connect(shaky, steady, concurrency=2), 60), 60)
    assert shaky.outcomes()["answered"] > 5 + 10


def test_an_address_where_nothing_answers_is_left_to_the_others_and_none_is_an_error() -> None:
    nobody = "http://127.0.0.1:9/v1"
    with OpenAILikeServer(echo) as server:
        assert all_right(answers(connect(nobody, server), 10), 10)
    with pytest.raises(TeacherUnreachableError, match=r"127\.0\.0\.1:9.* and .*127\.0\.0\.1:7") as raised:
        answers(connect(nobody, "http://127.0.0.1:7/v1"), 10)
    assert "\n" not in str(raised.value)


def test_when_the_last_address_is_lost_the_run_stops_in_one_line_and_goes_on_later(tmp_path: Path) -> None:
    broken = threading.Event()

    def answer(body: dict) -> str | Fault:
        if len(first.books) + len(second.books) > 20:
            broken.set()
        return Fault("cut") if broken.is_set() else echo(body)

    with OpenAILikeServer(answer) as first, OpenAILikeServer(answer) as second, Ledger(tmp_path / "l.sqlite") as ledger:
        outer = LedgerClient(connect(first, second), ledger, step="s")
        got: list[str] = []
        with pytest.raises(TeacherUnreachableError, match="everything made so far is kept") as raised:
            for request, response in outer.complete_many(ask(i) for i in range(500)):
                if response.failure is None:
                    got.append(request.messages[0].content)
        assert "\n" not in str(raised.value)
        assert len(first.books) + len(second.books) < 120
        assert len(got) == first.outcomes()["answered"] + second.outcomes()["answered"]
        first.answer = second.answer = echo
        assert all_right(answers(outer, 40), 40)
        paid = first.answered() + second.answered()
    assert set(paid.values()) == {1}


def test_streams_go_where_something_answers() -> None:
    with OpenAILikeServer(lambda body: Fault("server_error")) as broken, OpenAILikeServer(echo) as steady:
        client = connect(broken, steady)
        assert "".join(client.stream(ask(1))) == "echo question 1"
        with pytest.raises(TeacherUnreachableError, match="no whole answer"):
            list(connect(broken).stream(ask(1)))


def test_an_address_given_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="given twice"):
        connect("http://localhost:1/v1", "http://localhost:1/v1/")


def test_of_addresses_here_and_elsewhere_the_stricter_rules_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    here, there = "http://127.0.0.1:1/v1", "https://api.openai.com/v1"
    with pytest.raises(TeacherKeyError, match=r"api\.openai\.com"):
        OpenAICompatibleClient("gpt-4.1-mini", [here, there])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    find = Prices().find
    assert find(OpenAICompatibleClient("gpt-4.1-mini", [here, "http://localhost:2/v1"])) == Price(0, 0)
    assert find(OpenAICompatibleClient("gpt-4.1-mini", [here, there])) == Price(0.40, 1.60)
    assert find(OpenAICompatibleClient("gpt-4.1-mini", [there, "https://reseller.example/v1"])) is None
    assert find(OpenAICompatibleClient("gpt-4.1-mini", [here, "https://reseller.example/v1"])) is None


# Adapting


def test_retry_after_is_honoured_for_the_whole_endpoint() -> None:
    with OpenAILikeServer(faults_first([Fault("rate_limited", retry_after=1.0)], echo), delay=0.05) as server:
        assert all_right(answers(connect(server), 12), 12)
    told = server.books[0].started
    # Those that were under way when it was said had been sent before.
    early = [entry for entry in server.books if told + 0.5 < entry.started < told + 1.0]
    assert early == []
    assert any(entry.started >= told + 1.0 for entry in server.books)


def test_a_server_that_takes_three_at_a_time_is_asked_about_three_at_a_time() -> None:
    def answer(body: dict) -> str | Fault:
        if server.under_way > 3:
            return Fault("rate_limited")
        server.stopped.wait(0.05)
        return echo(body)

    with OpenAILikeServer(answer) as server:
        assert all_right(answers(connect(server, concurrency=32), 90), 90)
    last = [entry.outcome for entry in server.books[-60:]]
    assert last.count("rate_limited") < 25
    assert server.most_under_way <= 32


def test_sustained_refusals_neither_stall_nor_flood_and_it_recovers() -> None:
    """For half a second everybody is told to wait, without for how long."""

    def answer(body: dict) -> str | Fault:
        return Fault("rate_limited") if time.monotonic() - server.books[0].started < 0.5 else echo(body)

    with OpenAILikeServer(answer, delay=0.02) as server:
        client = connect(server, concurrency=8)
        assert all_right(answers(client, 100), 100)
        assert client._endpoints[0].gate.window > 4
    # Eight at most wait for their turn, each at ever longer intervals.
    assert 0 < server.outcomes()["rate_limited"] < 120
    assert set(server.answered().values()) == {1}


def test_a_wait_beyond_all_patience_stops_the_run_at_once() -> None:
    def answer(body: dict) -> str | Fault:
        return echo(body) if "question 0" in echo(body) else Fault("rate_limited", retry_after=3600)

    with OpenAILikeServer(answer) as server, pytest.raises(TeacherUnreachableError, match="60 minutes") as raised:
        client = connect(server, concurrency=1)
        start = time.monotonic()
        answers(client, 50)
    assert "\n" not in str(raised.value)
    assert time.monotonic() - start < 15
    assert len(server.books) < 10


# The budget


@pytest.mark.parametrize("streamed", [False, True])
def test_answers_lost_on_the_way_never_cost_more_than_the_budget(tmp_path: Path, streamed: bool) -> None:
    most = most_tokens(ask(10).messages) + 50
    with OpenAILikeServer(lambda body: Fault("cut_body")) as server, Ledger(tmp_path / "l.sqlite") as ledger:
        budget = Budget(parse_budget(f"{most * 7} tokens"))
        outer = LedgerClient(connect(server), ledger, step="s", budget=budget)
        with pytest.raises(BudgetExceededError, match="raise the budget"):
            if streamed:
                while True:
                    with pytest.raises(TeacherUnreachableError):
                        list(outer.stream(ask(1, max_tokens=50)))
            else:
                list(outer.complete_many(ask(i, max_tokens=50) for i in range(50)))
        # Each of them may have been computed in full, and billed.
        assert 5 <= len(server.books) <= 7
        assert ledger.spent().tokens <= most * 7


def test_a_budget_that_repeated_attempts_used_up_leaves_nothing_behind_when_it_is_raised(tmp_path: Path) -> None:
    cut = iter([True] * 6)
    most = most_tokens(ask(10).messages) + 50
    requests = [ask(i, max_tokens=50) for i in range(10)]

    def answer(body: dict) -> Reply | Fault:
        return Fault("cut_body") if next(cut, False) else Reply(echo(body))

    with OpenAILikeServer(answer) as server, Ledger(tmp_path / "l.sqlite") as ledger:
        inner = connect(server)
        small = LedgerClient(inner, ledger, step="s", budget=Budget(parse_budget(f"{most * 5} tokens")))
        with pytest.raises(BudgetExceededError):
            list(small.complete_many(requests))
        large = LedgerClient(inner, ledger, step="s", budget=Budget(parse_budget("100000 tokens")))
        got = dict(large.complete_many(requests))
        (line,) = ledger.summary()
    assert all(response.failure is None for response in got.values())
    assert set(server.answered().values()) == {1}
    assert line.lost == 0
