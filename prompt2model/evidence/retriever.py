"""Passages of a corpus for questions: BM25 for question and option together, as MedQA retrieves (arXiv 2009.13081)."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from prompt2model.component import Progress
from prompt2model.errors import EvidenceError
from prompt2model.evidence.corpus_index import CorpusIndex
from prompt2model.records import EvidenceCorpus, Example, Item

_REMEMBERED = 4096
"""Passages kept in memory: rows that share one share its text."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found. `origin` is its file inside the corpus; scores compare within a question."""

    text: str
    score: float
    origin: str


class EvidenceRetriever:
    """Finds passages in a corpus; the best `per_option` of them for each option of a question. Threads may share it.

    Raises EvidenceError where the index is damaged.
    """

    def __init__(self, corpus: CorpusIndex, per_option: int = 1) -> None:
        if per_option < 1:
            raise ValueError(f"per_option is {per_option}; at least one passage is looked for")
        self._corpus = corpus
        self._per_option = per_option
        self._text = lru_cache(_REMEMBERED)(self._read_text)
        self._turn = Lock()

    @property
    def corpus(self) -> EvidenceCorpus:
        """What tells the corpus from any other."""
        return EvidenceCorpus(str(self._corpus.corpus), self._corpus.digest, len(self._corpus), self._per_option)

    def passages_for(self, item: Item) -> list[list[Passage]]:
        """The best passages of each option, best first; of an item without options, those of its input in one list."""
        try:
            with self._turn:
                found = self._corpus.index.search_each(item.input, item.choices or ("",), self._per_option)
                return [
                    [Passage(self._text(hit.key), hit.score, hit.key.rpartition("#")[0]) for hit in hits]
                    for hits in found
                ]
        except sqlite3.DatabaseError as error:
            raise EvidenceError(
                f"the index {self._corpus.file} cannot be read ({error}); delete it, and it is made again"
            ) from error

    def evidence_for(self, item: Item) -> tuple[str, ...]:
        """For each option, in order, what was found for it, an empty text where nothing was.

        Of an item without options, the best passages for its input.
        """
        found = self.passages_for(item)
        if not item.choices:
            return tuple(passage.text for passage in found[0])
        return tuple("\n".join(passage.text for passage in passages) for passages in found)

    def close(self) -> None:
        """Let go of the index."""
        self._corpus.close()

    def _read_text(self, key: str) -> str:
        texts = self._corpus.index.texts(key)
        return texts[0] if texts else ""


def open_evidence(corpus: Path, cache_folder: Path, progress: Progress, per_option: int = 1) -> EvidenceRetriever:
    """The retriever of a file or a folder of texts; its index is kept in `cache_folder` and brought up to date.

    Raises DataFileError, EvidenceError.
    """
    return EvidenceRetriever(CorpusIndex(corpus, cache_folder, progress), per_option)


def with_evidence(rows: Iterable[Example], retriever: EvidenceRetriever) -> Iterator[Example]:
    """The rows with what the corpus has for them, in place of other evidence. Streams."""
    for row in rows:
        yield dataclasses.replace(row, evidence=retriever.evidence_for(Item(row.input, row.choices)))
