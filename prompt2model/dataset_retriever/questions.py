"""What a person is asked about one data set or file: its columns, and which of its labels mean which of the task's."""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Mapping

from prompt2model.catalogue.columns import ColumnChoice, as_references
from prompt2model.catalogue.data_files import Table
from prompt2model.catalogue.labels import LabelMatcher, label_key
from prompt2model.catalogue.named_columns import columns_of, require_both, with_inputs
from prompt2model.catalogue.row_reading import RowReader
from prompt2model.component import Chooser, Option
from prompt2model.dataset_retriever.config import ColumnNames
from prompt2model.errors import DataFileError
from prompt2model.records import Source, TaskSpec

_MOST_QUESTIONS = 30
_MOST_TURNS = 20
_TAKE = "take"
_ALMOST_SAME = 0.85


def settle_columns(name: str, table: Table, task: TaskSpec, named: ColumnNames, chooser: Chooser) -> ColumnChoice:
    """The columns to read: those that are named, else the proposed ones.

    The chooser is shown three rows as they would be read, and may change the columns until they look right.
    Raises DataFileError when a named column is not there or the table has inputs only.
    """
    proposed = require_both(table, columns_of(table, task, named.input, named.output))
    if named.input is not None and named.output is not None:
        return proposed
    picked, key, fault = proposed, f"columns:{name}", ""
    for turn in range(1, _MOST_TURNS + 1):
        answer = chooser.choose_one(f"{key}:{turn}", _shown(name, table, task, picked, fault), _ways(named), _TAKE)
        if answer == _TAKE:
            break
        inputs, output = picked.inputs, picked.output
        if answer == "input":
            question = f"Which column of {name} is the input? Several are joined, in the order that you give."
            inputs = (
                tuple(chooser.choose_many(f"{key}:{turn}:input", question, column_options(table), inputs)) or inputs
            )
        else:
            question = f"Which column of {name} is the output?"
            output = chooser.choose_one(f"{key}:{turn}:output", question, column_options(table), output)
        changed = ColumnChoice("", output, "they were chosen", proposed.choices)
        try:
            picked, fault = require_both(table, with_inputs(changed, inputs, proposed)), ""
        except DataFileError as error:
            fault = str(error)
    return picked


def _ways(named: ColumnNames) -> list[Option]:
    options = [Option(_TAKE, "read the rows so")]
    if named.input is None:
        options.append(Option("input", "change the input"))
    if named.output is None:
        options.append(Option("output", "change the output"))
    return options


def _shown(name: str, table: Table, task: TaskSpec, columns: ColumnChoice, fault: str) -> str:
    """The question, with three rows as they would be read, or why a row would be left out."""
    lines = [
        f"{name}: input {columns.spoken_input}, output {columns.output}. Proposed, because {columns.reason}.",
        "Its first rows would be read so:",
        *rendered_rows(table, task, columns),
    ]
    return "\n".join([fault, *lines] if fault else lines)


def rendered_rows(table: Table, task: TaskSpec, columns: ColumnChoice, count: int = 3) -> list[str]:
    """The first rows as the task would get them: `input → output`, or the reason why a row is left out."""
    reader = RowReader.for_table(table, columns, task)
    lines = []
    for number, row in enumerate(table.sample(count), 1):
        read = reader.read(row, Source("retrieved"))
        if isinstance(read, str):
            said = f"left out: {read} ({_short(row[columns.output])})"
        else:
            offered = f" [{' | '.join(_short(choice, 20) for choice in read.choices)}]" if read.choices else ""
            said = f"{_short(read.input, 100)}{offered} → {' / '.join(_short(one) for one in read.references[:3])}"
        lines.append(f"  {number}. {said}")
    return lines


def column_options(table: Table) -> list[Option]:
    """The columns of a table, each with its first values."""
    sample = table.sample(3)
    return [
        Option(column, column, {"first values": " | ".join(_short(row[column]) for row in sample)})
        for column in table.columns
    ]


def settle_labels(
    name: str, table: Table, columns: ColumnChoice, task: TaskSpec, given: Mapping[str, str], chooser: Chooser
) -> dict[str, str]:
    """Labels of the data that are not the task's own words → labels of the task, or "" to leave their rows out.

    Only asked where some rows carry such labels; the default is a label that is almost the same word, else to
    leave out. Raises DataFileError when `given` maps to what is no label of the task.
    """
    check_label_map(name, given, task)
    mapping = dict(given)
    if not task.labels:
        return {}
    for label, count in foreign_labels(table, columns, task, given).most_common(_MOST_QUESTIONS):
        options = [Option("", "leave its rows out"), *(Option(one, one) for one in task.labels)]
        question = f"{name}: the label {_short(label)!r} ({count} rows) is none of the task's. Which one is meant?"
        mapping[label] = chooser.choose_one(f"label:{name}:{label}", question, options, _almost(label, task.labels))
    return mapping


def check_label_map(name: str, given: Mapping[str, str], task: TaskSpec) -> None:
    """Raises DataFileError when a label is mapped to what is no label of the task."""
    for theirs, ours in given.items():
        if ours and ours not in task.labels:
            there = f"none of its labels {', '.join(task.labels)}" if task.labels else "no label: the task has none"
            raise DataFileError(f"label_map of {name}: {theirs!r} is mapped to {ours!r}, which is {there}; correct it")


def foreign_labels(table: Table, columns: ColumnChoice, task: TaskSpec, given: Mapping[str, str]) -> Counter[str]:
    """Labels that are not the task's, with their rows counted, in the order of the file."""
    matcher = LabelMatcher(task.labels)
    found: Counter[str] = Counter()
    for row in itertools.islice(table.rows, 50_000):
        for value in as_references(row[columns.output], columns.output in table.list_columns):
            if value not in given and matcher.match(value) is None:
                found[value] += 1
    return found


def holds_labels(table: Table, task: TaskSpec) -> bool:
    """Whether the only column of a table holds the task's labels and so no inputs: what was beside it was not text."""
    matcher = LabelMatcher(task.labels)
    cells = [cell for row in table.sample() for cell in row.values() if cell.strip()]
    return bool(cells) and all(matcher.match(cell) is not None for cell in cells)


def _almost(label: str, labels: tuple[str, ...]) -> str:
    keys = {label_key(one): one for one in labels}
    near = difflib.get_close_matches(label_key(label), list(keys), n=1, cutoff=_ALMOST_SAME)
    return keys[near[0]] if near else ""


def _short(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
