"""The ledger: what was answered once is never asked again, not after a kill and not by another process."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.openai_like import Fault, OpenAILikeServer

from prompt2model.errors import DiskFullError, RunFolderError, TeacherError, TeacherKeyError
from prompt2model.records import CostLine
from prompt2model.teacher import (
    ChatRequest,
    ChatResponse,
    Ledger,
    LedgerClient,
    Message,
    Price,
    Prices,
    ScoreRequest,
    ScriptedClient,
    is_scorer,
)
from prompt2model.teacher.openai_compatible import OpenAICompatibleClient
from prompt2model.teacher.throttle import RetryPolicy

SECRET = "sk-this-is-the-secret-1234567890"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "teacher_calls.sqlite") as ledger:
        yield ledger


def ask(text: str, **settings: object) -> ChatRequest:
    return ChatRequest((Message("user", text),), **settings)  # type: ignore[arg-type]


def said(request: ChatRequest) -> str:
    return request.messages[-1].content


def echo(request: ChatRequest) -> str:
    return f"echo {said(request)}"


def client(inner: ScriptedClient | OpenAICompatibleClient, ledger: Ledger, step: str = "generate") -> LedgerClient:
    return LedgerClient(inner, ledger, step=step, role="teacher")


def texts(answers: Iterator[tuple[ChatRequest, ChatResponse]]) -> dict[str, str]:
    return {said(request): response.text for request, response in answers}


def test_what_was_answered_is_not_asked_again(ledger: Ledger) -> None:
    inner = ScriptedClient(echo)
    first = list(client(inner, ledger).complete_many([ask("a"), ask("b")]))
    second = list(client(inner, ledger, step="label").complete_many([ask("b"), ask("c"), ask("a")]))
    assert [said(request) for request in inner.requests] == ["a", "b", "c"]
    assert dict(first)[ask("a")] == dict(second)[ask("a")]


def test_draw_and_settings_and_model_tell_requests_apart_and_purpose_does_not(ledger: Ledger) -> None:
    counter = itertools.count()
    inner = ScriptedClient(lambda request: f"answer {next(counter)}")
    requests = [ask("a"), ask("a", draw=1), ask("a", temperature=0.5), ask("a", max_tokens=9), ask("a", stop=("x",))]
    list(client(inner, ledger).complete_many(requests))
    assert inner.calls == 5
    ((_, again),) = client(inner, ledger).complete_many([ask("a", draw=1, purpose="another")])
    assert again.text == "answer 1"
    list(client(ScriptedClient(echo, model="another"), ledger).complete_many([ask("a")]))
    assert inner.calls == 5


def test_the_same_name_at_another_address_is_another_model(ledger: Ledger) -> None:
    with OpenAILikeServer(lambda body: "one") as one, OpenAILikeServer(lambda body: "two") as two:
        answers = [
            texts(client(OpenAICompatibleClient("m", server.base_url), ledger).complete_many([ask("a")]))["a"]
            for server in (one, two)
        ]
    assert answers == ["one", "two"]


@pytest.mark.parametrize("batch_size", [1, 4])
def test_equal_requests_are_asked_once_and_each_is_answered(ledger: Ledger, batch_size: int) -> None:
    inner = ScriptedClient(echo, batch_size=batch_size)
    answers = list(client(inner, ledger).complete_many([ask("a"), ask("b"), ask("a"), ask("a")]))
    assert sorted(said(request) for request, _ in answers) == ["a", "a", "a", "b"]
    assert inner.calls == 2


def test_equal_requests_under_way_at_the_same_time_are_sent_once(ledger: Ledger) -> None:
    with OpenAILikeServer(lambda body: "ok", delay=0.05) as server:
        endpoint = OpenAICompatibleClient("m", server.base_url, concurrency=4)
        answers = list(client(endpoint, ledger).complete_many([ask("a")] * 4 + [ask("b")] * 2))
    assert len(answers) == 6
    assert len(server.books) == 2


def test_known_answers_pass_by_without_piling_up(ledger: Ledger) -> None:
    inner = ScriptedClient(echo)
    list(client(inner, ledger).complete_many(ask(str(i)) for i in range(600)))
    taken = itertools.count()
    endless = (ask(str(next(taken) % 600)) for _ in itertools.count())
    assert len(list(itertools.islice(client(inner, ledger).complete_many(endless), 1000))) == 1000
    assert next(taken) <= 1300
    assert inner.calls == 600


def test_groups_are_slices_of_all_requests_so_that_a_resumed_run_meets_them_again(tmp_path: Path) -> None:
    script = """
        import os, signal, sys
        from pathlib import Path
        from prompt2model.teacher import ChatRequest, Ledger, LedgerClient, Message, ScriptedClient
        def answer(request):
            text = request.messages[0].content
            if sys.argv[2] == text:
                os.kill(os.getpid(), signal.SIGKILL)
            print(text, flush=True)
            return "ok"
        inner = ScriptedClient(answer, batch_size=4)
        requests = [ChatRequest((Message("user", str(i % 14)),)) for i in range(20)]
        with Ledger(Path(sys.argv[1])) as ledger:
            list(LedgerClient(inner, ledger, step="s", role="r").complete_many(requests))
    """

    def run(path: Path, die_at: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-c", textwrap.dedent(script), str(path), die_at]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout.split()

    path = tmp_path / "ledger.sqlite"
    assert run(path, "10") == (-signal.SIGKILL, [str(i) for i in range(10)])
    # The group 8…11 was half computed: it is computed again as a whole, the finished groups not at all.
    assert run(path, "none") == (0, [str(i) for i in range(8, 14)])
    with Ledger(path) as ledger:
        (line,) = ledger.summary()
        assert (line.calls, line.lost, line.reused) == (14, 4, 14)


def test_a_killed_run_asks_nothing_again_that_it_had_read(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from prompt2model.teacher import ChatRequest, Ledger, LedgerClient, Message, connect
        with Ledger(Path(sys.argv[1])) as ledger:
            client = LedgerClient(connect("openai:m", base_url=sys.argv[2], concurrency=4), ledger, step="s", role="r")
            for request, response in client.complete_many(ChatRequest((Message("user", f"q{i}"),)) for i in range(60)):
                print(request.messages[0].content, response.text, flush=True)
    """
    path = tmp_path / "ledger.sqlite"
    kills = 2
    with OpenAILikeServer(lambda body: f"echo {body['messages'][0]['content']}", delay=0.01) as server:
        command = [sys.executable, "-c", textwrap.dedent(script), str(path), server.base_url]
        for kill in range(1, kills + 1):
            child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 60
            while len(server.books) < kill * 20 + 3 and time.monotonic() < deadline:
                time.sleep(0.002)  # waits for the server's books, not for luck
            os.kill(child.pid, signal.SIGKILL)
            used = child.communicate()[0].splitlines()
            assert child.returncode == -signal.SIGKILL
            with Ledger(path) as ledger:
                stored = {row[0] for row in ledger._database.execute("SELECT text FROM answers")}
            assert {line.split(" ", 1)[1] for line in used if line.count(" ") == 2} <= stored
        last = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    assert sorted(last) == sorted(f"q{i} echo q{i}" for i in range(60))
    asked = [entry.prompt for entry in server.books]
    assert set(asked) == {f"q{i}" for i in range(60)}
    assert len(asked) - 60 <= 4 * kills
    with Ledger(path) as ledger:
        (line,) = ledger.summary()
        assert line.calls == 60
        # Every request beyond one per question was entered as lost, and is charged.
        assert len(asked) - 60 <= line.lost <= 4 * kills


