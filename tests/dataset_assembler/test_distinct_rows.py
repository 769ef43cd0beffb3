"""Of rows that say the same one stays; near inputs with another answer stay where they teach something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from prompt2model.console import SilentProgress
from prompt2model.dataset_assembler import DatasetAssemblerConfig
from prompt2model.dataset_assembler.distinct import DistinctRows
from prompt2model.inference import Embedder, load_embedder
from prompt2model.records import Example, Source, TaskSpec, make_example
from prompt2model.text_index.protected_texts import judged_text
from prompt2model.text_index.text_vectors import TextVectors

SORTING = TaskSpec("Sort.", (), "classification", ("x", "y"), "en", "Sort.")
WRITING = TaskSpec("Write.", (), "generation", (), "en", "Write.")
FIRST = "What do I have to do to return the blue kettle?"
AGAIN = "What do I need to do to return the blue kettle?"


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def rows(*pairs: tuple[str, str]) -> list[Example]:
    return [make_example(text, (answer,), Source("user", row=number)) for number, (text, answer) in enumerate(pairs)]


def kept(
    given: Sequence[Example], task: TaskSpec, embedder: Embedder | None = None, words: float = 0.8
) -> tuple[list[int | None], Counter[str], int]:
    """The numbers of the rows that stay, the drops, the conflicts."""
    vectors = TextVectors(embedder, map(judged_text, given), SilentProgress()) if embedder else None
    distinct, dropped = DistinctRows(task, DatasetAssemblerConfig(near_duplicate=words), vectors), Counter[str]()
    left = [row.source.row for row in distinct.keep(given, dropped)]
    return left, dropped, distinct.conflicts


def test_a_near_copy_in_other_words_is_a_duplicate(embedder: Embedder) -> None:
    given = rows((FIRST, "x"), (AGAIN, "x"), ("Where is my parcel?", "x"))
    assert kept(given, SORTING, embedder, words=1.0) == ([0, 2], Counter({"duplicate by meaning": 1}), 0)
    assert kept(given, SORTING, None, words=1.0) == ([0, 1, 2], Counter(), 0)


def test_a_near_copy_of_another_label_stays_and_is_counted(embedder: Embedder) -> None:
    given = rows((FIRST, "x"), (AGAIN, "y"))
    assert kept(given, SORTING, embedder, words=1.0) == ([0, 1], Counter(), 1)


def test_the_same_words_with_another_label_contradict(embedder: Embedder) -> None:
    given = rows((FIRST, "x"), (FIRST.upper(), "y"))
    assert kept(given, SORTING, embedder) == ([0], Counter({"duplicate with another answer": 1}), 0)


def test_where_text_is_written_input_and_answer_must_both_be_near(embedder: Embedder) -> None:
    given = rows(
        (FIRST, "Send it back within a month, in its box, with the invoice."),
        (AGAIN, "Send it back within a month, in its box and with the invoice."),
        (AGAIN, "Bring it to any of our shops; nobody will ask you why."),
    )
    left, dropped, conflicts = kept(given, WRITING, embedder, words=0.7)
    assert (left, sum(dropped.values()), conflicts) == ([0, 2], 1, 0)


def test_the_answers_of_near_inputs_differ_by_their_numbers() -> None:
    shared = "we will see you all again at the old station in exactly"
    given = rows(
        (f"{shared} 2 days", "the train leaves on the morning of 3 March"),
        (f"{shared} 3 days", "the train leaves on the morning of 4 March"),
        (f"{shared} 2 days!", "the train leaves on the morning of 3 March."),
    )
    assert kept(given, WRITING) == ([0, 1], Counter({"duplicate": 1}), 0)


def test_any_earlier_row_with_the_same_answer_counts_not_the_nearest_alone() -> None:
    given = rows(
        ("the quick brown fox jumps over the lazy dog near a river", "yes"),
        ("the quick brown fox jumps over the lazy dog near the river", "no"),
        ("the quick brown fox jumps over the lazy dog near the river!", "yes"),
    )
    assert kept(given, WRITING, words=0.7) == ([0, 1], Counter({"duplicate": 1}), 0)
