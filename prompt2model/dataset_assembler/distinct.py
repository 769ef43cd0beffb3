"""Rows of which none says again what an earlier one said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prompt2model.dataset_assembler.config import DatasetAssemblerConfig
from prompt2model.records import Example, TaskSpec
from prompt2model.text_index.near_duplicates import NearDuplicates, jaccard, normalise_text, numbers_in, shingles
from prompt2model.text_index.near_meaning import NearMeanings
from prompt2model.text_index.protected_texts import judged_text
from prompt2model.text_index.text_vectors import TextVectors

DUPLICATE = "duplicate"
DUPLICATE_WITH_ANOTHER_ANSWER = "duplicate with another answer"
DUPLICATE_BY_MEANING = "duplicate by meaning"


class DistinctRows:
    """Takes rows one by one and refuses those that are near an earlier one.

    By words: of near-equal inputs of a closed task the first stays. Where text is written or a choice is made, two
    near-equal inputs with different answers ("in 2 days", "in 3 days") are two rows; a row goes when input and answer
    are both near an earlier row's. The two are compared each by itself: joined, a long input would hide a short answer.

    By meaning a row goes only with the same answer. Inputs that an embedding takes for one and that have different
    labels are what a classifier has most to learn from: they stay and are counted in `conflicts`.
    """

    def __init__(self, task: TaskSpec, config: DatasetAssemblerConfig, vectors: TextVectors | None) -> None:
        self.conflicts = 0
        self._closed = task.kind == "classification"
        self._threshold = config.near_duplicate
        self._words = NearDuplicates(threshold=config.near_duplicate)
        self._meanings = NearMeanings(vectors, config.near_meaning) if vectors is not None else None
        self._by_id: dict[str, Example] = {}
        self._equal: set[str] = set()

    def keep(self, rows: Iterable[Example], dropped: Counter[str]) -> Iterator[Example]:
        """The rows that are new; the others are counted."""
        for row in rows:
            reason = self.refuse(row)
            if reason is None:
                yield row
            else:
                dropped[reason] += 1

    def refuse(self, row: Example) -> str | None:
        """Why the row is not new; None when it is, and then it is remembered."""
        text = judged_text(row)
        reason = self._repeats_words(row, text) or self._repeats_meaning(row, text)
        if reason is None:
            self._by_id[row.id] = row
            self._equal.add(normalise_text(text))
            self._words.add(row.id, text)
            if self._meanings is not None:
                self._meanings.add(row.id, text)
        return reason

    def _repeats_words(self, row: Example, text: str) -> str | None:
        if self._closed:
            near = self._words.find(text)
            if near is None:
                return None
            return DUPLICATE if self._by_id[near].target == row.target else DUPLICATE_WITH_ANOTHER_ANSWER
        if any(self._same_answer(self._by_id[near], row) for near in self._words.find_all(text)):
            return DUPLICATE
        return DUPLICATE_WITH_ANOTHER_ANSWER if normalise_text(text) in self._equal else None

    def _repeats_meaning(self, row: Example, text: str) -> str | None:
        if self._meanings is None:
            return None
        near = [self._by_id[key] for key in self._meanings.find_all(text)]
        if any(self._same_answer(one, row) for one in near):
            return DUPLICATE_BY_MEANING
        self.conflicts += bool(self._closed and near)
        return None

    def _same_answer(self, first: Example, second: Example) -> bool:
        """Equal answers; where text is written, near-equal ones with the same numbers too."""
        one, other = normalise_text(first.target), normalise_text(second.target)
        if one == other or self._closed:
            return one == other
        if numbers_in(one) != numbers_in(other):
            return False
        return jaccard(shingles(one), shingles(other)) >= self._threshold
