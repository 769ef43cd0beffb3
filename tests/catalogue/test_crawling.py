"""The hub's lists crawled into a file, over a real server on loopback that breaks down, changes and forgets."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers.hub_like import Fault, HubLikeServer, hub_like, point_at
from servers.synthetic_cards import SyntheticCards

from prompt2model.catalogue.card_file import CardFile
from prompt2model.catalogue.crawling import Crawled, build, update
from prompt2model.catalogue.hub_requests import Pace
from prompt2model.console import SilentProgress
from prompt2model.errors import CardFileError, HubError

CHINESE = "---\nlicense: mit\n---\n# 客户邮件\n\n顾客写给商店的邮件，分为账单、物流和退货三类。\n"


class Lines(SilentProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that would have been waited."""
    found: list[float] = []
    monkeypatch.setattr("time.sleep", found.append)
    return found


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Iterator[HubLikeServer]:
    """A hub with 120 data sets and 80 models in pages of 20."""
    with hub_like(tmp_path / "hub") as server:
        point_at(server.address, tmp_path, monkeypatch)
        server.cards = {"datasets": SyntheticCards("datasets", 120), "models": SyntheticCards("models", 80)}
        server.page_size = 20
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Iterator[CardFile]:
    with CardFile(tmp_path / "cards.sqlite", make=True) as file:
        yield file


def crawl(file: CardFile, with_texts: bool | None = None, kind: str = "dataset") -> Crawled:
    (crawled,) = build(file, (kind,), with_texts, SilentProgress())
    return crawled


def refresh(file: CardFile, kind: str = "dataset") -> Crawled:
    (crawled,) = update(file, (kind,), SilentProgress())
    return crawled


def after(requests: int, fault: Fault, times: int = 10**9) -> Callable[[str], Fault | None]:
    """The fault, in place of `times` answers after so many that were right."""
    numbers = itertools.count()
    return lambda path: fault if requests <= next(numbers) < requests + times else None


def offered(server: HubLikeServer, kind: str) -> dict[str, str]:
    cards = server.cards[kind]
    return {cards.id(number): cards.modified(number) for number in range(cards.count) if cards.is_offered(number)}


def stored(file: CardFile, kind: str) -> dict[str, str]:
    cards = file.datasets if kind == "datasets" else file.models
    return {key: f"{str(cards.modified(key))[:23]}Z" for key in cards.ids()}


def test_everything_is_crawled_and_models_of_no_text_family_are_counted(server: HubLikeServer, file: CardFile) -> None:
    datasets, models = build(file, ("dataset", "model"), None, SilentProgress())
    assert (datasets.new, models.new, models.passed_over) == (120, 72, 8)
    for kind in ("datasets", "models"):
        assert stored(file, kind) == offered(server, kind)
    (card, score), *others = file.datasets.search("Number77", 5)
    assert (card.id, others) == (server.cards["datasets"].id(77), [])
    assert score > 0
    families = {card.family for card in map(file.models.card, file.models.ids()) if card is not None}
    assert families == {"encoder", "decoder", "encoder_decoder"}
    info = file.info()
    assert (info.datasets.cards, info.models.cards, info.models.crawl.passed_over) == (120, 72, 8)
    assert info.datasets.crawl.endpoint == server.address
    assert info.bytes > 50_000


def test_a_crawl_goes_on_where_it_was_stopped(server: HubLikeServer, file: CardFile) -> None:
    server.fault = after(3, Fault(500))
    with pytest.raises(HubError, match="status 500"):
        crawl(file)
    assert len(file.datasets) == 60
    with pytest.raises(CardFileError, match="not finished; go on with `prompt2model index build`"):
        refresh(file)
    server.fault = lambda path: None
    server.requests.clear()
    assert crawl(file).new == 60
    assert stored(file, "datasets") == offered(server, "datasets")
    # Three pages that were missing, and once more the front for what changed meanwhile.
    assert len(server.requests) == 4
    server.requests.clear()
    assert crawl(file).found_complete
    assert server.requests == []


def test_what_changes_during_the_crawl_is_not_lost(server: HubLikeServer, file: CardFile) -> None:
    cards, numbers = server.cards["datasets"], itertools.count()

    def change(path: str) -> None:
        # The oldest cards, which the crawl has not come to, move to its back.
        if next(numbers) == 2:
            for number in range(25):
                cards.touch(number)
            cards.add()

    server.fault = change
    crawl(file)
    assert stored(file, "datasets") == offered(server, "datasets")


def test_an_update_asks_for_the_front_of_the_list_only(server: HubLikeServer, file: CardFile) -> None:
    crawl(file)
    cards = server.cards["datasets"]
    cards.touch(3)
    cards.add()
    server.requests.clear()
    done = refresh(file)
    assert (done.new, done.changed, len(server.requests)) == (1, 1, 1)
    assert stored(file, "datasets") == offered(server, "datasets")
    assert [card.id for card, _ in file.datasets.search("Number3", 5)] == [cards.id(3)]


