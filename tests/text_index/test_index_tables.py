"""An index of another version is taken over with its documents, and says so."""

from pathlib import Path

import pytest

from prompt2model.text_index.bm25 import Bm25Index, Document

FIELDS = {"title": 2.0, "body": 1.0}
DOCUMENTS = [Document("a", ("apple", "pear")), Document("b", ("pear", "apple")), Document("c", ("plum", "plum"))]


def filled(path: Path, *statements: str) -> None:
    with Bm25Index(path, FIELDS) as index:
        index.put(
            [*DOCUMENTS, Document("d", ("cherries", "green"), "2", "payload"), Document("gone", ("gone", "gone"))]
        )
        index.remove(["gone"])
        for statement in statements:
            index.connection.execute(statement)


def test_another_version_keeps_the_documents(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    filled(path, "UPDATE text_indices SET version = 2", "DELETE FROM words_lists", "DROP TABLE words_segments")
    with Bm25Index(path, FIELDS) as index:
        assert index.opening == "migrated"
        assert [hit.key for hit in index.search("plums cherry gone", 5)] == ["c", "d"]
        assert (index.stamps()["d"], index.payload("d"), len(index)) == ("2", "payload", 4)
    with Bm25Index(path, FIELDS) as index:
        assert (index.opening, len(index)) == ("kept", 4)


def test_an_index_that_tells_no_weights_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    filled(path, "ALTER TABLE text_indices DROP COLUMN weights")
    with Bm25Index(path, FIELDS) as index:
        assert (index.opening, len(index)) == ("migrated", 4)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE words_documents SET texts = x'00' WHERE key = 'd'",
        "UPDATE words_documents SET texts = (SELECT texts FROM other) WHERE key = 'd'",
        "ALTER TABLE words_documents DROP COLUMN stamp",
        "DROP TABLE words_documents",
    ],
    ids=["packed otherwise", "another number of texts", "another column", "no table"],
)
def test_documents_that_cannot_be_read_are_dropped(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "index.sqlite"
    with Bm25Index(path, {"text": 1.0}, "single") as index:
        index.put([Document("a", ("one text",))])
        index.connection.execute("CREATE TABLE other AS SELECT texts FROM single_documents")
    filled(path, statement, "UPDATE text_indices SET version = 2 WHERE name = 'words'")
    with Bm25Index(path, FIELDS) as index:
        assert (index.opening, len(index)) == ("rebuilt", 0)
        index.put(DOCUMENTS)
        assert [hit.key for hit in index.search("cherries plums", 5)] == ["c"]


def test_other_weights_count_for_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with Bm25Index(path, FIELDS) as index:
        index.put(DOCUMENTS)
        assert [hit.key for hit in index.search("apple", 2)] == ["a", "b"]
    with Bm25Index(path, {"title": 1.0, "body": 3.0}) as index:
        assert index.opening == "migrated"
        assert [hit.key for hit in index.search("apple", 2)] == ["b", "a"]


def test_each_index_of_a_file_says_for_itself_and_touches_no_other(tmp_path: Path) -> None:
    with Bm25Index(tmp_path / "index.sqlite", FIELDS, "datasets") as index:
        index.put(DOCUMENTS)
        models = Bm25Index(index.connection, {"text": 1.0}, "models")
        assert models.opening == "new"
        models.put([Document("a", ("plums",))])
        models.remove(["a"])
        assert Bm25Index(index.connection, {"text": 1.0}, "models").opening == "kept"
        assert Bm25Index(index.connection, {"other": 1.0}, "models").opening == "rebuilt"
        assert (len(index), [hit.key for hit in index.search("plums", 5)]) == (3, ["c"])