def test_failures_that_may_pass_are_no_answers_and_others_are(ledger: Ledger) -> None:
    failures = {"busy": "rate_limited", "down": "unavailable", "bad": "refused", "long": "context_too_long"}
    failures["nothing"] = "empty"
    inner = ScriptedClient(lambda request: ChatResponse("", failure=failures[said(request)]))  # type: ignore[arg-type]
    requests = [ask(text) for text in failures]
    list(client(inner, ledger).complete_many(requests))
    again = {said(request): response.failure for request, response in client(inner, ledger).complete_many(requests)}
    assert again == failures
    assert [said(request) for request in inner.requests[5:]] == ["busy", "down"]


def test_costs_are_kept_by_step_role_and_model(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    prices = Prices({"scripted": Price(1.0, 10.0)})
    inner = ScriptedClient(lambda request: ChatResponse("x", prompt_tokens=1000, completion_tokens=100))
    with Ledger(path) as ledger:
        LedgerClient(inner, ledger, step="parse", role="parser")
        list(LedgerClient(inner, ledger, step="one", role="a", prices=prices).complete_many([ask("a"), ask("b")]))
        list(LedgerClient(inner, ledger, step="two", role="b", prices=prices).complete_many([ask("b"), ask("c")]))
        free = ScriptedClient(lambda request: ChatResponse("", failure="refused"), model="priceless")
        list(LedgerClient(free, ledger, step="two", role="b").complete_many([ask("c")]))
    with Ledger(path) as ledger:
        assert ledger.summary() == (
            CostLine("one", "a", "scripted", 2, 0, 2000, 200, 0, pytest.approx(0.004)),
            CostLine("two", "b", "scripted", 1, 1, 1000, 100, 0, pytest.approx(0.002)),
            CostLine("two", "b", "priceless", 1, 0, 0, 0, 1, None),
        )


def test_a_refused_key_leaves_no_charge(ledger: Ledger) -> None:
    with OpenAILikeServer(lambda body: Fault("bad_key")) as server, pytest.raises(TeacherKeyError):
        list(client(OpenAICompatibleClient("m", server.base_url), ledger).complete_many([ask("a"), ask("b")]))
    assert ledger.spent().tokens == 0


def test_lost_attempts_are_charged_and_not_part_of_the_answer(ledger: Ledger) -> None:
    inner = ScriptedClient(
        lambda request: ChatResponse("x", "stop", 10, 5, lost_prompt_tokens=20, lost_completion_tokens=256)
    )
    list(client(inner, ledger).complete_many([ask("a")]))
    assert ledger.spent().tokens == 10 + 5 + 20 + 256
    ((_, again),) = client(inner, ledger).complete_many([ask("a")])
    assert (again.prompt_tokens, again.lost_completion_tokens) == (10, 0)


# Scores


def test_scores_are_kept_to_the_last_bit(ledger: Ledger) -> None:
    inner = ScriptedClient(echo, score=lambda request: [-1 / 3, -0.1 - 0.2], batch_size=2)
    requests = [ScoreRequest((Message("user", str(i)),), ("yes", "no")) for i in (0, 1, 2, 1)]
    outer = client(inner, ledger)
    assert is_scorer(outer)
    first = list(outer.score_many(requests))
    second = list(outer.score_many(requests))
    assert first == second
    assert [response.log_probabilities for _, response in second] == [(-1 / 3, -0.1 - 0.2)] * 4
    assert inner.calls == 3


def test_a_client_that_cannot_score_says_so(ledger: Ledger) -> None:
    outer = client(ScriptedClient(echo), ledger)
    assert not is_scorer(outer)
    with pytest.raises(TypeError):
        outer.score_many([ScoreRequest((Message("user", "a"),), ("yes",))])


# Streams


def test_a_stream_is_kept_when_it_is_whole(ledger: Ledger) -> None:
    inner = ScriptedClient(lambda request: "one two three")
    assert list(client(inner, ledger).stream(ask("a"))) == ["one ", "two ", "three"]
    assert "".join(client(inner, ledger).stream(ask("a"))) == "one two three"
    assert texts(client(inner, ledger).complete_many([ask("a")])) == {"a": "one two three"}
    assert inner.calls == 1


def test_a_stream_that_somebody_walked_away_from_is_charged_and_not_kept(ledger: Ledger) -> None:
    inner = ScriptedClient(lambda request: "one two three")
    stream = client(inner, ledger).stream(ask("a"))
    next(stream)
    stream.close()
    assert ledger.spent().tokens > 0
    assert "".join(client(inner, ledger).stream(ask("a"))) == "one two three"
    assert inner.calls == 2


def test_a_stream_that_fails_is_an_error_and_leaves_the_ledger_usable(ledger: Ledger) -> None:
    inner = ScriptedClient(lambda request: ChatResponse("", failure="refused"))
    with pytest.raises(TeacherError):
        list(client(inner, ledger).stream(ask("a")))
    assert texts(client(ScriptedClient(echo), ledger).complete_many([ask("b")])) == {"b": "echo b"}


# Several at once


def test_threads_share_a_ledger(ledger: Ledger) -> None:
    inner = ScriptedClient(echo)
    outer = client(inner, ledger)
    results: list[dict[str, str]] = []

    def work() -> None:
        results.append(texts(outer.complete_many(ask(str(i)) for i in range(50))))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{str(i): f"echo {i}" for i in range(50)}] * 4
    assert ledger.summary()[0].calls == inner.calls


