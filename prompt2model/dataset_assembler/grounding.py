"""Evidence for every row of the finished data: passages of a corpus, found for question and choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from prompt2model.artifacts import JsonlRows, write_rows
from prompt2model.component import RunContext
from prompt2model.dataset_assembler.config import DatasetAssemblerConfig
from prompt2model.errors import ConfigError
from prompt2model.evidence import EvidenceRetriever, check_corpus, open_evidence, with_evidence
from prompt2model.records import Dataset, Example, Rows, TaskSpec


def check_evidence(config: DatasetAssemblerConfig) -> None:
    """Raises DataFileError for a corpus without a text file."""
    if config.evidence is not None:
        check_corpus(config.evidence)


def grounded(dataset: Dataset, task: TaskSpec, config: DatasetAssemblerConfig, context: RunContext) -> Dataset:
    """The data set with the evidence that the settings name; as it is where they name none.

    What is found depends on question and choices alone, never on the answer, so that tests stay tests.
    Raises ConfigError where the rows have no choices, DataFileError, EvidenceError.
    """
    if config.evidence is None:
        return dataset
    if task.kind != "multiple_choice":
        raise ConfigError(
            f"evidence is found for choices, and this task is {task.kind}; leave out --evidence, or evidence in "
            "[assemble_data]"
        )
    retriever = open_evidence(config.evidence, context.cache_folder, context.progress, config.evidence_passages)
    finding = _Finding(retriever, context)
    train, validation = finding.stored(dataset.train, "train"), finding.stored(dataset.validation, "validation")
    tests = tuple(replace(test, rows=tuple(finding.rows(test.rows, test.name))) for test in dataset.tests)
    corpus = retriever.corpus
    retriever.close()
    note = f"Every choice is read beside passages of {corpus.path} ({corpus.passages:,} passages)"
    note += f"; for {finding.without:,} rows nothing is found there." if finding.without else "."
    context.progress.say(f"  {note}")
    notes = (*dataset.notes, note)
    return replace(dataset, train=train, validation=validation, tests=tests, notes=notes, evidence=corpus)


class _Finding:
    """Finds the evidence of rows. `without` counts those for which there is none."""

    def __init__(self, retriever: EvidenceRetriever, context: RunContext) -> None:
        self._retriever, self._context = retriever, context
        self.without = 0

    def stored(self, rows: Rows, name: str) -> Rows:
        """On disk at once: passages may be many times as long as the rows."""
        path = self._context.folder / f"{name}.jsonl"
        write_rows(path, self.rows(rows, name))
        return JsonlRows(path, Example)

    def rows(self, rows: Rows, what: str) -> Iterator[Example]:
        found = with_evidence(rows, self._retriever)
        for row in self._context.progress.track(found, f"finding evidence: {what}", len(rows)):
            self.without += not any(row.evidence)
            yield row
