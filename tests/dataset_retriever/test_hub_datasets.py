"""The retriever on the hub's API: searched only when allowed, checked before it is taken, resumed without asking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from servers.hub_like import HubLikeServer, hub_like, make_dataset, point_at

from prompt2model.catalogue.card_file import CardFile, default_card_file
from prompt2model.catalogue.hub import dataset_card
from prompt2model.component import RunContext
from prompt2model.console import ConsoleProgress
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import HubError
from prompt2model.records import Demonstration, RetrievedData, TaskSpec

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


def retrieve(context: RunContext, **config: object) -> RetrievedData:
    retriever = DatasetRetriever(DatasetRetrieverConfig(**config))
    return retriever.run(retriever.Inputs(TASK), context)


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
