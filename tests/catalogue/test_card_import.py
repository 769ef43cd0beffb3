"""Cards from JSON lines: what is a card is kept, what is none is counted and named, whatever the line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.catalogue.card_file import CardFile
from prompt2model.catalogue.card_import import Imported, import_cards
from prompt2model.console import SilentProgress
from prompt2model.errors import DataFileError

DATASET = {
    "kind": "dataset", "id": "ann/mails", "pretty_name": "Mails", "license": "MIT", "language": ["de", False],
    "task_categories": ["text-classification"], "tags": "mail", "rows": 12, "bytes": 400, "gated": "manual",
    "downloads": 7, "columns": ["text", "label"], "text": "# Mails\n\nParcels that `never` came.", "likes": 3,
    "lastModified": "2026-01-02",
}  # fmt: skip
MODEL = {"kind": "model", "id": "ann/reader", "config": {"model_type": "bert"}, "tags": ["tickets"], "bytes": 9}


def lines(*rows: Any) -> bytes:
    return b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)


def read(path: Path, content: bytes, kind: Any = None) -> tuple[Imported, CardFile]:
    path.write_bytes(content)
    file = CardFile(path.with_suffix(".sqlite"), make=True)
    return import_cards(path, file, kind, SilentProgress()), file


def test_fields_become_a_card_and_unknown_stays_unknown(tmp_path: Path) -> None:
    done, file = read(tmp_path / "a.jsonl", lines(DATASET, MODEL, {"kind": "dataset", "id": "ann/bare"}))
    assert (done.datasets, done.models, done.bad, done.unknown_fields) == (2, 1, [], {"likes"})
    card = file.datasets.card("ann/mails")
    assert card is not None
    assert (card.title, card.licence, card.languages, card.rows, card.gated) == ("Mails", "mit", ("de", "no"), 12, True)
    assert (card.text, card.tags) == ("Mails Parcels that never came.", ("text-classification", "mail"))
    assert [found.id for found, _ in file.datasets.search("parcels", 5)] == ["ann/mails"]
    bare = file.datasets.card("ann/bare")
    assert bare is not None
    assert (bare.licence, bare.rows, bare.gated, bare.downloads, bare.languages) == (None, None, None, None, ())
    model = file.models.card("ann/reader")
    assert model is not None
    assert (model.family, model.bytes, model.parameters) == ("encoder", 9, None)
    assert file.info().datasets.imported == 2
    file.close()


def test_a_family_is_never_told_by_the_name(tmp_path: Path) -> None:
    done, file = read(
        tmp_path / "a.jsonl",
        lines(
            {"id": "google/t5-small"},
            {"id": "ann/seer", "config": {"model_type": "vit"}},
            {"id": "ann/bert", "family": "decoder"},
            {"id": "ann/other", "family": "bert"},
        ),
        "model",
    )
    assert [number for number, _ in done.bad] == [1, 4]
    assert (done.models, done.passed_over) == (1, 1)
    card = file.models.card("ann/bert")
    assert card is not None
    assert card.family == "decoder"
    file.close()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"{not json}\n", "no JSON"),
        (b"\xff\xfe\n", "byte 1 is no UTF-8"),
        (b"[1]\n", "no JSON object"),
        (b"[" * 100_000 + b"\n", ""),
        (lines({"kind": "dataset"}), "no `id`"),
        (lines({"kind": "dataset", "id": "a\nb"}), "`id` is no name"),
        (lines({"kind": "space", "id": "a/b"}), "`kind` is neither"),
        (lines({"id": "a/b"}), "`kind` is neither"),
        (lines({"kind": "dataset", "id": "a/b", "rows": -1}), "`rows` is no count"),
        (lines({"kind": "dataset", "id": "a/b", "rows": 10**30}), "`rows` is no count"),
        (lines({"kind": "dataset", "id": "a/b", "text": ["x"]}), "`text` is no text"),
        (lines({"kind": "dataset", "id": "a/b", "languages": [{}]}), "`languages` is neither"),
        (lines({"kind": "dataset", "id": "a/b", "gated": "perhaps"}), "`gated` is neither"),
        (b'{"kind": "dataset", "id": "a/b", "text": "' + b"x" * 21_000_000 + b'"}\n', "longer than 20 MB"),
    ],
)
def test_a_line_that_is_no_card_is_named(tmp_path: Path, line: bytes, why: str) -> None:
    done, file = read(tmp_path / "a.jsonl", lines(DATASET) + b"\n" + line + lines(MODEL))
    ((number, said),) = done.bad
    assert number == 3
    assert why in said
    assert "\n" not in said
    assert (done.datasets, done.models) == (1, 1)
    file.close()


def test_the_card_of_an_id_is_replaced(tmp_path: Path) -> None:
    done, file = read(tmp_path / "a.jsonl", lines(DATASET, {**DATASET, "text": "Invoices."}))
    assert (done.datasets, len(file.datasets)) == (2, 1)
    assert file.datasets.search("parcels", 5) == []
    file.close()


def test_a_card_of_five_megabytes_is_cut_and_a_broken_character_kept_out(tmp_path: Path) -> None:
    long = {**DATASET, "id": "ann/long", "text": "zebra " * 900_000}
    broken = b'{"kind": "dataset", "id": "ann/half", "text": "a \\ud83d giraffe"}\n'
    done, file = read(tmp_path / "a.jsonl", lines(long) + broken)
    assert done.cut == ["ann/long"]
    card = file.datasets.card("ann/long")
    assert card is not None
    assert len(card.text) == 20_000
    assert [found.id for found, _ in file.datasets.search("giraffe", 3)] == ["ann/half"]
    file.close()


def test_packed_files_and_files_that_end_too_early(tmp_path: Path) -> None:
    packed = gzip.compress(lines(*({**DATASET, "id": f"ann/{number}"} for number in range(1_500))))
    done, file = read(tmp_path / "a.jsonl.gz", packed)
    assert done.datasets == 1_500
    with pytest.raises(DataFileError, match=r"cannot be read to its end .* cards before that are kept"):
        read(tmp_path / "b.jsonl.gz", packed[: len(packed) // 2])
    with pytest.raises(DataFileError, match="cannot be read to its end"):
        read(tmp_path / "c.jsonl.gz", b"plain text")
    file.close()


@pytest.mark.parametrize(("content", "why"), [(b"", "it is empty"), (b"a,b\n1,2\n", "line 1: no JSON")])
def test_a_file_without_any_card_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(DataFileError, match=why):
        read(tmp_path / "a.jsonl", content)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from([*DATASET, *MODEL, "family", "parameters", "sample", "instruction_tuned", "other"])
rows = st.dictionaries(names, values, max_size=6).map(lambda row: json.dumps(row).encode() + b"\n")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CardFile]:
    with CardFile(tmp_path_factory.mktemp("shared") / "cards.sqlite", make=True) as file:
        yield file


@settings(max_examples=60, deadline=None)
@given(st.lists(rows | st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"") + b"\n"), max_size=8))
def test_every_line_is_a_card_or_named(shared: CardFile, content: list[bytes]) -> None:
    source = shared.path.with_name("a.jsonl")
    source.write_bytes(lines({"kind": "dataset", "id": "ann/good"}) + b"".join(content))
    done, file = import_cards(source, shared, None, SilentProgress()), shared
    written = [line for line in content if line.strip()]
    assert done.cards + done.passed_over + len(done.bad) == 1 + len(written)
    for card, _ in file.datasets.search("good", 10):
        assert file.datasets.card(card.id) == card
