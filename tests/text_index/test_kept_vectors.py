"""Vectors stay with the documents they were made from, and with the encoder that made them."""

from pathlib import Path

import numpy as np
import pytest

from prompt2model.text_index.bm25 import Bm25Index, Document
from prompt2model.text_index.kept_vectors import KeptVectors

FIELDS = {"title": 2.0, "body": 1.0}
DOCUMENTS = [Document(name, (name, f"about {name}"), "1") for name in ("apples", "pears", "plums")]


def _vectors(*numbers: float) -> np.ndarray:
    return np.array([[number, 1.0] for number in numbers], dtype=np.float32)


def _filled(path: Path | None, name: str = "words") -> tuple[Bm25Index, KeptVectors]:
    index = Bm25Index(path, FIELDS, name)
    index.put(DOCUMENTS)
    vectors = KeptVectors(index, "encoder one")
    vectors.put(vectors.missing(10), _vectors(1, 2, 3))
    return index, vectors


def test_what_has_no_vector_yet_is_named_with_its_texts() -> None:
    index = Bm25Index(None, FIELDS)
    index.put(DOCUMENTS)
    vectors = KeptVectors(index, "encoder one")
    first = vectors.missing(2)
    assert [(one.key, one.texts) for one in first] == [
        ("apples", ("apples", "about apples")),
        ("pears", ("pears", "about pears")),
    ]
    vectors.put(first, _vectors(1, 2))
    assert [one.key for one in vectors.missing(10)] == ["plums"]
    assert len(vectors) == 2


def test_vectors_come_back_in_the_order_of_the_keys(tmp_path: Path) -> None:
    _filled(tmp_path / "file.sqlite")[0].close()
    with Bm25Index(tmp_path / "file.sqlite", FIELDS) as index:
        matrix = KeptVectors(index, "encoder one").get(["plums", "unknown", "apples"])
        assert matrix.dtype == np.float32
        assert matrix.tolist() == [[3, 1], [0, 0], [1, 1]]


def test_a_replaced_or_removed_document_loses_its_vector() -> None:
    index, vectors = _filled(None)
    index.put([Document("pears", ("pears", "other words"), "2")])
    index.remove(["plums"])
    assert len(vectors) == 1
    assert not vectors.get(["pears", "plums"]).any()
    assert [(one.key, one.texts[1]) for one in vectors.missing(10)] == [("pears", "other words")]


def test_a_vector_of_a_state_that_is_gone_is_passed_over() -> None:
    index = Bm25Index(None, FIELDS)
    index.put(DOCUMENTS)
    vectors = KeptVectors(index, "encoder one")
    found = vectors.missing(10)
    index.put([Document("plums", ("plums", "written anew"), "2")])
    vectors.put(found, _vectors(1, 2, 3))
    assert [one.key for one in vectors.missing(10)] == ["plums"]


def test_another_encoder_starts_anew_when_it_puts_something() -> None:
    index, vectors = _filled(None)
    other = KeptVectors(index, "encoder two")
    assert len(other) == 0
    assert other.get(["apples"]).shape == (1, 0)
    assert len(other.missing(10)) == 3
    assert len(vectors) == 3
    other.put(other.missing(1), _vectors(7))
    assert (len(other), len(vectors)) == (1, 0)
    assert other.get(["apples"]).tolist() == [[7, 1]]


def test_the_nearest_of_all() -> None:
    _, vectors = _filled(None)
    hits = vectors.nearest(np.array([1, 0], dtype=np.float32), 2)
    assert [(hit.key, hit.score) for hit in hits] == [("plums", 3.0), ("pears", 2.0)]


def test_a_matrix_of_another_length_is_refused() -> None:
    index, vectors = _filled(None)
    with pytest.raises(ValueError, match="3 documents"):
        KeptVectors(index, "other").put(KeptVectors(index, "other").missing(3), _vectors(1))
    assert len(vectors) == 3


def test_two_indices_in_a_file_do_not_touch_one_another(tmp_path: Path) -> None:
    index, vectors = _filled(tmp_path / "file.sqlite", "datasets")
    other = Bm25Index(index.connection, {"text": 1.0}, "models")
    other.put([Document("apples", ("plums",))])
    other_vectors = KeptVectors(other, "encoder one")
    other_vectors.put(other_vectors.missing(1), _vectors(9))
    other.remove(["apples"])
    assert (len(index), len(other), len(vectors), len(other_vectors)) == (3, 0, 3, 0)
    assert [hit.key for hit in index.search("plums", 5)] == ["plums"]