def test_processes_share_a_ledger_and_agree_on_every_answer(tmp_path: Path) -> None:
    script = """
        import os, sys
        from pathlib import Path
        from prompt2model.teacher import ChatRequest, Ledger, LedgerClient, Message, ScriptedClient
        inner = ScriptedClient(lambda request: f"process {os.getpid()}")
        requests = [ChatRequest((Message("user", str(i)),)) for i in range(100)]
        with Ledger(Path(sys.argv[1])) as ledger:
            for request, response in LedgerClient(inner, ledger, step="s", role="r").complete_many(requests):
                print(request.messages[0].content, response.text)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "ledger.sqlite")]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    outputs = [sorted(child.communicate(timeout=60)[0].splitlines()) for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert outputs[0] == outputs[1] == outputs[2]
    assert len(outputs[0]) == 100


# The file


def test_no_key_stands_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    path = tmp_path / "ledger.sqlite"
    with (
        OpenAILikeServer(
            lambda body: Fault("bad_request") if "bad" in json.dumps(body) else "ok", key=SECRET
        ) as server,
        Ledger(path) as ledger,
    ):
        list(client(OpenAICompatibleClient("m", server.base_url), ledger).complete_many([ask("a"), ask("bad")]))
        files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(server.books) == 2
    assert SECRET.encode() not in files + path.read_bytes()


@pytest.mark.parametrize("content", [b"this is no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_said_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "teacher_calls.sqlite"
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"teacher_calls\.sqlite.*resume") as raised:
        Ledger(path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == content


def test_a_file_damaged_inside_is_said_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "teacher_calls.sqlite"
    requests = [ask(str(i)) for i in range(500)]
    with Ledger(path) as ledger:
        list(client(ScriptedClient(echo), ledger).complete_many(requests))
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(RunFolderError, match="damaged"), Ledger(path) as ledger:
        list(client(ScriptedClient(echo), ledger).complete_many(requests))


def test_another_database_is_not_taken_for_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE things (name TEXT)")
    database.close()
    with pytest.raises(RunFolderError, match="no ledger of this version"):
        Ledger(path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(RunFolderError):
        Ledger(tmp_path / "file" / "ledger.sqlite")
    (tmp_path / "folder.sqlite").mkdir()
    with pytest.raises(RunFolderError):
        Ledger(tmp_path / "folder.sqlite")


def test_a_full_disk_is_said_and_earlier_answers_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    inner = ScriptedClient(lambda request: "long answer " * 500)
    with Ledger(path) as ledger:
        # SQLite's own limit gives the error that a full disk gives.
        ledger._database.execute("PRAGMA max_page_count = 40")
        with pytest.raises(DiskFullError, match="full"):
            list(client(inner, ledger).complete_many(ask(str(i)) for i in range(100)))
    asked = inner.calls
    with Ledger(path) as ledger:
        list(client(inner, ledger).complete_many(ask(str(i)) for i in range(100)))
    assert 5 < asked < 100
    assert inner.calls <= 101


def test_answers_that_nobody_takes_before_the_ledger_is_closed_count_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with OpenAILikeServer(lambda body: "ok") as server:
        with Ledger(path) as ledger:
            answers = client(OpenAICompatibleClient("m", server.base_url), ledger).complete_many(map(ask, "abcdef"))
            next(answers)
        answers.close()  # type: ignore[attr-defined]
    with Ledger(path) as ledger:
        (line,) = ledger.summary()
        assert line.calls == 1
        assert line.lost == 5


def test_a_fast_endpoint_policy_is_not_slowed_by_the_ledger(tmp_path: Path) -> None:
    policy = RetryPolicy(first_wait=0.001)
    with OpenAILikeServer(lambda body: "ok", delay=0.2) as server, Ledger(tmp_path / "ledger.sqlite") as ledger:
        endpoint = OpenAICompatibleClient("m", server.base_url, concurrency=8, policy=policy)
        list(client(endpoint, ledger).complete_many(ask(str(i)) for i in range(40)))
    assert server.most_under_way >= 6