def test_an_update_that_was_stopped_goes_on_and_then_looks_at_the_front_again(
    server: HubLikeServer, file: CardFile
) -> None:
    crawl(file)
    cards = server.cards["datasets"]
    for number in range(110):
        cards.touch(number)
    server.fault = after(4, Fault(500))
    with pytest.raises(HubError):
        refresh(file)
    cards.touch(115)
    server.fault = lambda path: None
    server.requests.clear()
    refresh(file)
    assert stored(file, "datasets") == offered(server, "datasets")
    # Two pages that were left of it, and the front.
    assert len(server.requests) == 3


def test_a_model_that_is_no_text_model_any_more_goes(
    server: HubLikeServer, file: CardFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl(file, kind="model")
    models = server.cards["models"]
    told = models.info

    def changed(number: int) -> dict:
        return {**told(number), "config": {"model_type": "vit"}} if number == 4 else told(number)

    monkeypatch.setattr(models, "info", changed)
    models.touch(4)
    refresh(file, "model")
    assert file.models.card(models.id(4)) is None
    assert len(file.models) == 71


@pytest.mark.parametrize(
    ("fault", "shortest", "longest"),
    [
        (Fault(429, {"Retry-After": "7"}), 7, 8),
        (Fault(429, {"RateLimit": '"api";r=0;t=55'}), 54, 56),
        (Fault(429), 0.2, 1),
        (Fault(503), 0.2, 1),
        (Fault(cut=True), 0.2, 1),
        (Fault(nonsense=True), 0.2, 1),
    ],
    ids=["429 with Retry-After", "429 with a window", "429", "503", "cut", "no JSON"],
)
def test_an_answer_that_went_wrong_is_asked_for_again(
    server: HubLikeServer, file: CardFile, waits: list[float], fault: Fault, shortest: float, longest: float
) -> None:
    server.fault = after(2, fault, times=1)
    crawl(file)
    assert stored(file, "datasets") == offered(server, "datasets")
    assert shortest <= waits[0] <= longest


def test_nobody_waits_as_long_as_the_hub_is_content(server: HubLikeServer, file: CardFile, waits: list[float]) -> None:
    crawl(file)
    assert waits == []


def test_a_refusal_slows_the_requests_down_and_answers_speed_them_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    pace = Pace()

    def seconds_of(requests: int) -> float:
        began = now[0]
        for _ in range(requests):
            pace.wait()
            pace.answered()
        return now[0] - began

    assert seconds_of(10) == 0
    for _ in range(4):
        pace.too_many(3.0)
    # The pause, then 0.4 s between requests (doubled four times from 0.05 s), a tenth less after each answer.
    assert seconds_of(1) == pytest.approx(3.0)
    assert seconds_of(3) == pytest.approx(0.4 + 0.36 + 0.324)
    seconds_of(60)
    assert seconds_of(10) == 0
    pace.answered(50.0)
    assert seconds_of(1) == pytest.approx(50.0), "the hub's window is used up"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Fault(429, {"Retry-After": "7200"}), "asks to be left alone for 7200 s"),
        (Fault(500), "answers with status 500"),
        (Fault(nonsense=True), "makes no sense"),
        (Fault(403), r"refuses the list of data sets \(status 403\); check HF_TOKEN"),
        (Fault(418), "status 418"),
    ],
    ids=["far too many", "broken", "no JSON", "refused", "odd"],
)
def test_a_hub_that_gives_nothing_is_told_in_one_line(
    server: HubLikeServer, file: CardFile, fault: Fault, said: str
) -> None:
    server.fault = after(0, fault)
    with pytest.raises(HubError, match=said) as caught:
        crawl(file)
    assert "\n" not in str(caught.value)
    assert len(file.datasets) == 0


@pytest.mark.parametrize("body", [b'{"error": 1}', b"[1, 2, {}]", b'[{"id": 7}]', b"[" * 100_000, b'"text"'])
def test_json_that_is_no_list_of_cards(server: HubLikeServer, file: CardFile, body: bytes) -> None:
    server.list_answer = (200, body)
    with pytest.raises(HubError, match="makes no sense"):
        crawl(file)


