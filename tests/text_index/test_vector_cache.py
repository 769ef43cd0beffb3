"""A text is embedded once, for whoever comes later too; a damaged file is made anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prompt2model.console import SilentProgress
from prompt2model.text_index.vector_cache import BLOCK, VectorCache, load_card_embedder


class Counting:
    """The packaged encoder, with what it is asked for."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.breaks_after = 10**9

    def embed(self, texts: list[str]) -> Any:
        if len(self.read) >= self.breaks_after:
            raise KeyboardInterrupt
        self.read += texts
        return load_card_embedder().embed(texts)


def vectors(cache: VectorCache, *texts: str) -> Any:
    return cache.vectors(texts, SilentProgress())


def test_a_second_run_embeds_only_what_is_new(tmp_path: Path) -> None:
    encoder = Counting()
    path = tmp_path / "deep" / "vectors.sqlite"
    first = vectors(VectorCache(path, "encoder", lambda: encoder), "a film", "a film", "a ship")  # type: ignore[arg-type, return-value]
    assert encoder.read == ["a film", "a ship"]
    assert (first[0] == first[1]).all()
    assert np.linalg.norm(first, axis=1) == pytest.approx(1.0, abs=1e-5)
    again = vectors(VectorCache(path, "encoder", lambda: encoder), "a ship", "a tree")  # type: ignore[arg-type, return-value]
    assert encoder.read == ["a film", "a ship", "a tree"]
    assert (again[0] == first[2]).all()

    def refuse() -> Any:
        raise AssertionError("nothing is missing, so no encoder is needed")

    assert (vectors(VectorCache(path, "encoder", refuse), "a tree") == again[1:]).all()


def test_vectors_of_another_encoder_are_not_taken(tmp_path: Path) -> None:
    encoder = Counting()
    for name in ("one", "other"):
        vectors(VectorCache(tmp_path / "v.sqlite", name, lambda: encoder), "a film")  # type: ignore[arg-type, return-value]
    assert encoder.read == ["a film", "a film"]


def test_a_killed_run_keeps_the_blocks_that_it_finished(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.breaks_after = BLOCK
    texts = [f"{number}" for number in range(BLOCK + 2)]
    with pytest.raises(KeyboardInterrupt):
        vectors(VectorCache(tmp_path / "v.sqlite", "encoder", lambda: encoder), *texts)  # type: ignore[arg-type, return-value]
    after = Counting()
    vectors(VectorCache(tmp_path / "v.sqlite", "encoder", lambda: after), *texts)  # type: ignore[arg-type, return-value]
    assert after.read == texts[BLOCK:]


def test_a_file_that_is_no_database_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    path.write_text("nonsense " * 1000)
    assert vectors(VectorCache(path, "encoder", load_card_embedder), "a film").shape == (1, 384)
