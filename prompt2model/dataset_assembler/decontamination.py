"""The gate between the test rows and everything that is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prompt2model.dataset_assembler.config import DatasetAssemblerConfig
from prompt2model.errors import ContaminationError
from prompt2model.records import Dataset, Example, TaskSpec, TestSet
from prompt2model.text_index.near_meaning import NearMeanings
from prompt2model.text_index.protected_texts import ProtectedTexts, counted_as, judged_text
from prompt2model.text_index.text_vectors import TextVectors

NEAR_BY_MEANING = "near a test row by its meaning"


class TestGate:
    """Tells which rows are near a row of the tests, and why."""

    __test__ = False  # not a pytest class

    def __init__(
        self, tests: Iterable[TestSet], task: TaskSpec, config: DatasetAssemblerConfig, vectors: TextVectors | None
    ) -> None:
        texts = [judged_text(row) for test in tests for row in test.rows]
        self._words = ProtectedTexts(texts, config.near_test, numbers_matter=task.kind == "generation")
        self._meanings = NearMeanings(vectors, config.near_meaning) if vectors is not None else None
        if self._meanings is not None:
            for text in texts:
                self._meanings.add(text, text)

    def judge(self, row: Example) -> str | None:
        """Why the row may not be trained on; None when nothing speaks against it."""
        text = judged_text(row)
        reason = self._words.judge(text)
        if reason is not None:
            return reason
        if self._meanings is not None and self._meanings.find(text) is not None:
            return NEAR_BY_MEANING
        return None

    def keep(self, rows: Iterable[Example], dropped: Counter[str]) -> Iterator[Example]:
        """The rows that are near no test row; the others are counted by reason and by where they came from."""
        for row in rows:
            reason = self.judge(row)
            if reason is None:
                yield row
            else:
                dropped[counted_as(reason, row)] += 1


def check_clean(dataset: Dataset, task: TaskSpec, config: DatasetAssemblerConfig, vectors: TextVectors | None) -> None:
    """Compare the finished data once more with its own tests. Raises ContaminationError."""
    gate = TestGate(dataset.tests, task, config, vectors)
    parts: Sequence[tuple[str, Iterable[Example]]] = (("training", dataset.train), ("validation", dataset.validation))
    for name, rows in parts:
        for row in rows:
            reason = gate.judge(row)
            if reason is not None:
                raise ContaminationError(
                    f"a {name} row is {reason} ({row.input[:80]!r}): this is a fault of prompt2model, please report it"
                )
