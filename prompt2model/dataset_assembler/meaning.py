"""Whether and how rows are compared by meaning, and what a reader of the report must know about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prompt2model.component import RunContext
from prompt2model.dataset_assembler.config import DatasetAssemblerConfig
from prompt2model.records import Example, TaskSpec, TestSet
from prompt2model.text_index.protected_texts import judged_text
from prompt2model.text_index.text_vectors import TextVectors
from prompt2model.weights import EMBEDDED_ENCODER, install_command, is_obtainable

_READING_LANGUAGE = "en"
_WORDS_ONLY = "Near-duplicates and rows near a test were judged by their words only"


def read_for_meaning(
    rows: Sequence[Example],
    tests: Iterable[TestSet],
    task: TaskSpec,
    config: DatasetAssemblerConfig,
    context: RunContext,
) -> tuple[TextVectors | None, list[str]]:
    """Vectors of all rows and test rows, and notes; no vectors where comparing by meaning is off or cannot be.

    Nothing is downloaded: without the packaged encoder rows are judged by their words, and a note says so.
    """
    if not config.near_meaning or not rows:
        return None, []
    reason = _why_not(task)
    if reason:
        return None, [f"{_WORDS_ONLY}: {reason}."]
    from prompt2model.inference import load_embedder

    texts = [judged_text(row) for row in rows] + [judged_text(row) for test in tests for row in test.rows]
    vectors = TextVectors(load_embedder(), texts, context.progress, context.folder)
    return vectors, list(_notes(vectors, len(rows), config))


def _why_not(task: TaskSpec) -> str:
    if task.language != _READING_LANGUAGE:
        return f"the packaged encoder reads English, and the inputs are in another language ({task.language})"
    if not is_obtainable(EMBEDDED_ENCODER):
        return f"the packaged encoder is not installed ({install_command()})"
    return ""


def _notes(vectors: TextVectors, rows: int, config: DatasetAssemblerConfig) -> Iterator[str]:
    unread = len(vectors) - int(vectors.read.sum())
    if unread:
        yield (
            f"{unread:,} of {len(vectors):,} different inputs were judged by their words only: the encoder does not "
            "read them whole (too long, or signs that it does not know)."
        )
    if rows > config.meaning_rows:
        yield (
            f"The {rows:,} rows were compared with the test rows by words and by meaning, with each other by words "
            f"only (assemble_data.meaning_rows is {config.meaning_rows:,})."
        )
