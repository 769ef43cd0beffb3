"""The retriever on the hub's API: searched only when allowed, checked before it is taken, resumed without asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers.hub_like import HubLikeServer, hub_like, make_dataset, nobody_there, point_at

from prompt2model.catalogue.card_file import CardFile, default_card_file
from prompt2model.catalogue.hub import dataset_card
from prompt2model.catalogue.starter_datasets import starter_datasets
from prompt2model.component import RunContext
from prompt2model.console import ConsoleProgress
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import HubError
from prompt2model.records import Demonstration, RetrievedData, TaskSpec
from prompt2model.teacher.client import ChatRequest
from prompt2model.teacher.scripted import ScriptedClient

MakeContext = Callable[..., RunContext]

TASK = TaskSpec(
    "Does the sentence state a fact about weather?",
    (Demonstration("train text 1", "yes"), Demonstration("It rains.", "yes")),
    "classification",
    ("yes", "no"),
    "en",
    "p",
)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubLikeServer]:
    with hub_like(tmp_path / "hub") as server:
        point_at(server.address, tmp_path, monkeypatch)
        yield server


REVIEWS = replace(TASK, instruction="Does the review of the product sound positive, or negative?")
"""The hub's own search finds nothing for it: no id holds one of its words."""


def retrieve(context: RunContext, task: TaskSpec = TASK, **config: object) -> RetrievedData:
    retriever = DatasetRetriever(DatasetRetrieverConfig(**config))
    return retriever.run(retriever.Inputs(task), context)


def test_a_fitting_hub_data_set_is_taken_and_a_resumed_run_asks_nothing(
    server: HubLikeServer, make_context: MakeContext
) -> None:
    make_dataset(server.root, "ann/weather-facts", "Sentences that state a fact about weather, or not.")
    closed = make_dataset(server.root, "ann/weather-closed", "More sentences about weather facts.")
    (closed / ".gated").touch()
    context = make_context(hub_allowed=True)
    found = retrieve(context, datasets="auto")
    assert [chosen.id for chosen in found.chosen] == ["ann/weather-facts"]
    assert found.chosen[0].rows_by_split == {"train": 40, "test": 10}
    assert {row.target for row in found.rows} == {"yes", "no"}
    assert next(iter(found.rows)).source.licence == "mit"
    assert found.official_tests[0].origin == "official"
    asked = len(server.requests)
    again = retrieve(context, datasets="auto")
    assert list(again.rows) == list(found.rows)
    # The client library looks up the configurations again; rows and search are not asked for a second time.
    later = server.requests[asked:]
    assert not [line for line in later if ".parquet" in line or "/api/datasets?" in line]


