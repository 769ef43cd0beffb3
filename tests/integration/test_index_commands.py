"""`prompt2model index` as a person runs it: killed, interrupted, twice at once, offline, against a hub that is none."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from integration.command_line import command, finish, start
from servers.hub_like import Fault, HubLikeServer, hub_like
from servers.synthetic_cards import SyntheticCards

from prompt2model.catalogue.card_file import CardFile

ROOT = Path(__file__).parents[2]
GUARD = ROOT / "tests" / "demo_creator" / "loopback_only"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HubLikeServer]:
    """A hub with 300 data sets and 100 models in pages of 20."""
    with hub_like(tmp_path / "hub") as server:
        server.cards = {"datasets": SyntheticCards("datasets", 300), "models": SyntheticCards("models", 100)}
        server.page_size = 20
        yield server


def at_request(server: HubLikeServer, process: subprocess.Popen, number: int, what: signal.Signals) -> None:
    """Send a signal to the process when the server has been asked so often."""
    numbers = itertools.count(1)

    def fault(path: str) -> Fault | None:
        if next(numbers) == number:
            process.send_signal(what)
        return None

    server.fault = fault


def test_a_killed_crawl_goes_on_and_an_interrupted_one_says_how(server: HubLikeServer, tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": server.address}
    process = start("index", "build", cwd=tmp_path, env=env)
    at_request(server, process, 6, signal.SIGKILL)
    assert finish(process).code == -signal.SIGKILL
    # Whatever started the tests may have told its children to pass over Ctrl+C.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = start("index", "build", cwd=tmp_path, env=env, preexec_fn=listening)
    at_request(server, process, 4, signal.SIGINT)
    ended = finish(process)
    assert ended.code == 130
    assert ended.err.splitlines()[-1] == ("stopped; everything stored is kept: go on with `prompt2model index build`")
    place = tmp_path / "runs" / ".cache" / "catalogue" / "cards.sqlite"
    with CardFile(place) as file:
        assert 100 <= len(file.datasets) < 300
    server.requests.clear()
    server.fault = lambda path: None
    ended = command("index", "build", cwd=tmp_path, env=env)
    assert ended.code == 0, ended.err
    # 22 pages are all there are, with the two that look at the front once more.
    assert len(server.requests) <= 22 - 7
    assert "300 data sets in runs/.cache/catalogue/cards.sqlite" in ended.out
    assert "10 models left out: their config names no text family" in ended.out
    with CardFile(place) as file:
        assert (len(file.datasets), len(file.models)) == (300, 90)
        assert len(set(file.datasets.ids())) == 300
        for number in (0, 150, 299):
            found = file.datasets.search(f"Number{number}", 5)
            assert [card.id for card, _ in found] == [server.cards["datasets"].id(number)]
    ended = command("index", "info", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[1] == "300 data sets"
    assert f"crawled from {server.address} without texts: complete up to" in ended.out
    assert "(today)" in ended.out


def test_two_crawls_at_once(server: HubLikeServer, tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": server.address}
    seconds: list[subprocess.Popen] = []

    def fault(path: str) -> Fault | None:
        # The first one waits for its page until the second has ended.
        if not seconds:
            seconds.append(start("index", "build", cwd=tmp_path, env=env))
            fault.ended = finish(seconds[0])  # type: ignore[attr-defined]
        return None

    server.fault = fault
    first = command("index", "build", "--kind", "models", cwd=tmp_path, env=env)
    assert first.code == 0, first.err
    said = fault.ended.fault()  # type: ignore[attr-defined]
    assert said.startswith("another process is crawling into runs/.cache/catalogue/cards.sqlite; wait for it")


def test_an_import_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    rows = [{"kind": "dataset", "id": "ann/mails", "text": "把顾客的邮件分成账单和退货"}, {"id": "ann/none"}, "{oops"]
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    (tmp_path / "cards.jsonl").write_text(text, encoding="utf-8")
    noted = tmp_path / "left"
    env = {"PYTHONPATH": f"{GUARD}{os.pathsep}{ROOT}", "LEFT_THE_MACHINE": str(noted)}
    ended = command("index", "import", "cards.jsonl", "--file", "mine.sqlite", cwd=tmp_path, env=env)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[0] == "1 data sets and 0 models imported into mine.sqlite"
    assert (
        "2 lines are no card and left out: line 2 (`kind` is neither dataset nor model), line 3 (no JSON" in ended.out
    )
    assert not noted.exists()
    with CardFile(tmp_path / "mine.sqlite") as file:
        assert [card.id for card, _ in file.datasets.search("退货", 3)] == ["ann/mails"]
    ended = command("index", "update", "--file", "mine.sqlite", cwd=tmp_path)
    assert "holds no crawled data sets and no models; `prompt2model index build` crawls them" in ended.fault()


@pytest.mark.parametrize(
    ("arguments", "endpoint", "said"),
    [
        (
            ("build",),
            "http://127.0.0.1:9",
            "http://127.0.0.1:9 does not answer (ConnectError) for the list of data sets",
        ),
        (("build",), "no address", "HF_ENDPOINT is 'no address'; an address begins with https:// or http://"),
        (("update",), "http://127.0.0.1:9", "there is no card index at runs/.cache/catalogue/cards.sqlite; make one"),
        (("info", "--file", "notes.txt"), "", "notes.txt is no card index (no SQLite file); it was left as it is"),
        (("import", "none.jsonl"), "", "there is no file none.jsonl"),
        (("import", "notes.txt"), "", "no line of notes.txt is a card (line 1: no JSON"),
    ],
    ids=["no network", "no address", "no file", "no index", "no source", "no card"],
)
def test_what_cannot_go_on_says_so_in_one_line(
    tmp_path: Path, arguments: tuple[str, ...], endpoint: str, said: str
) -> None:
    (tmp_path / "notes.txt").write_text("my notes\n")
    ended = command("index", *arguments, cwd=tmp_path, env={"HF_ENDPOINT": endpoint} if endpoint else {})
    assert said in ended.fault()
    assert (tmp_path / "notes.txt").read_text() == "my notes\n"


def test_a_hub_that_answers_nonsense_costs_nothing_that_was_stored(server: HubLikeServer, tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": server.address}
    assert command("index", "build", "--kind", "models", cwd=tmp_path, env=env).code == 0
    server.list_answer = (200, b"<html>please log in</html>")
    said = command("index", "update", cwd=tmp_path, env=env).fault()
    assert "sends what makes no sense (it is no JSON) for the list of models" in said
    assert "what was stored is kept, `prompt2model index update` goes on there" in said
    assert "90 models" in command("index", "info", cwd=tmp_path).out
