"""A student that was trained with evidence, answering with evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path

from prompt2model.component import Progress
from prompt2model.errors import ConfigError, DataFileError
from prompt2model.evidence.retriever import EvidenceRetriever, open_evidence
from prompt2model.predictor import Predictor
from prompt2model.records import EvidenceCorpus, Item, Prediction
from prompt2model.run_store import cache_folder_of


class PredictorWithEvidence:
    """Looks up the evidence of each item that has none, and lets another predictor answer."""

    def __init__(self, predictor: Predictor, retriever: EvidenceRetriever) -> None:
        self.name = predictor.name
        self.labels = predictor.labels
        self._predictor, self._retriever = predictor, retriever

    def predict(self, items: Iterable[Item]) -> Iterator[Prediction]:
        """One prediction per item, in the order of the items."""
        return self._predictor.predict(self.grounded(item) for item in items)

    def stream(self, item: Item) -> Iterator[str]:
        """The answer to one item, piece by piece."""
        return self._predictor.stream(self.grounded(item))

    def grounded(self, item: Item) -> Item:
        """The item with its evidence."""
        return item if item.evidence else dataclasses.replace(item, evidence=self._retriever.evidence_for(item))


def evidence_of_student(
    trained_with: EvidenceCorpus | None, folder: Path, given: Path | None, progress: Progress
) -> EvidenceRetriever | None:
    """What finds the evidence that a student of `folder` (or of a run there) reads; None for one that reads none.

    `given` says where the corpus is now; otherwise it is where it was in training. A corpus that changed since is
    used, and that is said. Raises ConfigError for a corpus that the student has no use for, DataFileError where the
    corpus is gone, EvidenceError.
    """
    if trained_with is None:
        if given is not None:
            raise ConfigError(f"the student in {folder} was trained without evidence; leave out --evidence")
        return None
    corpus = given or Path(trained_with.path)
    if given is None and not corpus.exists():
        raise DataFileError(
            f"the student in {folder} reads evidence from {corpus}, which is not there any more; say with --evidence "
            "where its texts are now"
        )
    retriever = open_evidence(corpus, _cache_folder(folder.expanduser().resolve()), progress, trained_with.per_option)
    now = retriever.corpus
    if now.digest != trained_with.digest:
        progress.say(
            f"  the texts in {now.path} are not those of training: {now.passages:,} passages, then "
            f"{trained_with.passages:,}"
        )
    return retriever


def _cache_folder(folder: Path) -> Path:
    """Where the runs keep what they share; beside a student that lies in no run."""
    run = next((place for place in (folder, *folder.parents) if (place / "manifest.json").is_file()), folder)
    return cache_folder_of(run.parent)
