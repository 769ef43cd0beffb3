"""One search engine, in a process of its own: builds an index of cards or searches it, and says what that took.

Called by `catalogue_speed.py` as `search_arms.py ENGINE build|search CARDS INDEX QUERIES`; prints one line of JSON.
rank-bm25 keeps nothing on disk: it builds again before it searches.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from prompt2model.text_index.bm25 import Bm25Index, Document
from prompt2model.text_index.terms import TermReader
from prompt2model.text_index.vector_cache import VectorCache

FIELDS = {"name": 3.0, "text": 1.0}
LIMIT = 50
SHORTLIST = 200
VECTOR_SIZE = 384
_WARM_UP = 3
_READ_AT_ONCE = 1000
_PUT_AT_ONCE = 1 << 14


def cards_of(file: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every card of a JSON lines file."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            name, text = json.loads(line)
            yield name, text


def _terms(cards: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """The terms of each card, as our index reads them."""
    reader, block = TermReader(), []
    for name, text in cards:
        block.append(f"{name} {text}")
        if len(block) == _READ_AT_ONCE:
            yield from reader.read(block)
            block = []
    yield from reader.read(block)


class Engine(Protocol):
    """What is compared."""

    def build(self, cards: Path, index: Path) -> None: ...

    def open(self, cards: Path, index: Path) -> None: ...

    def search(self, query: str) -> Sequence[str | int]: ...


class Ours:
    """The catalogue's index: one SQLite file."""

    def build(self, cards: Path, index: Path) -> None:
        with Bm25Index(index, FIELDS, "models") as made:
            documents = (Document(name, (name, text), "1", text) for name, text in cards_of(cards))
            while block := list(islice(documents, _PUT_AT_ONCE)):
                made.put(block)

    def open(self, cards: Path, index: Path) -> None:
        self.index = Bm25Index(index, FIELDS, "models")

    def search(self, query: str) -> list[str]:
        return [hit.key for hit in self.index.search(query, LIMIT)]

    def compared(self, queries: Sequence[str]) -> dict[str, Any]:
        """Recall@50 of the pruned search against the one that reads everything, and how long that takes."""
        recalls, seconds = [], []
        for query in queries:
            found = self.search(query)
            started = time.perf_counter()
            exact = {hit.key for hit in self.index.search(query, LIMIT, exact=True)}
            seconds.append(time.perf_counter() - started)
            recalls.append(len(exact & set(found)) / len(exact) if exact else 1.0)
        return {"recalls": recalls, "unpruned_ms": [1000 * one for one in seconds]}

    def texts(self, keys: Iterable[str]) -> list[str]:
        """What is embedded of the cards."""
        return [self.index.payload(key) or "" for key in keys]

    def reranked(self, queries: Sequence[str], vectors: Callable[[Sequence[str]], np.ndarray]) -> list[float]:
        """Milliseconds to fetch and multiply the vectors of a shortlist."""
        generator, seconds = np.random.default_rng(0), []
        for query in queries:
            texts = self.texts(hit.key for hit in self.index.search(query, SHORTLIST))
            started = time.perf_counter()
            vectors(texts) @ generator.standard_normal(VECTOR_SIZE, dtype=np.float32)
            seconds.append(1000 * (time.perf_counter() - started))
        return seconds


class Bm25s:
    """bm25s (arXiv 2407.03618) as its page shows it, over the same terms; its own files on disk."""

    def build(self, cards: Path, index: Path) -> None:
        import bm25s

        known: dict[str, int] = {}
        ids = [[known.setdefault(term, len(known)) for term in terms] for terms in _terms(cards_of(cards))]
        made = bm25s.BM25(k1=1.2, b=0.75)
        made.index(bm25s.tokenization.Tokenized(ids=ids, vocab=known), show_progress=False)
        made.save(index)

    def open(self, cards: Path, index: Path) -> None:
        import bm25s

        self.index = bm25s.BM25.load(index)
        self.reader = TermReader()

    def search(self, query: str) -> list[int]:
        terms = [list(dict.fromkeys(self.reader.read([query])[0]))]
        found, _ = self.index.retrieve(terms, k=LIMIT, show_progress=False)
        return [int(number) for number in found[0]]


