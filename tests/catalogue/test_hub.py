"""The hub's client libraries, talked to over a real server on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.hub_like import HubLikeServer, hub_like, make_dataset, point_at

from prompt2model.catalogue import hub
from prompt2model.errors import HubError


def make_model(root: Path, id: str, config: dict[str, Any]) -> None:
    folder = root / "models" / id
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nlanguage: en\n---\n# A model\n\nIt reads tickets.\n")
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubLikeServer]:
    """The hub of this process, for one test."""
    with hub_like(tmp_path / "hub") as server:
        point_at(server.address, tmp_path, monkeypatch)
        yield server


def test_search_reads_the_cards(server: HubLikeServer) -> None:
    make_dataset(server.root, "ann/shop-messages", "Messages that customers send to a shop.")
    make_dataset(server.root, "bob/film-reviews", "What people think of films.")
    (found,) = hub.search_datasets(["shop"], ["language:en"])
    assert found.id == "ann/shop-messages"
    assert (found.licence, found.languages, found.rows, found.gated) == ("mit", ("en",), 50, False)
    assert found.description == "Messages that customers send to a shop."
    assert found.columns == ("text", "label")
    assert {card.id for card in hub.search_datasets([])} == {"ann/shop-messages", "bob/film-reviews"}
    assert hub.search_datasets(["shop"], ["language:de"]) == ()


def test_rows_are_streamed_with_label_names_and_kept(server: HubLikeServer, tmp_path: Path) -> None:
    make_dataset(server.root, "ann/shop-messages", "Messages.")
    assert hub.config_names("ann/shop-messages") == ("default",)
    splits = hub.fetch_rows("ann/shop-messages", "default", tmp_path, most_rows=25)
    assert {split: len(list(table.rows)) for split, table in splits.items()} == {"train": 25, "test": 10}
    assert splits["train"].sample(2) == [
        {"text": "train text 0", "label": "no"},
        {"text": "train text 1", "label": "yes"},
    ]
    asked = len(server.requests)
    again = hub.fetch_rows("ann/shop-messages", "default", tmp_path, most_rows=25)
    assert list(again["train"].rows) == list(splits["train"].rows)
    assert len(server.requests) == asked, "rows that are there are not fetched again"


def test_csv_and_json_are_read_and_bytes_are_no_text(server: HubLikeServer, tmp_path: Path) -> None:
    folder = server.root / "datasets" / "ann" / "tables"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text("question,answer\nwhat?,this\n")
    splits = hub.fetch_rows("ann/tables", "default", tmp_path, 5)
    assert list(splits["train"].rows) == [{"question": "what?", "answer": "this"}]


def test_a_gated_data_set_says_what_to_do(server: HubLikeServer, tmp_path: Path) -> None:
    folder = make_dataset(server.root, "ann/closed", "Secret.")
    (folder / ".gated").touch()
    assert hub.dataset_card("ann/closed").gated is True
    with pytest.raises(HubError, match=r"ann/closed is gated: accept its terms .* HF_TOKEN"):
        hub.fetch_rows("ann/closed", "default", tmp_path, 5)


@pytest.mark.parametrize("id", ["ann/none", "no such id!"])
def test_an_id_that_the_hub_does_not_know(server: HubLikeServer, tmp_path: Path, id: str) -> None:
    for ask in (lambda: hub.dataset_card(id), lambda: hub.fetch_rows(id, "", tmp_path, 5), lambda: hub.model_card(id)):
        with pytest.raises(HubError) as caught:
            ask()
        assert id in str(caught.value)
        assert "\n" not in str(caught.value)


def test_scripts_and_other_formats_are_refused(server: HubLikeServer, tmp_path: Path) -> None:
    script = server.root / "datasets" / "ann" / "script"
    script.mkdir(parents=True)
    (script / "script.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    text = server.root / "datasets" / "ann" / "plain"
    text.mkdir(parents=True)
    (text / "train.txt").write_text("a line\n")
    with pytest.raises(HubError, match="ann/script"):
        hub.fetch_rows("ann/script", "", tmp_path, 5)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(HubError, match="not Parquet, CSV or JSON"):
        hub.fetch_rows("ann/plain", "", tmp_path, 5)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<html>hello"), "cannot be read from the hub: its answer is not JSON"),
        ((429, b""), "wait"),
        ((503, b""), "status 503"),
    ],
)
def test_an_answer_that_makes_no_sense(
    server: HubLikeServer, monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes], said: str
) -> None:
    # The client's own pauses between tries would only make the test long.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.list_answer = answer
    with pytest.raises(HubError, match=said):
        hub.search_datasets(["shop"])


def test_a_hub_that_cannot_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub_like(tmp_path) as server:
        address = server.address
    point_at(address, tmp_path, monkeypatch)

    def waits(seconds: float) -> None:
        raise AssertionError("a person has to wait")

    monkeypatch.setattr("time.sleep", waits)
    for ask in (hub.search_datasets, hub.search_models):
        with pytest.raises(HubError, match="cannot be reached"):
            ask(["shop"])
    for card in (hub.dataset_card, hub.model_card):
        with pytest.raises(HubError, match="cannot be reached"):
            card("ann/shop")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(HubError, match="cannot be reached"):
        hub.fetch_rows("ann/shop", "", tmp_path, 5)


def test_models_of_text_families_are_found(server: HubLikeServer) -> None:
    make_model(server.root, "ann/reader", {"model_type": "bert", "architectures": ["BertForMaskedLM"]})
    make_model(server.root, "ann/seer", {"model_type": "vit", "architectures": ["ViTForImageClassification"]})
    server.facts["ann/reader"] = {
        "config": {"model_type": "bert", "architectures": ["BertForMaskedLM"]},
        "safetensors": {"parameters": {"F32": 1000, "F16": 10}, "total": 1010},
    }
    server.facts["ann/seer"] = {"config": {"model_type": "vit", "architectures": ["ViTForImageClassification"]}}
    (found,) = hub.search_models([""])
    assert (found.id, found.family, found.parameters, found.bytes) == ("ann/reader", "encoder", 1010, 4020)
    assert found.licence == "apache-2.0"
    card = hub.model_card("ann/reader")
    assert card is not None
    assert "reads tickets" in card.text
    assert hub.model_card("ann/seer") is None


def test_hf_endpoint_is_respected_in_a_new_process(tmp_path: Path) -> None:
    with hub_like(tmp_path / "hub") as server:
        make_dataset(server.root, "ann/shop-messages", "Messages.")
        program = "from prompt2model.catalogue import hub; print(hub.dataset_card('ann/shop-messages').licence)"
        environment = {**os.environ, "HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    assert done.stdout.strip() == "mit", done.stderr
