"""Whether a data set may be taken without a person: only when its rows are checked to do the task.

The reference takes the first data set that a person picks; an automatic choice by search score alone would train
on rows of another task, so here the rows themselves must agree with the prompt.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass

from prompt2model.catalogue.columns import ColumnChoice, as_references, likeness
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.dataset_retriever.opening import OpenedDataset
from prompt2model.records import OUT_OF_SCOPE, Example, Source, TaskSpec

LABEL_COVERAGE = 0.8
"""Share of the task's labels that must occur."""
ROW_SHARE = 0.95
"""Share of the rows with an answer whose answer must be one of the task's."""
INPUT_LIKENESS = 0.5
OUTPUT_LIKENESS = 0.7
"""How near the texts of a generation task must be to the demonstrations' (see `columns.likeness`)."""
SHARED_WORDS = 2
"""Content words that prompt and card must share."""

STOP_WORDS = {
    "a", "about", "after", "all", "also", "an", "and", "answer", "any", "are", "as", "at", "be", "because", "been",
    "before", "both", "but", "by", "can", "category", "class", "classify", "classification", "columns", "data",
    "dataset", "did", "do", "does", "each", "either", "else", "every", "example", "exactly", "few", "find",
    "following", "for", "from", "given", "gives", "has", "have", "here", "how", "if", "in", "input", "into", "is",
    "it", "its", "just", "label", "labels", "language", "like", "line", "make", "many", "may", "more", "most",
    "must", "need", "no", "not", "nothing", "of", "off", "on", "one", "only", "or", "other", "out", "output",
    "over", "please", "read", "reply", "return", "row", "rows", "say", "set", "should", "so", "some", "such",
    "text", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "three",
    "to", "two", "under", "up", "use", "used", "user", "very", "was", "were", "what", "when", "where", "which",
    "who", "will", "with", "word", "words", "would", "write", "you", "your",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fit:
    """The judgement on one data set, with the reason in words."""

    fits: bool
    reason: str


def judge(opened: OpenedDataset, columns: ColumnChoice, task: TaskSpec, most_rows: int) -> Fit:
    """Whether the rows do the task. At most `most_rows` rows are read."""
    card = opened.card
    if not speaks(card, task.language):
        return Fit(False, f"its language is {', '.join(card.languages)}, the task's is {task.language}")
    if not columns.output:
        return Fit(False, "it has only one column with text")
    shared = shared_words(task, card)
    if len(shared) < SHARED_WORDS:
        return Fit(False, "its card and the prompt speak of different things")
    if task.kind == "generation":
        return _judge_texts(opened, columns, task)
    if task.kind == "multiple_choice" and not columns.choices:
        return Fit(False, "it has no columns with answers to choose from")
    return _judge_answers(opened, columns, task, most_rows)


def _judge_answers(opened: OpenedDataset, columns: ColumnChoice, task: TaskSpec, most_rows: int) -> Fit:
    table = opened.sample_table
    reader = RowReader.for_table(table, columns, task)
    targets: Counter[str] = Counter()
    answered = 0
    for row in itertools.islice(table.rows, most_rows):
        if reader.input_text(row) and row[columns.output].strip():
            answered += 1
            example = reader.read(row, Source("retrieved"))
            if isinstance(example, Example):
                targets[example.target] += 1
    share = targets.total() / answered if answered else 0.0
    if share < ROW_SHARE:
        return Fit(False, f"only {share:.0%} of its answers in {columns.output!r} are answers of the task")
    wanted = [label for label in task.labels if label != OUT_OF_SCOPE]
    covered = sum(label in targets for label in wanted)
    if wanted and covered / len(wanted) < LABEL_COVERAGE:
        return Fit(False, f"only {covered} of the task's {len(wanted)} labels occur in it")
    named = f"{covered} of {len(wanted)} labels occur" if wanted else "the answers are among the choices"
    return Fit(True, f"{share:.0%} of its answers are answers of the task, {named}")


def _judge_texts(opened: OpenedDataset, columns: ColumnChoice, task: TaskSpec) -> Fit:
    if not task.demonstrations:
        return Fit(False, "the prompt has no demonstration to compare its rows with")
    rows = opened.sample_table.sample(200)
    lists = opened.sample_table.list_columns
    texts = [text for row in rows if (text := columns.input_text(row, lists))]
    is_list = columns.output in lists
    answers = [found[0] for row in rows if (found := as_references(row[columns.output], is_list))]
    near = {
        "inputs": likeness(texts, [demo.input for demo in task.demonstrations]),
        "outputs": likeness(answers, [demo.output for demo in task.demonstrations]),
    }
    said = f"likeness to the demonstrations: inputs {near['inputs']:.2f}, outputs {near['outputs']:.2f}"
    return Fit(near["inputs"] >= INPUT_LIKENESS and near["outputs"] >= OUTPUT_LIKENESS, said)


def speaks(card: DatasetCard, language: str) -> bool:
    """False only when the card names two-letter languages and the task's is none of them."""
    codes = [code.replace("_", "-").split("-")[0] for code in card.languages]
    if not codes or any(len(code) != 2 for code in codes):
        return True
    return language in codes


def content_words(text: str) -> list[str]:
    """Words that carry a subject, without plural endings, in the order of their first use."""
    words = (word.casefold() for word in re.findall(r"[^\W\d_]{3,}", text))
    return list(dict.fromkeys(_singular(word) for word in words if word not in STOP_WORDS))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 4 and word.endswith("s") and not word.endswith("ss") else word


def shared_words(task: TaskSpec, card: DatasetCard) -> set[str]:
    """Content words of the instruction and labels that stand in the card's title, tags, columns or text."""
    said = content_words(" ".join((task.instruction, *task.labels)))
    there = content_words(" ".join((card.id, card.title, *card.tags, *card.columns, card.description, card.text)))
    return set(said) & set(there)
