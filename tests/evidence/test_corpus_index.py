"""An index is made once, brought up to date file by file, and never trusted where it is not whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from evidence.corpora import VITAMINS, Said, opened, write, write_rows

from prompt2model.errors import DataFileError, EvidenceError
from prompt2model.evidence.corpus_index import CorpusIndex
from prompt2model.records import Item

QUESTION = Item("polished rice", ("cereal", "zinc"))


def work(corpus: Path, cache: Path, progress: Said | None = None) -> tuple[int, int]:
    """What opening the index came to."""
    index = CorpusIndex(corpus, cache, progress or Said())
    index.close()
    return index.work


def test_it_is_made_once_and_then_only_changed_files_are_read(tmp_path: Path) -> None:
    corpus, said = write(tmp_path / "texts", VITAMINS), Said()
    assert work(corpus, tmp_path, said) == (4, 0)
    assert said.tracked == ["indexing texts"]
    assert work(corpus, tmp_path) == (0, 0)
    os.utime(corpus / "scurvy.txt", (1, 1))
    assert work(corpus, tmp_path) == (0, 0), "the content counts, not the date"
    write(corpus, {"scurvy.txt": "Scurvy is forgotten.", "new.txt": "Pellagra comes from a lack of niacin."})
    (corpus / "more" / "beriberi.txt").unlink()
    assert work(corpus, tmp_path) == (2, 2)
    retriever = opened(corpus, tmp_path)
    assert retriever.evidence_for(Item("Pellagra?", ("niacin",))) == ("Pellagra comes from a lack of niacin.",)
    assert retriever.evidence_for(QUESTION) == ("", "")
    assert retriever.corpus.passages == 4


def test_the_digest_tells_the_content_from_any_other_wherever_it_lies(tmp_path: Path) -> None:
    one, other = write(tmp_path / "one", VITAMINS), write(tmp_path / "other", VITAMINS)
    first, second = opened(one, tmp_path).corpus, opened(other, tmp_path).corpus
    assert (first.digest, first.passages) == (second.digest, second.passages)
    assert first.path != second.path
    write(other, {"scurvy.txt": "Scurvy is forgotten."})
    assert opened(other, tmp_path).corpus.digest != first.digest
    (one / "scurvy.txt").rename(one / "skorbut.txt")
    assert opened(one, tmp_path).corpus.digest != first.digest


def test_a_killed_indexing_goes_on_where_it_was(tmp_path: Path) -> None:
    """Killed in the middle of its second block: the first block stays, the second is not half there."""
    corpus = write(tmp_path / "texts", {f"{number}.txt": f"Entry {number} of the book." for number in range(6)})
    program = f"""
import os, signal
from pathlib import Path
from prompt2model.console import SilentProgress
from prompt2model.evidence import corpus_index
corpus_index._BLOCK_BYTES = 40
read = corpus_index.read_texts
def dying(path):
    if path.name == "3.txt":
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path)
corpus_index.read_texts = dying
corpus_index.CorpusIndex(Path({str(corpus)!r}), Path({str(tmp_path)!r}), SilentProgress())
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    assert work(corpus, tmp_path) == (4, 0)
    assert len(CorpusIndex(corpus, tmp_path, Said())) == 6


def test_an_index_that_is_not_whole_is_made_anew(tmp_path: Path) -> None:
    corpus, said = write(tmp_path / "texts", VITAMINS), Said()
    index = CorpusIndex(corpus, tmp_path, said)
    index.index.remove(["scurvy.txt#0"])
    index.close()
    assert work(corpus, tmp_path, said) == (4, 0)
    assert "not whole" in said.lines[-1]
    assert work(corpus, tmp_path) == (0, 0)


