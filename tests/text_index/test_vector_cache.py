"""A text is embedded once, for whoever comes later too; a file that cannot be used costs time only, and is left."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prompt2model import sqlite_file
from prompt2model.catalogue.card_vectors import load_card_embedder
from prompt2model.console import SilentProgress
from prompt2model.sqlite_file import open_database
from prompt2model.text_index.vector_cache import BLOCK, VectorCache, count_vectors


class Counting:
    """The packaged encoder, with what it is asked for."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.breaks_after = 10**9

    def embed(self, texts: Sequence[str]) -> Any:
        if len(self.read) >= self.breaks_after:
            raise KeyboardInterrupt
        self.read += texts
        return load_card_embedder().embed(texts)


class Heard(SilentProgress):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def vectors(cache: VectorCache, *texts: str) -> Any:
    return cache.vectors(texts, SilentProgress())


def test_a_second_run_embeds_only_what_is_new(tmp_path: Path) -> None:
    encoder = Counting()
    path = tmp_path / "deep" / "vectors.sqlite"
    first = vectors(VectorCache(path, "encoder", lambda: encoder), "a film", "a film", "a ship")
    assert encoder.read == ["a film", "a ship"]
    assert (first[0] == first[1]).all()
    assert np.linalg.norm(first, axis=1) == pytest.approx(1.0, abs=1e-5)
    again = vectors(VectorCache(path, "encoder", lambda: encoder), "a ship", "a tree")
    assert encoder.read == ["a film", "a ship", "a tree"]
    assert (again[0] == first[2]).all()

    def refuse() -> Any:
        raise AssertionError("nothing is missing, so no encoder is needed")

    assert (vectors(VectorCache(path, "encoder", refuse), "a tree") == again[1:]).all()


def test_vectors_of_another_encoder_are_not_taken(tmp_path: Path) -> None:
    encoder = Counting()
    for name in ("one", "other"):
        vectors(VectorCache(tmp_path / "v.sqlite", name, lambda: encoder), "a film")
    assert encoder.read == ["a film", "a film"]
    with closing(open_database(tmp_path / "v.sqlite")) as connection:
        assert count_vectors(connection) == {"one": 1, "other": 1}


def test_a_killed_run_keeps_the_blocks_that_it_finished(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.breaks_after = BLOCK
    texts = [f"{number}" for number in range(BLOCK + 2)]
    with pytest.raises(KeyboardInterrupt):
        vectors(VectorCache(tmp_path / "v.sqlite", "encoder", lambda: encoder), *texts)
    after = Counting()
    vectors(VectorCache(tmp_path / "v.sqlite", "encoder", lambda: after), *texts)
    assert after.read == texts[BLOCK:]


def write_nonsense(path: Path) -> None:
    path.write_text("nonsense " * 1000)


def write_another_layout(path: Path) -> None:
    with closing(open_database(path)) as connection:
        connection.execute("CREATE TABLE text_vectors (name TEXT)")


@pytest.mark.parametrize("spoil", [write_nonsense, write_another_layout, Path.mkdir])
def test_a_file_that_cannot_be_used_is_left_as_it_is_and_said_once(tmp_path: Path, spoil: Any) -> None:
    path, heard, encoder = tmp_path / "v.sqlite", Heard(), Counting()
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    cache = VectorCache(path, "encoder", lambda: encoder)
    first, again = cache.vectors(["a film"], heard), cache.vectors(["a film"], heard)
    assert (first == again).all()
    assert encoder.read == ["a film", "a film"]
    assert len(heard.said) == 1
    assert f"embeddings cannot be kept in {path} (" in heard.said[0]
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_while_another_writes_what_is_known_is_read_and_what_is_new_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, heard, encoder = tmp_path / "v.sqlite", Heard(), Counting()
    cache = VectorCache(path, "encoder", lambda: encoder)
    known = vectors(cache, "a film")
    monkeypatch.setattr(sqlite_file, "PATIENCE_S", 0.0)
    with closing(open_database(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (cache.vectors(["a film"], heard) == known).all()
        assert heard.said == []
        assert cache.vectors(["a ship"], heard).shape == (1, 384)
        assert "database is locked" in heard.said[0]
    assert encoder.read == ["a film", "a ship"]
