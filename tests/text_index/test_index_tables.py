"""An index of an older version is taken over with its documents, and says so."""

import sqlite3
from pathlib import Path

import numpy as np

from prompt2model.text_index.bm25 import Bm25Index, Document
from prompt2model.text_index.kept_vectors import KeptVectors

FIELDS = {"title": 2.0, "body": 1.0}


def _first_version(path: Path) -> None:
    """A file as version 1 wrote it."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE about (fields TEXT NOT NULL);
        INSERT INTO about VALUES ('title,body');
        CREATE TABLE documents (number INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, stamp TEXT NOT NULL,
            payload TEXT NOT NULL);
        CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize = 'porter unicode61 remove_diacritics 2');
        INSERT INTO documents VALUES (1, 'cards', 'stamp 1', 'payload of cards'), (7, 'weather', '', '');
        INSERT INTO words (rowid, title, body) VALUES (1, 'Bank cards', 'lost cards'),
            (7, '天気 気予 予報', 'forecast');
        PRAGMA user_version = 1;
        """
    )
    connection.close()


def test_the_first_version_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    _first_version(path)
    with Bm25Index(path, FIELDS) as index:
        assert index.opening == "migrated"
        assert index.stamps() == {"cards": "stamp 1", "weather": ""}
        assert index.payload("cards") == "payload of cards"
        assert [hit.key for hit in index.search("card", 5)] == ["cards"]
        assert [hit.key for hit in index.search("天気予報", 5)] == ["weather"]
    with Bm25Index(path, FIELDS) as index:
        assert (index.opening, len(index)) == ("kept", 2)


def test_the_first_version_with_other_fields_is_rebuilt(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    _first_version(path)
    with Bm25Index(path, {"text": 1.0}) as index:
        assert (index.opening, len(index)) == ("rebuilt", 0)
        tables = {row[0] for row in index.connection.execute("SELECT name FROM sqlite_master")}
        assert not tables & {"about", "documents", "words"}


def test_another_version_keeps_documents_and_vectors(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with Bm25Index(path, FIELDS) as index:
        index.put([Document("a", ("apples", "red")), Document("b", ("pears", "green"), "2", "payload")])
        index.remove(["a"])
        vectors = KeptVectors(index, "encoder")
        vectors.put(vectors.missing(5), np.ones((1, 2)))
        index.connection.execute("UPDATE text_indices SET version = 2")
        index.connection.execute("DELETE FROM words_lists")
    with Bm25Index(path, FIELDS) as index:
        assert index.opening == "migrated"
        assert [hit.key for hit in index.search("apples pears", 5)] == ["b"]
        assert (index.stamps(), index.payload("b")) == ({"b": "2"}, "payload")
        assert KeptVectors(index, "encoder").get(["b"]).tolist() == [[1, 1]]


def test_other_weights_count_for_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    documents = [Document("a", ("apple", "pear")), Document("b", ("pear", "apple")), Document("c", ("plum", "plum"))]
    with Bm25Index(path, FIELDS) as index:
        index.put(documents)
        assert [hit.key for hit in index.search("apple", 2)] == ["a", "b"]
    with Bm25Index(path, {"title": 1.0, "body": 3.0}) as index:
        assert index.opening == "migrated"
        assert [hit.key for hit in index.search("apple", 2)] == ["b", "a"]


def test_each_index_of_a_file_says_for_itself(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    _first_version(path)
    with Bm25Index(path, FIELDS, "datasets") as index:
        assert index.opening == "migrated"
        assert Bm25Index(index.connection, {"text": 1.0}, "models").opening == "new"
        assert Bm25Index(index.connection, {"text": 1.0}, "models").opening == "kept"
        assert len(index) == 2