def test_entries_that_are_no_card_are_named_and_the_others_kept(
    server: HubLikeServer, file: CardFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = server.cards["datasets"]
    told = cards.info
    wrong = {5: {"lastModified": "tomorrow"}, 6: {"cardData": [1]}, 7: {"id": "a\u0000b"}, 8: {"description": 3}}
    monkeypatch.setattr(cards, "info", lambda number: {**told(number), **wrong.get(number, {})})
    done = crawl(file)
    assert len(done.unreadable) == len(wrong)
    assert {cards.id(5), cards.id(6), cards.id(8)} < set(done.unreadable)
    assert len(file.datasets) == 116
    assert file.info().datasets.crawl.unreadable == len(wrong)


def test_a_place_that_the_hub_has_forgotten(server: HubLikeServer, file: CardFile) -> None:
    server.fault = after(3, Fault(500))
    with pytest.raises(HubError):
        crawl(file)
    numbers = itertools.count()
    server.fault = lambda path: Fault(400) if "cursor" in path and next(numbers) == 0 else None
    said = Lines()
    build(file, ("dataset",), None, said)
    assert "read again from its beginning" in said.lines[0]
    assert stored(file, "datasets") == offered(server, "datasets")


def test_a_token_goes_to_the_endpoint_alone(
    server: HubLikeServer, file: CardFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_like(tmp_path / "other") as other:
        # The address in the links that lead on; a mirror often sends those of the hub it mirrors.
        monkeypatch.setattr(HubLikeServer, "address", property(lambda self: f"http://127.0.0.1:{other.server_port}"))
        crawl(file)
        assert other.requests == []
    assert len(file.datasets) == 120


def test_a_list_that_leads_nowhere(server: HubLikeServer, file: CardFile, monkeypatch: pytest.MonkeyPatch) -> None:
    cards = server.cards["datasets"]
    first = cards.page
    monkeypatch.setattr(cards, "page", lambda place, size: first(None, size))
    with pytest.raises(HubError, match="leads from a page to the same page"):
        crawl(file)


def test_an_update_from_a_hub_that_does_not_sort(
    server: HubLikeServer, file: CardFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl(file)
    cards = server.cards["datasets"]
    first = cards.page
    monkeypatch.setattr(cards, "page", lambda place, size: (first(place, size)[0][::-1], None))
    with pytest.raises(HubError, match="does not list its data sets by their last change"):
        refresh(file)


def test_cards_of_two_hubs_are_not_mixed(
    server: HubLikeServer, file: CardFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl(file)
    with hub_like(tmp_path / "other") as other:
        point_at(other.address, tmp_path, monkeypatch)
        for ask in (crawl, refresh):
            with pytest.raises(CardFileError, match=f"crawled from {server.address}, and HF_ENDPOINT is"):
                ask(file)
        assert other.requests == []


def test_texts_are_read_cut_and_found(server: HubLikeServer, file: CardFile, tmp_path: Path) -> None:
    server.cards = {}
    texts = {"ann/mails": CHINESE, "ann/long": "# Long\n\nzebra " + "word " * 1_000_000, "ann/none": None}
    for name, text in texts.items():
        folder = server.root / "datasets" / name
        folder.mkdir(parents=True)
        (folder / "data.csv").write_text("text\nhello\n")
        if text is not None:
            (folder / "README.md").write_text(text, encoding="utf-8")
    server.facts = {name: {"description": None} for name in texts}
    done = crawl(file, with_texts=True)
    assert (done.new, done.cut) == (3, ["ann/long"])
    for query in ("把邮件分成账单和退货", "物流"):
        assert [card.id for card, _ in file.datasets.search(query, 5)] == ["ann/mails"]
    (long, _), *_ = file.datasets.search("zebra", 5)
    assert (long.id, len(long.text)) == ("ann/long", 20_000)
    server.requests.clear()
    refresh(file)
    assert [path for path in server.requests if "resolve" in path] == [], "what did not change is not read again"


def test_a_text_that_comes_cut_is_read_again(server: HubLikeServer, file: CardFile) -> None:
    numbers = itertools.count()
    server.fault = lambda path: Fault(cut=True) if "resolve" in path and next(numbers) % 5 == 0 else None
    crawl(file, with_texts=True)
    for number in (0, 60, 119):
        card = file.datasets.card(server.cards["datasets"].id(number))
        assert card is not None
        assert f"Readme{number} tells of" in card.text


def test_one_broken_repository_holds_up_no_other(server: HubLikeServer, file: CardFile) -> None:
    broken = server.cards["datasets"].id(50)
    server.fault = lambda path: Fault(500) if f"{broken}/resolve" in path else None
    done = crawl(file, with_texts=True)
    assert (done.new, done.without_text) == (120, [broken])
    assert stored(file, "datasets") == offered(server, "datasets")


def test_a_description_of_five_megabytes_and_a_tag_without_end(
    server: HubLikeServer, file: CardFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = server.cards["datasets"]
    told = cards.info
    much = {"description": "lion " * 1_000_000, "cardData": {"tags": ["x" * 10**6, *map(str, range(10**4))]}}
    monkeypatch.setattr(cards, "info", lambda number: {**told(number), **(much if number == 9 else {})})
    done = crawl(file)
    assert done.cut == [cards.id(9)]
    payload = file.datasets.index.payload(cards.id(9))
    assert payload is not None
    assert len(payload) < 50_000
    assert [card.id for card, _ in file.datasets.search("lion", 3)] == [cards.id(9)]


def test_only_what_is_needed_is_asked_of_the_hub(server: HubLikeServer, file: CardFile) -> None:
    crawl(file, kind="model")
    first = server.requests[0]
    assert first.startswith("GET /api/models?sort=lastModified&")
    for fact in ("lastModified", "config", "safetensors", "cardData", "downloads", "gated"):
        assert f"expand={fact}" in first
    assert json.loads(file.models.index.payload(server.cards["models"].id(0)) or "")["facts_source"] == "hub"
