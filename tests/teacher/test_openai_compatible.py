"""The client for endpoints, against a real HTTP server on loopback that breaks down on order."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator

import pytest
from servers.openai_like import Fault, FaultKind, OpenAILikeServer, Reply, faults_first

from prompt2model.errors import (
    ConfigError,
    TeacherError,
    TeacherKeyError,
    TeacherRequestError,
    TeacherUnreachableError,
)
from prompt2model.teacher.client import ChatRequest, ChatResponse, Message
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

SECRET = "sk-this-is-the-secret-1234567890"


@pytest.fixture(autouse=True)
def no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID"):
        monkeypatch.delenv(name, raising=False)


def connect(
    server: OpenAILikeServer, concurrency: int = 4, timeout: float = 5.0, **policy: float
) -> OpenAICompatibleClient:
    limits = {"attempts": 4, "first_wait": 0.002, "longest_wait": 0.01, "patience": 10.0, **policy}
    return OpenAICompatibleClient(
        "some-model",
        server.base_url,
        concurrency=concurrency,
        timeout=timeout,
        policy=RetryPolicy(**limits),  # type: ignore[arg-type]
    )


def ask(text: str, **settings: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), **settings)  # type: ignore[arg-type]


def only(client: OpenAICompatibleClient, request: ChatRequest) -> ChatResponse:
    ((asked, response),) = client.complete_many([request])
    assert asked is request
    return response


def after_a_good_one(client: OpenAICompatibleClient, request: ChatRequest) -> ChatResponse:
    assert only(client, ask("good")).failure is None
    return only(client, request)


def echo(body: dict) -> str:
    return f"echo {body['messages'][-1]['content']}"


def test_every_request_gets_its_own_answer_and_the_server_sees_at_most_concurrency() -> None:
    with OpenAILikeServer(echo, delay=0.01) as server:
        requests = [ask(f"question {i}") for i in range(40)]
        answers = dict(connect(server, concurrency=4).complete_many(requests))
    assert {request.messages[0].content: response.text for request, response in answers.items()} == {
        f"question {i}": f"echo question {i}" for i in range(40)
    }
    assert 1 < server.most_under_way <= 4
    assert len(server.books) == 40


def test_answers_that_nobody_has_taken_keep_their_place() -> None:
    """A kill costs what was read and not stored: never more than `concurrency` answers, however slow the reader is."""
    taken = 0
    with OpenAILikeServer(echo) as server:
        for taken, _ in enumerate(connect(server, concurrency=4).complete_many(ask(str(i)) for i in range(40)), 1):
            # Everything under way has time to arrive before the next answer is taken.
            while server.under_way:
                server.stopped.wait(0.001)
            server.stopped.wait(0.005)
            assert len(server.books) - taken < 4
    assert taken == 40


def test_settings_reach_the_server_and_usage_comes_back() -> None:
    with OpenAILikeServer(lambda body: "one two three") as server:
        response = only(connect(server), ask("a b", temperature=0.7, max_tokens=33, stop=("END",)))
    body = server.books[0].body
    assert (body["model"], body["temperature"], body["max_tokens"], body["stop"]) == ("some-model", 0.7, 33, ["END"])
    assert body["messages"] == [{"role": "user", "content": "a b"}]
    assert (response.text, response.prompt_tokens, response.completion_tokens) == ("one two three", 2, 3)


def test_requests_are_taken_as_they_are_needed() -> None:
    taken = itertools.count()

    def endless() -> Iterator[ChatRequest]:
        while True:
            yield ask(f"question {next(taken)}")

    with OpenAILikeServer(echo) as server:
        answers = connect(server, concurrency=3).complete_many(endless())
        got = list(itertools.islice(answers, 10))
        answers.close()  # type: ignore[attr-defined]
    assert len(got) == 10
    assert next(taken) <= 14


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limited", retry_after=0.01),
        Fault("rate_limited"),
        Fault("server_error"),
        Fault("overloaded", retry_after=0.01),
        Fault("cut"),
        Fault("cut_body"),
        Fault("half_json"),
        Fault("wrong_schema"),
    ],
    ids=lambda fault: fault.kind,
)
def test_what_may_pass_is_tried_again(fault: Fault) -> None:
    with OpenAILikeServer(faults_first([fault, fault], echo)) as server:
        response = only(connect(server), ask("hello"))
    assert response == ChatResponse(
        "echo hello",
        prompt_tokens=1,
        completion_tokens=2,
        lost_prompt_tokens=response.lost_prompt_tokens,
        lost_completion_tokens=response.lost_completion_tokens,
    )
    assert len(server.books) == 3
    may_be_billed = fault.kind in ("cut", "cut_body", "half_json", "wrong_schema")
    assert response.lost_completion_tokens == (2 * 256 if may_be_billed else 0)


def test_a_web_page_from_a_wrong_address_is_said_at_once_and_not_asked_for_again() -> None:
    for call in (lambda client: client.complete_many([ask("a")]), lambda client: client.stream(ask("a"))):
        with OpenAILikeServer(lambda body: Fault("html")) as server:
            with pytest.raises(TeacherUnreachableError, match="sent a web page") as raised:
                list(call(connect(server)))
            assert "\n" not in str(raised.value)
            assert server.base_url in str(raised.value)
            assert len(server.books) == 1


def test_a_web_page_between_answers_may_pass() -> None:
    pages = faults_first([Fault("html"), Fault("html")], echo)
    with OpenAILikeServer(lambda body: "good" if "good" in echo(body) else pages(body)) as server:
        response = after_a_good_one(connect(server), ask("hello"))
    assert (response.text, response.lost_completion_tokens) == ("echo hello", 2 * 256)
    assert len(server.books) == 4


def test_a_hanging_answer_is_cut_at_the_time_limit_and_asked_again() -> None:
    with OpenAILikeServer(faults_first([Fault("hang", seconds=30)], echo)) as server:
        response = only(connect(server, timeout=0.2), ask("hello"))
    assert response.text == "echo hello"
    assert response.lost_completion_tokens == 256


def test_an_answer_that_drips_is_cut_at_the_limit_for_the_whole_and_asked_again() -> None:
    with OpenAILikeServer(faults_first([Fault("drip", seconds=15)], echo)) as server:
        response = only(connect(server, timeout=0.1), ask("hello"))
    assert response.text == "echo hello"
    assert response.lost_completion_tokens == 256
    first, second = server.books
    assert 0.5 <= second.started - first.started < 5


def test_a_server_that_only_drips_ends_the_run_in_one_line() -> None:
    dripping = OpenAILikeServer(lambda body: Fault("drip", seconds=15))
    with dripping as server, pytest.raises(TeacherUnreachableError, match="time limit"):
        list(connect(server, timeout=0.05, attempts=2).complete_many([ask("hello")]))


def test_an_endpoint_that_only_says_wait_is_said_to_do_so() -> None:
    endless = OpenAILikeServer(lambda body: Fault("rate_limited"))
    with endless as server, pytest.raises(TeacherUnreachableError, match="tells every request to wait"):
        list(connect(server, patience=0.05).complete_many([ask("hello")]))


def test_retry_after_is_honoured() -> None:
    with OpenAILikeServer(faults_first([Fault("rate_limited", retry_after=0.3)], echo)) as server:
        only(connect(server), ask("hello"))
    first, second = server.books
    assert second.started - first.started >= 0.3


@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("refusal", "refused"),
        ("content_filter", "refused"),
        ("content_filter_400", "refused"),
        ("context_too_long", "context_too_long"),
        ("empty", "empty"),
    ],
)
def test_what_will_not_pass_is_a_failure_at_once(kind: FaultKind, failure: str) -> None:
    with OpenAILikeServer(lambda body: Fault(kind)) as server:
        response = only(connect(server), ask("hello"))
    assert (response.failure, response.text) == (failure, "")
    assert len(server.books) == 1


@pytest.mark.parametrize(("kind", "failure"), [("server_error", "unavailable"), ("rate_limited", "rate_limited")])
def test_what_does_not_pass_in_time_is_a_failure_of_that_item_alone(kind: FaultKind, failure: str) -> None:
    with OpenAILikeServer(lambda body: Fault(kind) if "bad" in echo(body) else echo(body)) as server:
        client = connect(server, patience=0.05)
        answers = {r.messages[0].content: a for r, a in client.complete_many([ask("bad"), ask("good"), ask("fine")])}
    assert answers["bad"].failure == failure
    assert answers["good"].text == "echo good"
    assert answers["fine"].text == "echo fine"


def test_a_request_that_only_this_item_is_refused_for_fails_alone_even_when_it_comes_first() -> None:
    texts = ["bad", "good", *(f"bad {i}" for i in range(20)), "fine"]
    with OpenAILikeServer(lambda body: Fault("bad_request") if "bad" in echo(body) else echo(body)) as server:
        answers = {r.messages[0].content: a for r, a in connect(server, 1).complete_many(map(ask, texts))}
    assert list(answers) == ["bad", "good", *texts[2:]]
    assert {text for text, answer in answers.items() if answer.failure == "refused"} == set(texts) - {"good", "fine"}
    assert answers["fine"].text == "echo fine"


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("bad_key", TeacherKeyError, "OPENAI_API_KEY"),
        ("no_model", TeacherRequestError, "check the model's name"),
        ("no_credit", TeacherRequestError, "no credit left"),
        ("bad_request", TeacherRequestError, "refuses the requests"),
        ("server_error", TeacherUnreachableError, "HTTP 500"),
        ("html", TeacherUnreachableError, "no chat completion; correct --base-url"),
    ],
)
def test_what_no_request_escapes_is_an_error_in_one_line(kind: FaultKind, error: type[Exception], words: str) -> None:
    with OpenAILikeServer(lambda body: Fault(kind)) as server, pytest.raises(error, match=words) as raised:
        list(connect(server).complete_many(ask(f"question {i}") for i in range(50)))
    assert "\n" not in str(raised.value)
    assert len(server.books) <= 40


def test_answers_under_way_are_not_lost_when_one_request_ends_it_all() -> None:
    gate = threading.Event()

    def answer(body: dict) -> str | Fault:
        if "fatal" in echo(body):
            gate.set()
            return Fault("no_model")
        gate.wait(5)
        return echo(body)

    got = []
    with OpenAILikeServer(answer) as server, pytest.raises(TeacherRequestError):
        for request, _ in connect(server).complete_many(ask(text) for text in ("a", "b", "fatal", "c", "late")):
            got.append(request.messages[0].content)
    assert {"a", "b", "c"} <= set(got)
    assert sorted(got) == sorted(server.answered().elements())


def test_a_server_that_dies_midway_stops_the_run_instead_of_failing_every_item() -> None:
    counter = itertools.count()
    with OpenAILikeServer(lambda body: echo(body) if next(counter) < 5 else Fault("cut")) as server:
        answers = connect(server, concurrency=2, attempts=2).complete_many(ask(f"question {i}") for i in range(500))
        with pytest.raises(TeacherUnreachableError, match="resume"):
            list(answers)
    assert len(server.books) < 60


def test_an_address_where_nothing_answers_is_said_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        client = OpenAICompatibleClient("some-model", f"http://127.0.0.1:{port}/v1")
        for call in (lambda: list(client.complete_many([ask("a")])), lambda: list(client.stream(ask("a")))):
            with pytest.raises(TeacherUnreachableError, match=f"127.0.0.1:{port}") as raised:
                call()
            assert "\n" not in str(raised.value)


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://host/v1", "http://", "http://[::1/v1", "nonsense"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is no address"):
        OpenAICompatibleClient("some-model", url)


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ConfigError) as raised:
        OpenAICompatibleClient("some-model", f"https://me:{SECRET}@example.org/v1")
    assert SECRET not in str(raised.value)


# Settings that some models do not take


def test_newer_models_get_max_completion_tokens_and_it_is_remembered() -> None:
    with OpenAILikeServer(echo, refused_parameters=frozenset({"max_tokens"})) as server:
        client = connect(server, concurrency=1)
        texts = [response.text for _, response in client.complete_many([ask("a"), ask("b"), ask("c", max_tokens=7)])]
    assert texts == ["echo a", "echo b", "echo c"]
    assert len(server.books) == 4
    assert server.books[-1].body["max_completion_tokens"] == 7


def test_an_endpoint_that_takes_neither_length_setting_is_an_error() -> None:
    refused = frozenset({"max_tokens", "max_completion_tokens"})
    with OpenAILikeServer(echo, refused_parameters=refused) as server, pytest.raises(TeacherRequestError):
        list(connect(server).complete_many([ask("a")]))
    assert len(server.books) == 2


def test_a_model_without_temperature_is_said_and_never_asked_without_it() -> None:
    with (
        OpenAILikeServer(echo, refused_parameters=frozenset({"temperature"})) as server,
        pytest.raises(TeacherRequestError, match="takes no temperature"),
    ):
        list(connect(server).complete_many([ask("a", temperature=0.7)]))
    assert server.outcomes() == {"refused temperature": 1}


@pytest.mark.parametrize("refused", [frozenset(), frozenset({"stop"})])
def test_stop_texts_cut_the_answer_whether_the_endpoint_knows_them_or_not(refused: frozenset[str]) -> None:
    stop = ("\n\n", "END", "five", "six", "seven")
    with OpenAILikeServer(
        lambda body: Reply("one two END three", finish="length"), refused_parameters=refused
    ) as server:
        client = connect(server)
        response = only(client, ask("a", stop=stop))
        streamed = "".join(client.stream(ask("a", stop=stop)))
    assert (response.text, response.finish) == ("one two ", "stop")
    assert streamed == "one two "
    assert all(len(entry.body.get("stop", [])) <= 4 for entry in server.books)


def test_an_answer_cut_at_its_length_says_so_and_missing_usage_is_estimated() -> None:
    with OpenAILikeServer(lambda body: Reply("one two three four", finish="length", usage=False)) as server:
        response = only(connect(server), ask("some words here"))
    assert response.finish == "length"
    assert response.prompt_tokens > 0
    assert response.completion_tokens > 0


def test_a_model_that_thinks_up_to_the_limit_has_no_answer() -> None:
    with OpenAILikeServer(lambda body: Reply("", finish="length")) as server:
        response = only(connect(server), ask("a"))
    assert (response.failure, response.finish) == ("truncated", "length")


def test_under_many_kinds_of_faults_every_item_has_its_own_fate_and_none_is_paid_twice() -> None:
    passing: list[FaultKind] = ["rate_limited", "overloaded", "server_error", "cut", "cut_body", "half_json", "html"]
    final: dict[str, FaultKind] = {
        "refused": "refusal",
        "context_too_long": "context_too_long",
        "empty": "empty",
    }
    seen: set[str] = set()
    lock = threading.Lock()

    def answer(body: dict) -> str | Fault:
        text = body["messages"][0]["content"]
        number = int(text.split()[-1])
        with lock:
            first = text not in seen
            seen.add(text)
        if number % 3 == 0 and first:
            return Fault(passing[number // 3 % len(passing)], retry_after=0.002)
        return Fault(final[text.split()[0]]) if text.split()[0] in final else echo(body)

    kinds = ["plain", "plain", "plain", "refused", "context_too_long", "empty"]
    items = [f"{kinds[i % 11 % 6]} item {i}" for i in range(300)]
    with OpenAILikeServer(answer) as server:
        fates = {
            said.messages[0].content: r for said, r in connect(server, concurrency=8).complete_many(map(ask, items))
        }
    assert sorted(fates) == sorted(items)
    for item, response in fates.items():
        assert response.failure == (item.split()[0] if item.split()[0] in final else None)
        assert response.text == ("" if response.failure else f"echo {item}")
    assert set(server.answered().values()) == {1}


def test_a_repeated_beginning_of_the_assistants_turn_is_taken_off() -> None:
    messages = (Message("user", "List colours."), Message("assistant", "1. red\n2."))
    with OpenAILikeServer(lambda body: "1. red\n2. green") as server:
        response = only(connect(server), ChatRequest(messages))
    assert response.text == " green"


def test_half_surrogate_pairs_do_not_stop_anything() -> None:
    with OpenAILikeServer(lambda body: "good \ud83d") as server:
        response = only(connect(server), ask("bad \ud800 input"))
    response.text.encode("utf-8")
    assert response.text.startswith("good")


# Streaming


def test_a_stream_comes_in_pieces_and_ends_with_the_whole_answer() -> None:
    with OpenAILikeServer(lambda body: "one two three") as server:
        stream = connect(server).stream(ask("a b"))
        pieces = []
        while True:
            try:
                pieces.append(next(stream))
            except StopIteration as end:
                response = end.value
                break
    assert pieces == ["one", " two", " three"]
    assert (response.text, response.prompt_tokens, response.completion_tokens) == ("one two three", 2, 3)


def test_a_stream_without_the_option_for_usage_works() -> None:
    with OpenAILikeServer(echo, refused_parameters=frozenset({"stream_options"})) as server:
        assert "".join(connect(server).stream(ask("a"))) == "echo a"


def test_a_stream_is_tried_again_before_its_first_piece() -> None:
    with OpenAILikeServer(faults_first([Fault("server_error"), Fault("cut")], echo)) as server:
        assert "".join(connect(server).stream(ask("a"))) == "echo a"


@pytest.mark.parametrize("kind", ["content_filter_400", "context_too_long", "server_error", "content_filter", "empty"])
def test_a_stream_that_fails_is_an_error(kind: FaultKind) -> None:
    with OpenAILikeServer(lambda body: Fault(kind)) as server, pytest.raises(TeacherError):
        list(connect(server).stream(ask("a")))


# The key


def test_a_missing_key_is_said_before_anything_is_sent() -> None:
    with pytest.raises(TeacherKeyError, match="OPENAI_API_KEY is not set"):
        OpenAICompatibleClient("gpt-4.1-mini")
    with pytest.raises(TeacherKeyError, match="MY_KEY is not set"):
        OpenAICompatibleClient("gpt-4.1-mini", "https://example.org/v1", key_variable="MY_KEY")


def test_the_key_is_sent_and_the_given_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    with OpenAILikeServer(echo, key=SECRET) as server:
        client = OpenAICompatibleClient("some-model", server.base_url, key_variable="MY_KEY")
        assert only(client, ask("a")).text == "echo a"
    assert server.books[0].authorization == f"Bearer {SECRET}"


@pytest.mark.parametrize("use", ["complete", "stream", "bad_request", "unreachable"])
def test_the_key_shows_in_no_message_log_or_repr(
    use: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    caplog.set_level(logging.DEBUG)
    with OpenAILikeServer(lambda body: Fault("bad_request"), key="another") as server:
        if use == "bad_request":
            server.key = None
        client = connect(server, attempts=1)
        if use == "unreachable":
            server.stop()
        call: Callable[[], object] = lambda: list(client.complete_many([ask("a")]))  # noqa: E731
        with pytest.raises(TeacherError) as raised:
            list(client.stream(ask("a"))) if use == "stream" else call()
    shown = "".join(traceback.format_exception(raised.value)) + repr(client) + str(vars(client)) + caplog.text
    assert SECRET not in shown


def test_a_key_that_cannot_be_one_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{SECRET}\nexport")
    with pytest.raises(TeacherKeyError) as raised:
        OpenAICompatibleClient("gpt-4.1-mini")
    assert SECRET not in str(raised.value)


def test_a_proxy_of_the_environment_is_not_used_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with OpenAILikeServer(echo) as server:
        assert only(connect(server), ask("a")).text == "echo a"
