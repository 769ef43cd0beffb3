"""The index finds what was put in, keeps it on disk, and takes any text as a query."""

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.text_index.bm25 import Bm25Index, Document

FIELDS = {"title": 2.0, "body": 1.0}
DOCUMENTS = [
    Document("cards", ("Bank cards", "lost cards, stolen cards and new cards"), "1", "payload of cards"),
    Document("films", ("Film reviews", "what people wrote about films"), "1"),
    Document("weather", ("天気予報の文章", "明日の天気はどうですか"), "1"),
]

FILLED = Bm25Index(None, FIELDS)
FILLED.put(DOCUMENTS)


def test_the_best_match_comes_first_and_unmatched_documents_stay_out() -> None:
    index = Bm25Index(None, FIELDS)
    index.put(DOCUMENTS)
    hits = index.search("somebody stole my card", 10)
    assert [hit.key for hit in hits] == ["cards"]
    assert hits[0].score > 0
    assert index.search("zebra", 10) == []
    assert index.search("", 10) == []


def test_weights_count() -> None:
    index = Bm25Index(None, FIELDS)
    index.put([Document("a", ("apple", "pear")), Document("b", ("pear", "apple")), Document("c", ("plum", "plum"))])
    assert [hit.key for hit in index.search("apple", 10)] == ["a", "b"]
    assert [hit.key for hit in index.search("pear", 10)] == ["b", "a"]


def test_scripts_without_spaces_are_found_by_a_part_of_a_sentence() -> None:
    index = Bm25Index(None, FIELDS)
    index.put(DOCUMENTS)
    assert [hit.key for hit in index.search("天気を分類する", 10)] == ["weather"]


def test_a_document_is_replaced_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "index.sqlite"
    with Bm25Index(path, FIELDS) as index:
        index.put(DOCUMENTS)
        index.put([Document("films", ("Trains", "timetables"), "2")])
        index.remove(["weather", "never there"])
    with Bm25Index(path, FIELDS) as index:
        assert index.stamps() == {"cards": "1", "films": "2"}
        assert index.search("film", 10) == []
        assert [hit.key for hit in index.search("train", 10)] == ["films"]
        assert index.payload("cards") == "payload of cards"
        assert index.payload("weather") is None


def test_a_failed_put_changes_nothing() -> None:
    index = Bm25Index(None, FIELDS)
    index.put(DOCUMENTS)
    try:
        index.put([Document("new", ("a", "b")), Document("bad", ("one text only",))])
    except ValueError as error:
        assert "bad" in str(error)
    assert set(index.stamps()) == {"cards", "films", "weather"}


def test_a_damaged_file_or_one_of_other_fields_is_built_anew(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with Bm25Index(path, FIELDS) as index:
        assert index.opening == "rebuilt"
        index.put(DOCUMENTS)
    with Bm25Index(path, FIELDS) as index:
        assert (index.opening, len(index)) == ("kept", 3)
    with Bm25Index(path, {"other": 1.0}) as index:
        assert (index.opening, len(index)) == ("rebuilt", 0)
        index.put([Document("new", ("words",))])
        assert [hit.key for hit in index.search("word", 3)] == ["new"]


@given(query=st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_no_query_is_refused(query: str) -> None:
    FILLED.search(query, 3)


WRITER = """
import sys
from pathlib import Path
from prompt2model.text_index.bm25 import Bm25Index, Document
name = sys.argv[2]
with Bm25Index(Path(sys.argv[1]), {"title": 2.0, "body": 1.0}) as index:
    for number in range(30):
        index.put([Document(f"{name} {number}", (name, "text")), Document("shared", (name, f"number {number}"))])
        assert [hit.key for hit in index.search(f"number {number}", 1)] == ["shared"]
"""


def test_two_processes_write_while_a_third_reads(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite"
    with Bm25Index(path, FIELDS) as index:
        writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("left", "right")]
        seen = [0]
        while any(writer.poll() is None for writer in writers):
            seen.append(len(index.search("text", 100)))
        assert [writer.returncode for writer in writers] == [0, 0]
        # What is written stays, and a search sees whole puts only.
        assert seen == sorted(seen)
        assert len(index) == 61
        assert len(index.search("left", 100)) + len(index.search("right", 100)) == 61
        assert len(index.search("shared number", 100)) == 1


def test_a_caller_that_undoes_its_transaction_undoes_the_index_too(tmp_path: Path) -> None:
    with Bm25Index(tmp_path / "index.sqlite", FIELDS) as index:
        index.connection.execute("BEGIN IMMEDIATE")
        index.put(DOCUMENTS)
        assert [hit.key for hit in index.search("films", 3)] == ["films"]
        index.connection.execute("ROLLBACK")
        assert index.search("films", 3) == []
        # What is put now may get the numbers of what was undone.
        index.put([Document("trains", ("Trains", "timetables"))])
        assert [hit.key for hit in index.search("train card film", 3)] == ["trains"]


def test_texts_come_back_as_they_were() -> None:
    for document in DOCUMENTS:
        assert FILLED.texts(document.key) == document.texts
    assert FILLED.texts("nothing") is None
