"""A row of a table becomes an `Example`, or a reason why not."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from prompt2model.catalogue.columns import ColumnChoice, as_references
from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.inline_options import split_question
from prompt2model.catalogue.labels import LabelMatcher
from prompt2model.records import Example, Item, Source, TaskSpec, make_example

EMPTY_INPUT = "empty input"
EMPTY_OUTPUT = "empty output"
FOREIGN_LABEL = "label not in the task"
SEVERAL_LABELS = "several labels"
NO_CHOICES = "fewer than two choices"
ANSWER_NOT_OFFERED = "answer not among the choices"


@dataclass(frozen=True, slots=True)
class RowReader:
    """Reads rows of one table for one task.

    `label_map` sends labels of the data to labels of the task where they are not the same words; a label that is
    neither mapped nor one of the task's own makes the row unfit. `list_columns` hold lists as JSON text.
    `first_choice` is the number that the data give to the first choice (0 or 1).
    """

    task: TaskSpec
    columns: ColumnChoice
    list_columns: frozenset[str] = frozenset()
    label_map: Mapping[str, str] = field(default_factory=dict)
    first_choice: int = 0
    _matcher: LabelMatcher = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_matcher", LabelMatcher(self.task.labels))

    @classmethod
    def for_table(
        cls, table: Table, columns: ColumnChoice, task: TaskSpec, label_map: Mapping[str, str] | None = None
    ) -> RowReader:
        """A reader for one file; how its choices are numbered is told by its first rows."""
        sample = table.sample(1000) if columns.choices else []
        return cls(task, columns, table.list_columns, label_map or {}, _first_choice(sample, columns.output))

    def read(self, row: Mapping[str, str], source: Source) -> Example | str:
        """The example, or one of the reasons that this module names."""
        text = self.input_text(row)
        if not text:
            return EMPTY_INPUT
        references = self.references(row)
        if not references:
            return EMPTY_OUTPUT
        if self.task.kind == "multiple_choice":
            return self._choice_example(row, text, references[0], source)
        if self.task.labels:
            if len(references) > 1:
                return SEVERAL_LABELS
            label = self.label(references[0])
            return FOREIGN_LABEL if label is None else make_example(text, (label,), source)
        return make_example(text, references, source)

    def item(self, row: Mapping[str, str]) -> Item | str:
        """The input alone, with the answers that it offers, or one of the reasons that this module names."""
        text = self.input_text(row)
        if not text:
            return EMPTY_INPUT
        if self.task.kind != "multiple_choice":
            return Item(text)
        if self.columns.choices:
            choices = self.choices(row)
            return Item(text, choices) if len(choices) > 1 else NO_CHOICES
        question = split_question(text)
        return NO_CHOICES if question is None else Item(question.text, tuple(question.options.values()))

    def input_text(self, row: Mapping[str, str]) -> str:
        """The input, of one column or several; empty when a cell of it is."""
        return self.columns.input_text(row, self.list_columns)

    def references(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """All answers that the output cell holds, as they are written."""
        return as_references(row[self.columns.output], self.columns.output in self.list_columns)

    def label(self, text: str) -> str | None:
        """The task's label that a label of the data means; None when it means none."""
        if text in self.label_map:
            # Mapped to an empty text: its rows are left out, though the task may have such a label.
            return self.label_map[text] or None
        return self._matcher.match(text)

    def _choice_example(self, row: Mapping[str, str], text: str, answer: str, source: Source) -> Example | str:
        if not self.columns.choices:
            return read_question(text, answer, source)
        choices = self.choices(row)
        if len(choices) < 2:
            return NO_CHOICES
        target = self._answer_text(row, answer, choices)
        return ANSWER_NOT_OFFERED if target is None else make_example(text, (target,), source, choices=choices)

    def choices(self, row: Mapping[str, str]) -> tuple[str, ...]:
        """The answers that a multiple-choice row offers."""
        columns = self.columns.choices
        if len(columns) == 1:
            return as_references(row[columns[0]], columns[0] in self.list_columns)
        return tuple(cell for column in columns if (cell := row[column].strip()))

    def _answer_text(self, row: Mapping[str, str], answer: str, choices: Sequence[str]) -> str | None:
        """The choice that the answer names: by its text, its own key, its letter or its number."""
        if answer in choices:
            return answer
        keys = row.get(f"{self.columns.choices[0].rpartition('.')[0]}.label", "")
        named = as_references(keys, True)
        if answer in named and len(named) == len(choices):
            return choices[named.index(answer)]
        letter = re.fullmatch(r"\(?([A-Za-z])[).]?", answer)
        if letter:
            place = ord(letter.group(1).upper()) - ord("A")
        elif re.fullmatch(r"\d+(?:\.0+)?", answer):
            place = int(float(answer)) - self.first_choice
        else:
            return None
        return choices[place] if 0 <= place < len(choices) else None


def read_question(text: str, answer: str, source: Source) -> Example | str:
    """The example of a question that carries its options in its text, or a reason why there is none."""
    question = split_question(text)
    if question is None:
        return NO_CHOICES
    target = question.answer(answer)
    if target is None:
        return ANSWER_NOT_OFFERED
    return make_example(question.text, (target,), source, choices=tuple(question.options.values()))


def _first_choice(rows: Sequence[Mapping[str, str]], output: str) -> int:
    """1 when the answers are numbers and no row of the sample says 0."""
    numbers = {row.get(output, "").strip() for row in rows}
    numeric = {text for text in numbers if text.isdecimal()}
    return 1 if numeric and "0" not in numeric else 0
