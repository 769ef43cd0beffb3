"""Near copies in other words are found with the real encoder; what only looks alike to it is not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from prompt2model.console import SilentProgress
from prompt2model.inference import Embedder, load_embedder
from prompt2model.text_index import near_meaning, text_vectors
from prompt2model.text_index.near_meaning import NEAR_COPY, NearMeanings
from prompt2model.text_index.text_vectors import TextVectors


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def vectors_of(embedder: Embedder, texts: list[str], folder: Path | None = None) -> TextVectors:
    return TextVectors(embedder, texts, SilentProgress(), folder)


def near(embedder: Embedder, first: str, second: str, threshold: float = NEAR_COPY) -> bool:
    index = NearMeanings(vectors_of(embedder, [first, second]), threshold)
    index.add("first", first)
    return index.find(second) == "first"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("What do I have to do to return the blue kettle?", "What do I need to do to return the blue kettle?"),
        ("How can I send the broken kettle back to you?", "How do I send back the broken kettle?"),
        ("Why was my parcel not delivered on Monday?", "Why wasn't my parcel delivered on Monday?"),
        ("Where is the invoice for the kettle that I bought?", "where's the invoice for the kettle I bought"),
    ],
)
def test_a_near_copy_in_other_words_is_found(embedder: Embedder, first: str, second: str) -> None:
    assert near(embedder, first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("I want to change the address of my order", "I want to cancel my order"),
        ("Please deliver the parcel on Saturday.", "Please deliver the parcel on Wednesday."),
        ("the largest value of a list", "the smallest value of a list"),
        ("The soup was delicious", "Die Suppe war köstlich"),
    ],
    ids=["similar", "one word", "opposite", "another language"],
)
def test_what_is_only_similar_is_not(embedder: Embedder, first: str, second: str) -> None:
    assert not near(embedder, first, second)


def test_other_numbers_are_another_text(embedder: Embedder) -> None:
    two, three = "Please send me 2 of the blue kettles", "Please send me 3 of the blue kettles"
    assert not near(embedder, two, three, 0.5)
    assert near(embedder, two, "please send me 2 of the blue kettles!", 0.5)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("リストの最大値を計算する", "リストの平均値を計算する"),
        ("Привет, где моя посылка", "Привет, где моя посылка?"),
        ("I love it \N{GRINNING FACE}", "I love it \N{CRYING FACE}"),
        ("word " * 400 + "first", "word " * 400 + "second"),
    ],
    ids=["Japanese", "Russian", "signs without a token", "longer than the encoder reads"],
)
def test_what_the_encoder_does_not_see_whole_is_near_nothing(embedder: Embedder, first: str, second: str) -> None:
    vectors = vectors_of(embedder, [first, second])
    assert not vectors.read.any()
    assert not near(embedder, first, second, 0.01)


def test_the_nearest_wins_and_equals_keep_their_order() -> None:
    vectors = Table([[1, 0], [0.8, 0.6], [0.8, 0.6], [0.96, 0.28]])
    index = NearMeanings(vectors, 0.5)
    for key in "123":
        index.add(key, key)
    assert index.find_all("3") == ["3", "1", "2"]
    assert NearMeanings(vectors, 0.99).find("0") is None
    with pytest.raises(KeyError):
        index.find("a text without a vector")


class Table(TextVectors):
    """Vectors that a test writes down; the texts are their numbers."""

    def __init__(self, rows: list[list[float]] | np.ndarray) -> None:
        self.matrix = np.array(rows, dtype=np.float32)
        self._place = {str(number): number for number in range(len(rows))}
        self.read = np.ones(len(rows), dtype=bool)
        self.numbers = np.zeros(len(rows), dtype=np.int32)


def test_blocks_find_what_comparing_one_by_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_meaning, "BLOCK", 7)
    monkeypatch.setattr(near_meaning, "_CHUNK", 5)
    rows = np.random.default_rng(0).normal(size=(150, 3))
    table = Table(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    index, kept = NearMeanings(table, 0.97), []
    for number in range(150):
        cosines = [(round(float(table.matrix[number] @ table.matrix[other]), 3), other) for other in kept]
        nearest = sorted((pair for pair in cosines if pair[0] >= 0.97), key=lambda pair: (-pair[0], pair[1]))
        assert index.find_all(str(number)) == [str(other) for _, other in nearest]
        if not nearest or number % 5 == 0:
            index.add(str(number), str(number))
            kept.append(number)
    assert 20 < len(kept) < 150


def test_a_killed_run_goes_on_with_the_same_vectors(
    embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"{word} kettle number {number}" for number in range(8) for word in ("a blue", "the old broken", "no")]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    for folder in (killed, whole):
        folder.mkdir()
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom prompt2model.console import SilentProgress\n"
        "from prompt2model.inference import load_embedder\nfrom prompt2model.text_index import text_vectors\n"
        "text_vectors.BLOCK = 8\n"
        "class Killer(SilentProgress):\n"
        "    def track(self, items, description, total=None):\n"
        "        for number, item in enumerate(items):\n"
        "            if number == 2:\n                os.kill(os.getpid(), signal.SIGKILL)\n"
        "            yield item\n"
        f"text_vectors.TextVectors(load_embedder(), {texts!r}, Killer(), Path({str(killed)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ}, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    before = {path.name: path.stat().st_mtime_ns for path in killed.iterdir()}
    assert len(before) == 2
    monkeypatch.setattr(text_vectors, "BLOCK", 8)
    resumed, fresh = vectors_of(embedder, texts, killed), vectors_of(embedder, texts, whole)
    assert before.items() <= {path.name: path.stat().st_mtime_ns for path in killed.iterdir()}.items()
    assert resumed.matrix.tobytes() == fresh.matrix.tobytes()
    assert {path.name: path.read_bytes() for path in killed.iterdir()} == {
        path.name: path.read_bytes() for path in whole.iterdir()
    }
    resumed.forget()
    assert not list(killed.iterdir())
