"""Bytes that come from elsewhere, come late or come cut: rows are whole or there are none, and so are weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.hub_like import CARD, Fault, HubLikeServer, hub_like, make_dataset, point_at

from prompt2model.catalogue import hub
from prompt2model.errors import HubError
from prompt2model.weights import locate

WEIGHTS = bytes(range(256)) * 4000


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubLikeServer]:
    """The hub of this process, for one test; the client's own pauses would only make it long."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with hub_like(tmp_path / "hub") as server:
        point_at(server.address, tmp_path, monkeypatch)
        yield server


@pytest.fixture
def store(server: HubLikeServer, tmp_path: Path) -> Iterator[HubLikeServer]:
    """Another host, where the hub's large files are."""
    with hub_like(tmp_path / "hub") as store:
        server.store = store.address
        yield store


def make_model(root: Path) -> Path:
    folder = root / "models/ann/reader"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "model.safetensors").write_bytes(WEIGHTS)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "code.py").write_text("raise SystemExit")
    return folder


def cut(server: HubLikeServer, word: str, times: int | None = None) -> None:
    """From now on, send half of the bytes of files whose path has the word; only the first `times` times."""
    most = None if times is None else server.cuts + times
    server.fault = lambda path: Fault(cut=True) if word in path and (most is None or server.cuts < most) else None


def rows_of(folder: Path) -> dict[str, int]:
    splits = hub.fetch_rows("ann/shop", "default", folder, 1000)
    return {split: len(list(table.rows)) for split, table in splits.items()}


def test_large_files_are_fetched_from_where_the_hub_sends_us(server: HubLikeServer, tmp_path: Path) -> None:
    (make_dataset(server.root, "ann/shop", "Messages.") / ".elsewhere").touch()
    (make_model(server.root) / ".elsewhere").touch()
    assert rows_of(tmp_path) == {"train": 40, "test": 10}
    folder = locate("ann/reader", allow_download=True).folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert server.statuses[302] > 0
    assert any("GET /elsewhere/models" in line for line in server.requests)
    asked = len(server.requests)
    assert locate("ann/reader").folder == folder
    assert len(server.requests) == asked


def test_another_host_gets_no_token(
    server: HubLikeServer, store: HubLikeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    (make_dataset(server.root, "ann/shop", "Messages.") / ".elsewhere").touch()
    (make_model(server.root) / ".elsewhere").touch()
    assert rows_of(tmp_path) == {"train": 40, "test": 10}
    folder = locate("ann/reader", allow_download=True).folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert server.tokens == {"Bearer hf_secret"}
    assert {line.split("/")[2] for line in store.requests} == {"datasets", "models"}
    assert store.tokens == set()


def test_a_file_that_comes_cut_is_read_again(server: HubLikeServer, tmp_path: Path) -> None:
    make_dataset(server.root, "ann/shop", "Messages.")
    make_model(server.root)
    cut(server, ".parquet", times=1)
    assert rows_of(tmp_path) == {"train": 40, "test": 10}
    cut(server, ".safetensors", times=1)
    folder = locate("ann/reader", allow_download=True).folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert server.cuts == 2


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_rows_that_always_come_cut_are_none_at_all(server: HubLikeServer, tmp_path: Path, form: str) -> None:
    folder = make_dataset(server.root, "ann/shop", "Messages.")
    if form != "parquet":
        for path in sorted((folder / "data").iterdir()):
            path.unlink()
        lines = [json.dumps({"text": f"text {n}", "label": n % 2}) for n in range(2000)]
        table = "text,label\n" + "".join(f"text {n},{n % 2}\n" for n in range(2000))
        (folder / f"data/train.{form}").write_text(table if form == "csv" else "\n".join(lines))
    whole = {"train": 40, "test": 10} if form == "parquet" else {"train": 1000}
    cut(server, "/data/train")
    with pytest.raises(HubError, match="ann/shop") as caught:
        rows_of(tmp_path)
    assert "\n" not in str(caught.value)
    server.fault = lambda path: None
    assert rows_of(tmp_path) == whole


@pytest.mark.parametrize("fault", ["cut", "nonsense", "busy"])
def test_weights_that_do_not_come_are_one_line_and_nothing_is_kept(server: HubLikeServer, fault: str) -> None:
    make_model(server.root)
    other = Fault(nonsense=True) if fault == "nonsense" else Fault(429)
    server.fault = lambda path: other
    if fault == "cut":
        cut(server, ".safetensors")
    with pytest.raises(HubError, match=r"ann/reader .*try again") as caught:
        locate("ann/reader", allow_download=True)
    assert "\n" not in str(caught.value)
    server.fault = lambda path: None
    folder = locate("ann/reader", allow_download=True).folder
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(("form", "ids"), [("csv", "names"), ("csv", "list"), ("jsonl", "names"), ("jsonl", "list")])
def test_label_ids_of_tables_become_the_names_of_the_card(
    server: HubLikeServer, tmp_path: Path, form: str, ids: str
) -> None:
    folder = server.root / "datasets/ann/shop"
    folder.mkdir(parents=True)
    card = CARD.format(name="Shop", about="Messages.", licence="mit")
    if ids == "list":
        card = card.replace("          '0': 'no'\n          '1': 'yes'\n", "        - 'no'\n        - 'yes'\n")
    (folder / "README.md").write_text(card)
    for split in ("train", "test"):
        lines = (
            ["text,label", "a,1", "b,0"]
            if form == "csv"
            else ['{"text": "a", "label": 1.0}', '{"text": "b", "label": 0}']
        )
        (folder / f"{split}.{form}").write_text("\n".join(lines) + "\n")
    splits = hub.fetch_rows("ann/shop", "default", tmp_path, 10)
    assert {split: [row["label"] for row in table.rows] for split, table in splits.items()} == {
        "train": ["yes", "no"],
        "test": ["yes", "no"],
    }


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        ("text,label,more\na,1,x\nb,0,y\n", ["yes", "no"]),
        ("text,label\na,1\nb,2\n", ["yes", "2"]),
        ("text,label\na,yes\nb,perhaps\n", ["yes", "perhaps"]),
    ],
    ids=["another column", "an id too many", "another name"],
)
def test_files_that_are_not_what_their_card_says_are_read_as_they_are(
    server: HubLikeServer, tmp_path: Path, rows: str, labels: list[str]
) -> None:
    folder = server.root / "datasets/ann/shop"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD.format(name="Shop", about="Messages.", licence="mit"))
    (folder / "train.csv").write_text(rows)
    splits = hub.fetch_rows("ann/shop", "default", tmp_path, 10)
    assert [(row["text"], row["label"]) for row in splits["train"].rows] == list(zip("ab", labels, strict=True))