def test_a_file_that_is_no_index_is_replaced(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", VITAMINS)
    index = CorpusIndex(corpus, tmp_path, Said())
    index.close()
    for part in tmp_path.glob("evidence-*.sqlite*"):
        part.write_bytes(b"no database, " * 1000)
    assert work(corpus, tmp_path) == (4, 0)


def test_a_corpus_may_be_a_single_file(tmp_path: Path) -> None:
    path = write_rows(
        tmp_path / "rows.jsonl.gz",
        [{"title": "Beriberi", "contents": "It comes from polished rice."}, {"contents": "Scurvy is another illness."}],
    )
    retriever = opened(path, tmp_path / "cache")
    assert retriever.evidence_for(QUESTION)[0] == "Beriberi: It comes from polished rice."
    assert retriever.corpus.path == str(path)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("a.txt", b"good\nb\xffd", "line 2 is not UTF-8"),
        ("a.jsonl", b'{"text": "good"}\n{"text"\n', "line 2 is not JSON"),
        ("a.jsonl", b'\n["text"]\n', "line 2 is no JSON object"),
        ("a.jsonl", b'{"body_of_it": "x"}\n', "line 1 has no text in a column text, contents"),
        ("a.jsonl.gz", b"no gzip", "no whole gzip file"),
        ("a.txt", b"", "only empty files"),
        ("a.txt", b" \n\n", "only empty files"),
        ("a.pdf", b"%PDF", "holds no text file"),
        (".hidden.txt", b"text", "holds no text file"),
    ],
)
def test_a_corpus_that_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, name: str, content: bytes, fault: str
) -> None:
    corpus = tmp_path / "texts"
    corpus.mkdir()
    (corpus / name).write_bytes(content)
    with pytest.raises(DataFileError, match=fault) as caught:
        opened(corpus, tmp_path / "cache")
    assert str(corpus) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_fault_in_one_file_leaves_nothing_half_done(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", VITAMINS)
    (corpus / "zz.jsonl").write_text('{"text": "one"}\n{"nothing": 2}\n')
    with pytest.raises(DataFileError):
        opened(corpus, tmp_path)
    (corpus / "zz.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
    assert work(corpus, tmp_path) == (5, 0)


def test_a_corpus_that_is_not_there_and_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="there is no corpus"):
        opened(tmp_path / "nowhere", tmp_path)
    (tmp_path / "book.pdf").write_bytes(b"%PDF")
    with pytest.raises(DataFileError, match="is no text file"):
        opened(tmp_path / "book.pdf", tmp_path)


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", VITAMINS)
    index = CorpusIndex(corpus, tmp_path, Said())
    index.close()
    index.file.unlink()
    index.file.mkdir()
    with pytest.raises(EvidenceError, match="cannot be kept in"):
        opened(corpus, tmp_path)


def test_damage_inside_the_index_is_said_when_it_is_met(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", {f"{number}.txt": f"Entry {number} " * 200 for number in range(40)})
    retriever = opened(corpus, tmp_path)
    retriever._corpus.index.connection.execute("DROP TABLE passages_lists")
    with pytest.raises(EvidenceError, match="delete it"):
        retriever.evidence_for(Item("Entry 3", ("a", "b")))


def test_two_processes_make_one_index(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", {f"{number}.txt": f"Entry {number} of the book." for number in range(50)})
    program = f"""
from pathlib import Path
from prompt2model.console import SilentProgress
from prompt2model.evidence.corpus_index import CorpusIndex
index = CorpusIndex(Path({str(corpus)!r}), Path({str(tmp_path)!r}), SilentProgress())
print(len(index), index.work[0])
"""
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = sorted(process.communicate()[0].split() for process in running)
    assert said == [["50", "0"], ["50", "0"], ["50", "50"]]


def test_the_index_is_a_file_that_sqlite_reads(tmp_path: Path) -> None:
    corpus = write(tmp_path / "texts", VITAMINS)
    index = CorpusIndex(corpus, tmp_path, Said())
    index.close()
    with sqlite3.connect(index.file) as connection:
        assert connection.execute("SELECT count(*) FROM files").fetchone() == (4,)
