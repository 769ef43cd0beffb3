"""The index scores as FTS5 does, pruning loses nothing that counts, and what was put when makes no difference."""

import random
import sqlite3
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.text_index import best_matches, postings
from prompt2model.text_index.bm25 import Bm25Index, Document


@pytest.fixture(autouse=True)
def _prune_however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(best_matches, "_WORTH_PRUNING", 0)


FIELDS = {"title": 2.0, "body": 1.0}
WORDS = [f"word{letter}{number}" for letter in "abcde" for number in range(4)]
TEXT = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)
CORPUS = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=25)


def _by_fts5(texts: list[tuple[str, str]], query: str) -> dict[str, float]:
    """Scores by SQLite's own index, an independent implementation of the same formula."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE words USING fts5(title, body, tokenize = 'porter unicode61')")
    connection.executemany(
        "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)", [(n, *t) for n, t in enumerate(texts)]
    )
    expression = " OR ".join(dict.fromkeys(query.split()))
    rows = connection.execute("SELECT rowid, -bm25(words, 2.0, 1.0) FROM words WHERE words MATCH ?", (expression,))
    found = {str(number): score for number, score in rows}
    connection.close()
    return found


def _index(texts: list[tuple[str, str]]) -> Bm25Index:
    index = Bm25Index(None, FIELDS)
    index.put(Document(str(number), pair) for number, pair in enumerate(texts))
    return index


@given(texts=CORPUS, query=TEXT.filter(bool))
@settings(max_examples=50, deadline=None)
def test_scores_are_those_of_fts5(texts: list[tuple[str, str]], query: str) -> None:
    expected = _by_fts5(texts, query)
    found = {hit.key: hit.score for hit in _index(texts).search(query, 100, exact=True)}
    assert found == pytest.approx(expected, rel=1e-3, abs=1e-7)


@given(texts=CORPUS, query=TEXT.filter(bool), limit=st.integers(1, 8))
@settings(max_examples=50, deadline=None)
def test_pruning_changes_nothing(texts: list[tuple[str, str]], query: str, limit: int) -> None:
    index = _index(texts)
    assert index.search(query, limit) == index.search(query, limit, exact=True)


@given(texts=CORPUS, shared=TEXT, endings=st.lists(TEXT, min_size=1, max_size=4), limit=st.integers(1, 8))
@settings(max_examples=50, deadline=None)
def test_shared_words_are_read_once_and_count_for_every_ending(
    texts: list[tuple[str, str]], shared: str, endings: list[str], limit: int
) -> None:
    index = _index(texts)
    found = index.search_each(shared, endings, limit)
    for ending, hits in zip(endings, found, strict=True):
        # Added up in another order, so that the last bits may differ.
        scores = {hit.key: hit.score for hit in index.search(f"{shared} {ending}", 1000, exact=True)}
        assert len(hits) == min(limit, len(scores))
        assert [hit.score for hit in hits] == pytest.approx(sorted(scores.values(), reverse=True)[:limit], rel=1e-4)
        assert all(hit.score == pytest.approx(scores[hit.key], rel=1e-4) for hit in hits)


def _natural(documents: int, seed: int) -> list[tuple[str, str]]:
    """Texts whose words are as unevenly frequent as those of a language (Zipf)."""
    generator = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(3000)]
    weights = [1 / (rank + 1) for rank in range(len(vocabulary))]
    return [
        (" ".join(generator.choices(vocabulary, weights, k=3)), " ".join(generator.choices(vocabulary, weights, k=40)))
        for _ in range(documents)
    ]


@pytest.fixture(scope="module")
def natural() -> Bm25Index:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postings, "_MOST_DOCUMENTS", 512)
        return _index(_natural(2500, 0))


@pytest.mark.parametrize("words", [2, 8, 60])
def test_pruning_finds_the_same_fifty(natural: Bm25Index, words: int, monkeypatch: pytest.MonkeyPatch) -> None:
    queries = [" ".join(f"{title} {body}".split()[:words]) for title, body in _natural(40, 1)]
    expected = [natural.search(query, 50, exact=True) for query in queries]
    scored: list[int] = []
    kept = best_matches._Scoring._read

    def counting(self: best_matches._Scoring, *which: Any) -> Any:
        found = kept(self, *which)
        scored.append(len(found[0]))
        return found

    monkeypatch.setattr(best_matches._Scoring, "_read", counting)
    assert [natural.search(query, 50) for query in queries] == expected
    pruned = sum(scored)
    assert [natural.search(query, 50, exact=True) for query in queries] == expected
    assert pruned < 0.8 * (sum(scored) - pruned)


def test_frequent_words_alone_still_find_documents(natural: Bm25Index) -> None:
    assert len(natural.search("w0", 50)) == 50
    assert len(natural.search("w0 w1 w2999999", 2500)) == len(natural.search("w0 w1", 2500, exact=True))


STEP = st.tuples(st.sampled_from("abcdefgh"), st.one_of(st.none(), TEXT))


@given(steps=st.lists(st.lists(STEP, min_size=1, max_size=6), max_size=8), query=TEXT.filter(bool))
@settings(max_examples=50, deadline=None)
def test_how_documents_came_makes_no_difference(steps: list[list[tuple[str, str | None]]], query: str) -> None:
    stamps = count()
    kept: dict[str, Document] = {}
    with Bm25Index(None, FIELDS) as index, Bm25Index(None, FIELDS) as fresh:
        for step in steps:
            puts = [Document(key, ("", text), str(next(stamps))) for key, text in step if text is not None]
            gone = [key for key, text in step if text is None]
            index.put(puts)
            index.remove(gone)
            kept |= {document.key: document for document in puts}
            kept = {key: document for key, document in kept.items() if key not in gone}
        fresh.put(kept.values())
        assert index.stamps() == fresh.stamps()
        assert len(index) == len(kept)
        assert index.search(query, 5) == fresh.search(query, 5)
        frequencies = "SELECT * FROM words_frequencies"
        assert index.connection.execute(frequencies).fetchall() == fresh.connection.execute(frequencies).fetchall()


def test_small_puts_are_merged_and_the_dead_are_cleared_away() -> None:
    index = Bm25Index(None, FIELDS)
    texts = _natural(200, 2)
    for number, pair in enumerate(texts):
        index.put([Document(str(number), pair)])
    assert len(index._postings.segments()) < 25
    index.remove(str(number) for number in range(190))
    assert sum(len(segment.numbers) for segment in index._postings.segments()) < 40
    assert [hit.key for hit in index.search(" ".join(texts[195]), 1)] == ["195"]
