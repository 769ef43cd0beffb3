"""Budgets and prices: what may be spent, over steps, threads, kills and resumes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers.openai_like import OpenAILikeServer

from prompt2model.errors import BudgetExceededError, ConfigError, PriceUnknownError
from prompt2model.teacher import (
    Budget,
    ChatRequest,
    ChatResponse,
    Ledger,
    LedgerClient,
    Limit,
    Message,
    Price,
    Prices,
    ScriptedClient,
    parse_budget,
)
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.tokens import likely_tokens, most_tokens


def ask(text: str, max_tokens: int = 10) -> ChatRequest:
    return ChatRequest((Message("user", text),), max_tokens=max_tokens)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2usd", Limit(money=2.0)),
        ("2.50 usd", Limit(money=2.5)),
        (" $2 ", Limit(money=2.0)),
        ("0.05USD", Limit(money=0.05)),
        ("500000tokens", Limit(tokens=500_000)),
        ("500k tokens", Limit(tokens=500_000)),
        ("1.5m tokens", Limit(tokens=1_500_000)),
        ("1 token", Limit(tokens=1)),
    ],
)
def test_budgets_are_read(text: str, limit: Limit) -> None:
    assert parse_budget(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "2", "usd", "2 eur", "-2usd", "2,50usd", "1,000 tokens", "0usd", "0tokens", "nan usd", "inf usd", "k tokens"],
)
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_budget(text)


@given(st.text(max_size=20))
@settings(max_examples=200)
def test_any_text_is_a_budget_or_a_config_error(text: str) -> None:
    try:
        limit = parse_budget(text)
    except ConfigError:
        return
    assert (limit.money is None) != (limit.tokens is None)
    assert (limit.money or limit.tokens or 0) > 0


@given(st.text(max_size=300))
@settings(max_examples=200)
def test_a_reservation_covers_what_is_likely(text: str) -> None:
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert likely_tokens(text) <= most_tokens([Message("user", text)])


def test_nothing_is_sent_that_the_budget_does_not_cover(tmp_path: Path) -> None:
    inner = ScriptedClient(lambda request: ChatResponse("x", prompt_tokens=20, completion_tokens=10))
    budget = Budget(parse_budget("200 tokens"))
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        answers = LedgerClient(inner, ledger, step="s", role="r", budget=budget).complete_many(
            ask(f"question {i}") for i in range(50)
        )
        got = []
        with pytest.raises(BudgetExceededError, match=r"200 tokens .* 180 tokens are spent in 6 calls") as raised:
            for _, response in answers:
                got.append(response)
        assert "\n" not in str(raised.value)
        assert len(got) == inner.calls == 6
        assert ledger.spent().tokens == 180


def test_a_group_that_the_budget_does_not_cover_is_asked_in_parts(tmp_path: Path) -> None:
    inner = ScriptedClient(lambda request: ChatResponse("x", prompt_tokens=20, completion_tokens=10), batch_size=32)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:

        def run(limit: str) -> int:
            outer = LedgerClient(inner, ledger, step="s", role="r", budget=Budget(parse_budget(limit)))
            return len(list(outer.complete_many(ask(f"question {i}") for i in range(20))))

        with pytest.raises(BudgetExceededError, match="180 tokens are spent in 6 calls"):
            run("200 tokens")
        assert inner.calls == 6
        assert run("2000 tokens") == inner.calls == 20


def test_the_budget_holds_over_steps_and_resumes_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    inner = ScriptedClient(lambda request: ChatResponse("x", prompt_tokens=20, completion_tokens=10))
    path = tmp_path / "ledger.sqlite"

    def run(step: str, limit: str, first: int, last: int) -> None:
        with Ledger(path) as ledger:
            outer = LedgerClient(inner, ledger, step=step, role="r", budget=Budget(parse_budget(limit)))
            list(outer.complete_many(ask(f"question {i}") for i in range(first, last)))

    run("one", "200 tokens", 0, 3)
    with pytest.raises(BudgetExceededError):
        run("two", "200 tokens", 3, 50)
    spent = inner.calls
    with pytest.raises(BudgetExceededError):
        run("two", "200 tokens", 3, 50)
    assert inner.calls == spent == 6
    run("two", "400 tokens", 3, 8)
    assert inner.calls == 8


def test_calls_lost_in_a_kill_stay_charged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"

    def dies(request: ChatRequest) -> str:
        raise SystemExit

    with Ledger(path) as ledger, pytest.raises(SystemExit):
        list(LedgerClient(ScriptedClient(dies), ledger, step="s", role="r").complete_many([ask("a", max_tokens=1000)]))
    with Ledger(path) as ledger:
        assert ledger.spent().tokens >= 1000
        (line,) = ledger.summary()
        assert (line.calls, line.lost) == (0, 1)
        outer = LedgerClient(
            ScriptedClient(lambda request: "x"), ledger, step="s", role="r", budget=Budget(parse_budget("1000 tokens"))
        )
        with pytest.raises(BudgetExceededError):
            list(outer.complete_many([ask("a")]))


@pytest.mark.parametrize("concurrency", [1, 8])
def test_by_the_servers_books_the_budget_is_never_passed_and_nearly_used(tmp_path: Path, concurrency: int) -> None:
    price = Price(10.0, 100.0)
    with OpenAILikeServer(lambda body: "four words of answer") as server, Ledger(tmp_path / "l.sqlite") as ledger:
        inner = OpenAICompatibleClient("m", server.base_url, concurrency=concurrency)
        budget = Budget(Limit(money=0.02), Prices({"openai:m": price}))
        outer = LedgerClient(inner, ledger, step="s", role="r", budget=budget)
        got = []
        with pytest.raises(BudgetExceededError, match=r"0\.02 USD"):
            for _, response in outer.complete_many(ask(f"question number {i}", max_tokens=20) for i in range(500)):
                got.append(response)
        spent = ledger.spent().money
    paid = sum(price.of(entry.prompt_tokens, entry.completion_tokens) for entry in server.books)
    assert paid == pytest.approx(spent)
    assert len(got) == len(server.books)
    one_reserved = price.of(most_tokens([Message("user", "question number 100")]), 20)
    assert 0.02 - one_reserved <= paid <= 0.02


def test_a_budget_in_money_needs_a_price(tmp_path: Path) -> None:
    money, tokens = Budget(parse_budget("1usd")), Budget(parse_budget("1000 tokens"))
    inner = ScriptedClient(lambda request: "x", model="openai:somebody-elses-model")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(PriceUnknownError, match="somebody-elses-model"):
            LedgerClient(inner, ledger, step="s", role="r", budget=money)
        LedgerClient(inner, ledger, step="s", role="r", budget=tokens)
        known = Budget(parse_budget("1usd"), Prices({"somebody-elses-model": Price(1, 2)}))
        LedgerClient(inner, ledger, step="s", role="r", budget=known)


def test_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    find = Prices().find
    assert find(OpenAICompatibleClient("gpt-4.1-mini")) == Price(0.40, 1.60)
    assert find(OpenAICompatibleClient("gpt-4.1-mini")).of(1_000_000, 500_000) == pytest.approx(1.20)  # type: ignore[union-attr]
    assert find(OpenAICompatibleClient("gpt-4.1-mini", "http://127.0.0.1:1/v1")) == Price(0, 0)
    assert find(OpenAICompatibleClient("gpt-4.1-mini", "http://localhost:1/v1")) == Price(0, 0)
    assert find(OpenAICompatibleClient("gpt-4.1-mini", "https://reseller.example/v1")) is None
    assert find(OpenAICompatibleClient("a-model-of-tomorrow")) is None
    own = Prices({"gpt-4.1-mini": Price(1, 1)})
    assert own.find(OpenAICompatibleClient("gpt-4.1-mini", "http://127.0.0.1:1/v1")) == Price(1, 1)
    with pytest.raises(ConfigError):
        Prices({"gpt-4.1-mini": Price(-1, 1)})