def test_where_cards_were_crawled_they_are_searched_and_not_the_hub(
    server: HubLikeServer, make_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    make_dataset(server.root, "ann/weather-facts", "Sentences that state a fact about weather, or not.")
    make_dataset(server.root, "ann/not-crawled", "Sentences that state a fact about weather, or not.")
    context = replace(make_context(hub_allowed=True), progress=ConsoleProgress())
    with CardFile(default_card_file(context.cache_folder), make=True) as file:
        file.datasets.put([(dataset_card("ann/weather-facts"), "2026-01-01")])
        file.datasets.index.connection.execute("UPDATE text_indices SET version = 2")
    asked = len(server.requests)
    found = retrieve(context, datasets="auto")
    assert [candidate.id for candidate in found.offered] == ["ann/weather-facts"]
    assert [chosen.rows_by_split for chosen in found.chosen] == [{"train": 40, "test": 10}]
    assert not [line for line in server.requests[asked:] if "/api/datasets?" in line]
    assert "was made by an older version; its cards are indexed anew" in "".join(capsys.readouterr())


def test_a_file_without_cards_is_as_good_as_none(server: HubLikeServer, make_context: MakeContext) -> None:
    make_dataset(server.root, "ann/weather-facts", "Sentences that state a fact about weather, or not.")
    context = make_context(hub_allowed=True)
    CardFile(default_card_file(context.cache_folder), make=True).close()
    assert [chosen.id for chosen in retrieve(context, datasets="auto").chosen] == ["ann/weather-facts"]


def test_the_teacher_sees_columns_and_first_rows_of_what_may_be_taken(
    server: HubLikeServer, make_context: MakeContext
) -> None:
    make_dataset(server.root, "ann/weather-facts", "Sentences that state a fact about weather, or not.")
    closed = make_dataset(server.root, "ann/weather-closed", "More sentences about weather facts.")
    (closed / ".gated").touch()
    prompts: list[str] = []

    def reply(request: ChatRequest) -> str:
        prompts.append(request.messages[-1].content)
        return '{"fitting": ["ann/weather-facts"]}'

    context = make_context({"teacher": ScriptedClient(reply)}, hub_allowed=True)
    retrieve(context, datasets="auto", rerank="yes")
    (card, other) = prompts[0].split("id: ann/weather-facts")[1], prompts[0].split("id: ann/weather-closed")[1]
    assert "columns: text, label" in card.split("id: ")[0]
    assert "first rows: text: train text 0; label: " in card.split("id: ")[0]
    assert "first rows" not in other.split("id: ")[0]
    assert not [
        line for line in server.requests if "weather-closed" in line and "/resolve/" in line and "README" not in line
    ]
    before = list(prompts)
    prompts.clear()
    server.root.rename(server.root.with_name("gone"))
    retrieve(context, datasets="auto", rerank="yes")
    assert prompts == before


def test_without_leave_the_hub_is_not_asked(server: HubLikeServer, make_context: MakeContext) -> None:
    make_dataset(server.root, "ann/weather-facts", "Sentences that state a fact about weather.")
    assert retrieve(make_context(), datasets="auto").offered == ()
    with pytest.raises(HubError, match="--hub"):
        retrieve(make_context(), datasets="ann/weather-facts")
    assert server.requests == []


def test_a_named_hub_data_set_is_read(server: HubLikeServer, make_context: MakeContext) -> None:
    make_dataset(server.root, "bob/other", "Nothing in common.", licence="unknown")
    found = retrieve(make_context(hub_allowed=True), datasets="bob/other", max_rows=8)
    assert found.chosen[0].rows_by_split == {"train": 8, "test": 8}
    assert any("licence is not known" in note for note in found.notes)
    with pytest.raises(HubError, match="bob/none"):
        retrieve(make_context(hub_allowed=True), datasets="bob/none")


def test_what_ships_as_facts_is_looked_up_on_the_hub_and_taken_with_its_facts(
    server: HubLikeServer, make_context: MakeContext
) -> None:
    make_dataset(server.root, "fancyzhx/amazon_polarity", "Nothing is said.", licence="cc-by-nc-4.0")
    (make_dataset(server.root, "SetFit/CR", "Nothing is said.") / ".gated").touch()
    found = retrieve(make_context(hub_allowed=True), REVIEWS, datasets="auto")
    assert {one.id: (one.origin, one.licence, one.rows) for one in found.offered} == {
        "fancyzhx/amazon_polarity": ("hub", "cc-by-nc-4.0", 50),
        "SetFit/CR": ("hub", "mit", 50),
    }
    assert [(chosen.id, chosen.licence) for chosen in found.chosen] == [("fancyzhx/amazon_polarity", "cc-by-nc-4.0")]
    assert next(iter(found.rows)).source.licence == "cc-by-nc-4.0"


def test_a_licence_that_ships_settles_nothing(server: HubLikeServer, make_context: MakeContext, tmp_path: Path) -> None:
    make_dataset(server.root, "fancyzhx/amazon_polarity", "Nothing is said.", licence="cc-by-nc-4.0")
    shipped = {card.id: card.licence for card in starter_datasets()}
    assert shipped["fancyzhx/amazon_polarity"] == "apache-2.0"
    found = retrieve(make_context(hub_allowed=True), REVIEWS, datasets="auto", use="commercial")
    assert (found.offered, found.chosen) == ((), ())
    assert any("1 data sets are not offered: their licence forbids commercial use" in note for note in found.notes)


def test_without_an_answer_of_the_hub_the_run_goes_on_and_says_what_would_fit(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    point_at(nobody_there(), tmp_path, monkeypatch)
    folder = tmp_path / "sets/mine"
    folder.mkdir(parents=True)
    lines = [f"Review {n} of a product that sounds so,{'yes' if n % 2 else 'no'}" for n in range(40)]
    (folder / "data.csv").write_text("\n".join(["text,label", *lines]))
    (folder / "README.md").write_text("---\nlicense: mit\n---\nReviews of a product, positive or negative.")
    context = make_context(hub_allowed=True)
    found = retrieve(context, REVIEWS, datasets="auto", data_dirs=(tmp_path / "sets",))
    assert [chosen.id for chosen in found.chosen] == ["mine"]
    (line,) = [note for note in found.notes if "the hub did not answer" in note]
    assert "fancyzhx/amazon_polarity" in line
    assert "by the facts that ship (20" in line
    assert "--name" in line
    # A step that is done again asks again.
    with hub_like(tmp_path / "hub") as server:
        point_at(server.address, tmp_path, monkeypatch)
        retrieve(context, REVIEWS, datasets="auto")
        assert any("/api/datasets?" in line for line in server.requests)


def test_a_run_without_data_hears_what_the_hub_could_be_asked_for_and_nothing_is_asked(
    server: HubLikeServer, make_context: MakeContext, tmp_path: Path
) -> None:
    (note,) = retrieve(make_context(), REVIEWS).notes
    assert "fancyzhx/amazon_polarity" in note
    assert "--hub" in note
    assert retrieve(make_context(), TASK).notes == (), "nothing that ships is about weather"
    assert retrieve(make_context(), REVIEWS, datasets="none").notes == ()
    rows = tmp_path / "rows.csv"
    rows.write_text("text,label\nIt broke at once.,no\nIt shines.,yes\n")
    named = {"input_column": "text", "output_column": "label"}
    assert not [note for note in retrieve(make_context(), REVIEWS, data=(rows,), **named).notes if "--hub" in note]
    assert server.requests == []