class RankBm25:
    """rank-bm25 over the same terms, each term of the corpus kept once."""

    def build(self, cards: Path, index: Path) -> None:
        from rank_bm25 import BM25Okapi

        self.index = BM25Okapi([[sys.intern(term) for term in terms] for terms in _terms(cards_of(cards))])
        self.reader = TermReader()

    open = build

    def search(self, query: str) -> list[int]:
        scores = self.index.get_scores(list(dict.fromkeys(self.reader.read([query])[0])))
        best = np.argpartition(-scores, LIMIT)[:LIMIT]
        return [int(number) for number in best[np.argsort(-scores[best])]]


ENGINES: dict[str, type[Engine]] = {"ours": Ours, "bm25s": Bm25s, "rank_bm25": RankBm25}


def _build(engine: Engine, cards: Path, index: Path) -> dict[str, Any]:
    started = time.perf_counter()
    engine.build(cards, index)
    seconds = time.perf_counter() - started
    files = [file for file in index.parent.rglob("*") if file.is_file()]
    return {"build_s": seconds, "bytes": sum(file.stat().st_size for file in files), "peak_mb": _peak_mb()}


def _search(engine: Engine, cards: Path, index: Path, queries: dict[str, list[str]]) -> dict[str, Any]:
    engine.open(cards, index)
    found: dict[str, Any] = {"ms": {kind: _timed(engine, some) for kind, some in queries.items()}}
    # Before anything else is looked at: what a process that only searches has taken and loaded.
    found |= {"peak_mb": _peak_mb(), "torch": "torch" in sys.modules}
    if isinstance(engine, Ours):
        found["compared"] = {kind: engine.compared(some) for kind, some in queries.items()}
    return found


def _timed(engine: Engine, queries: Sequence[str]) -> list[float]:
    """Milliseconds of each search."""
    for query in queries[:_WARM_UP]:
        engine.search(query)
    seconds = []
    for query in queries:
        started = time.perf_counter()
        engine.search(query)
        seconds.append(1000 * (time.perf_counter() - started))
    return seconds


def _peak_mb() -> float:
    """The most memory that this process has held, in MB. What `getrusage` says begins with the parent's memory."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024 / 1e6


class RandomEncoder:
    """Stands for an encoder, whose own time is not asked for here."""

    def __init__(self) -> None:
        self._generator = np.random.default_rng(1)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return self._generator.standard_normal((len(texts), VECTOR_SIZE), dtype=np.float32)


def _embed(index: Path, queries: Sequence[str]) -> dict[str, Any]:
    """Vectors for all documents, drawn at random, then a shortlist's for each query."""
    from prompt2model.console import SilentProgress

    engine = Ours()
    engine.open(Path(), index)
    cache = VectorCache(index, "random", RandomEncoder)
    vectors = partial(cache.vectors, progress=SilentProgress())
    started, keys = time.perf_counter(), iter(engine.index.stamps())
    while block := list(islice(keys, _PUT_AT_ONCE)):
        vectors(engine.texts(block))
    return {"keep_s": time.perf_counter() - started, "shortlist_ms": engine.reranked(queries, vectors)}


def main() -> None:
    name, task, cards, index, queries = sys.argv[1], sys.argv[2], *map(Path, sys.argv[3:])
    engine = ENGINES[name]()
    if task == "build":
        print(json.dumps(_build(engine, cards, index)))
    elif task == "embed":
        print(json.dumps(_embed(index, json.loads(queries.read_text())["8_terms"])))
    else:
        print(json.dumps(_search(engine, cards, index, json.loads(queries.read_text()))))


if __name__ == "__main__":
    main()
