"""Which columns are the input and which the output: judged by values, demonstrations, names and the instruction.

The demonstrations' inputs are taken whole, cut at their marks (`Premise: … Hypothesis: …`) or at their lines; each
part gets the column whose texts it is likeliest one of. A table may so have several input columns.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from prompt2model.catalogue.choice_columns import answered_share, belongs_to, choice_columns
from prompt2model.catalogue.column_evidence import (
    INPUT_NAMES,
    OUTPUT_NAMES,
    Column,
    column_of,
    direction,
    first_item,
    is_named_in,
    likeness,
    name_score,
    relation,
    same_name,
)
from prompt2model.catalogue.inline_options import split_question
from prompt2model.catalogue.input_parts import InputPart, ShownParts, join_parts, named_parts, shown_parts
from prompt2model.errors import DataFileError
from prompt2model.records import InputLayout, TaskSpec

__all__ = ["ColumnChoice", "as_references", "likeness", "propose_columns"]

_CHARACTERS = 40
"""Characters of a demonstration that count: beyond these a text is not told any better."""
_LIKELY = 3.0
"""What it is worth to be the column that the demonstrations are likeliest from."""
_FEW = 5
"""Rows of which a column's likelihood counts half."""
_WORST = -12.0
"""Nats below the likeliest column from which it does not matter how far."""
_MOST_PAIRS = 6
"""Pairs of columns that are compared by how input and output go together."""
_BEGINNINGS = ("context", "passage", "paragraph", "story", "narrative", "article", "document", "support", "evidence")
_PAIRS = (("premise", "hypothesis"), ("claim", "evidence"), *((beginning, "question") for beginning in _BEGINNINGS))
_TWINS = (("sentence1", "sentence2"), ("question1", "question2"), ("text_a", "text_b"), ("text1", "text2"))


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Columns to read. `output` is empty when the table has one column only: inputs without answers.

    `input` is the first input column; `parts` are all of them, with the text before each, where there are several or
    the demonstrations show a text before the only one. `choices` are the columns that hold the offered answers of a
    multiple-choice question: one list, or one per answer. `reason` says in words what the choice rests on.
    """

    input: str
    output: str
    reason: str
    choices: tuple[str, ...] = ()
    parts: tuple[InputPart, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """All input columns, in the order in which they are shown."""
        return tuple(part.column for part in self.parts) or (self.input,)

    @property
    def spoken_input(self) -> str:
        """The input columns for a person: `premise + hypothesis`."""
        return " + ".join(self.inputs)

    @property
    def layout(self) -> InputLayout:
        """How these columns become an input, for whoever reads another table in the same way."""
        return InputLayout(self.parts or (InputPart(self.input),), self.choices)

    def input_text(self, row: Mapping[str, str], list_columns: Collection[str] = ()) -> str:
        """The input of a row; empty when a cell of it is empty."""
        return join_parts(self.layout.parts, row, list_columns)


def propose_columns(
    columns: Sequence[str],
    sample_rows: Sequence[Mapping[str, str]],
    task: TaskSpec,
    list_columns: Collection[str] = (),
    named: Collection[str] = (),
) -> ColumnChoice:
    """The likeliest input and output columns for `task`. Those that a person `named` are never taken for pictures.

    Evidence, strongest first: values that are the task's labels, or that name an offered answer; how likely the
    demonstrations' texts are among a column's; how inputs and outputs go together in words and length; the columns'
    names; what the instruction says of a word in a name. What identifies rows is neither.
    Raises DataFileError when there is no column with text in it.
    """
    facts = [column_of(name, sample_rows, task, list_columns) for name in columns]
    usable = [fact for fact in facts if fact.values and (fact.name in named or not fact.is_media)]
    if not usable:
        raise DataFileError("the table has no column with text in its first rows; there is nothing to read")
    choices = choice_columns([fact.name for fact in usable]) if task.kind == "multiple_choice" else ()
    usable = [fact for fact in usable if not belongs_to(fact.name, choices)] or usable
    if len(usable) == 1:
        return ColumnChoice(usable[0].name, "", "the only column with text", choices)
    return _Proposal(usable, sample_rows, task, choices, frozenset(list_columns)).best()


@dataclass(frozen=True, slots=True)
class _Inputs:
    """A way to make the input: its columns with the text before each, how good they are, the log-likelihood."""

    score: float
    parts: tuple[InputPart, ...]
    fit: float = 0.0


class _Proposal:
    """Scores of one table's columns for one task."""

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Sequence[Mapping[str, str]],
        task: TaskSpec,
        choices: tuple[str, ...],
        lists: frozenset[str],
    ) -> None:
        self._columns, self._rows, self._task, self._choices, self._lists = columns, rows, task, choices, lists
        # Of a few rows a likelihood says little.
        self._likely_worth = _LIKELY * len(rows) / (len(rows) + _FEW)
        self._known: dict[tuple[str, str], float] = {}
        self._shown = [(_question(demo.input, task), demo.output) for demo in task.demonstrations]
        inputs = [text for text, _ in self._shown]
        self._ways = shown_parts(inputs) if inputs else ()
        # By way and part: how likely its texts are from each column.
        self._likely = [[self._likelihoods(texts) for texts in way.texts] for way in self._ways]
        self._out = dict(zip([one.name for one in columns], self._output_scores(), strict=True))

    def best(self) -> ColumnChoice:
        """The choice, with its reason."""
        pairs = []
        for output in self._columns:
            found = self._inputs([column for column in self._columns if column is not output])
            pairs.append((found.score + self._out[output.name], found, output))
        # A stable sort keeps the first of equals, so the order of the columns decides ties.
        pairs.sort(key=lambda pair: -pair[0])
        pairs = [(score + self._together(found, output), found, output) for score, found, output in pairs[:_MOST_PAIRS]]
        _, found, output = max(pairs, key=lambda pair: pair[0])
        inputs = tuple(part.column for part in found.parts)
        parts = found.parts if len(inputs) > 1 or found.parts[0].before else ()
        return ColumnChoice(inputs[0], output.name, self._reason(inputs, output), self._choices, parts)

    # --- inputs ----------------------------------------------------------------------------------------------------

    def _inputs(self, columns: Sequence[Column]) -> _Inputs:
        """The best way to make the input of these columns."""
        if not self._ways:
            return self._undemonstrated(columns)
        ways = [
            self._assigned(way, likely, columns)
            for way, likely in zip(self._ways, self._likely, strict=True)
            if len(way.before) <= len(columns)
        ]
        # Ways are compared by how likely they make the demonstrations as a whole; their scores are relative to each.
        likeliest = max(way.fit for way in ways)
        weighed = [replace(way, score=way.score + _LIKELY * max(likeliest - way.fit, 0.0) / _WORST) for way in ways]
        return max(weighed, key=lambda way: way.score)

    def _assigned(self, way: ShownParts, likely: Sequence[Mapping[str, float]], columns: Sequence[Column]) -> _Inputs:
        """Each part of the demonstrations gets a column of its own; the best pairs first, then exchanged for better."""
        scores = [
            [self._part_score(column, scored[column.name], mark) for column in columns]
            for scored, mark in zip(likely, way.names, strict=True)
        ]
        free, taken = set(range(len(columns))), [-1] * len(scores)
        for part, place in sorted(
            ((part, place) for part in range(len(scores)) for place in range(len(columns))),
            key=lambda pair: (-scores[pair[0]][pair[1]], pair),
        ):
            if taken[part] < 0 and place in free:
                taken[part] = place
                free.remove(place)
        _exchange(scores, taken)
        parts = tuple(InputPart(columns[place].name, before) for place, before in zip(taken, way.before, strict=True))
        fit = self._fit(way, [columns[place] for place in taken])
        return _Inputs(statistics.fmean(scores[part][place] for part, place in enumerate(taken)), parts, fit)

    def _fit(self, way: ShownParts, columns: Sequence[Column]) -> float:
        """Log-likelihood of the demonstrations' inputs, by character as if each had `_CHARACTERS`, and by length."""
        logs, weights, lengths = 0.0, 0, []
        for column, texts in zip(columns, way.texts, strict=True):
            for text in texts:
                logs += self._characters(column, text) * len(text)
                weights += len(text)
                lengths.append(column.model.length(text))
        return logs / max(weights, 1) * _CHARACTERS / 2 + statistics.fmean(lengths)

    def _characters(self, column: Column, text: str) -> float:
        """See TextModel.characters; asked for many times."""
        key = (column.name, text)
        if key not in self._known:
            self._known[key] = column.model.characters(text)
        return self._known[key]

    def _part_score(self, column: Column, likely: float, mark: str) -> float:
        score = self._likely_worth * likely + self._named_input(column) * 0.5 - 3.0 * column.label_share
        return score + 1.0 * same_name(column.name, mark)

    def _named_input(self, column: Column) -> float:
        """What name, instruction and values say of a column as an input, whatever the demonstrations show."""
        score = name_score(column.name, INPUT_NAMES) + 0.5 * min(column.distinct * 2, 1.0)
        score += 0.8 * direction(column.name, self._task.instruction)
        return score - 2.0 * column.nothing - 2.0 * (1.0 - column.filled)

    def _undemonstrated(self, columns: Sequence[Column]) -> _Inputs:
        """Without demonstrations: the best column, or a pair whose names belong together."""
        scores = {
            column.name: self._named_input(column) + min(column.length, 60) / 60 - 3.0 * column.label_share
            for column in columns
        }
        single = max(columns, key=lambda column: scores[column.name]).name
        by_name = {column.name.casefold(): column.name for column in columns}
        twins = _TWINS if self._task.kind == "classification" else ()
        for pair in (*_PAIRS, *twins):
            names = [by_name[name] for name in pair if name in by_name]
            if len(names) == 2 and single in names:
                return _Inputs(scores[single], named_parts(names))
        return _Inputs(scores[single], (InputPart(single),))

    # --- outputs ---------------------------------------------------------------------------------------------------

    def _output_scores(self) -> list[float]:
        likely = self._likelihoods([answer for _, answer in self._shown]) if self._shown else {}
        return [self._output_score(column, likely.get(column.name, 0.0)) for column in self._columns]

    def _output_score(self, column: Column, likely: float) -> float:
        said = direction(column.name, self._task.instruction)
        score = name_score(column.name, OUTPUT_NAMES) - 2.0 * (1.0 - column.filled)
        if self._task.labels:
            score += 3.0 * column.label_share + 2.0 * column.label_coverage
            # A closed label set means few different values, whatever they are called, and about as many as labels.
            score += 1.0 - min(column.distinct * 2, 1.0)
            score += _as_many(column.different, len(self._task.labels))
        elif self._choices:
            # A letter or a number means a choice whatever the demonstrations write.
            score += 4.0 * answered_share(self._rows, column.name, self._choices, self._lists)
        else:
            score += self._likely_worth * likely - 0.8 * said
            score += 0.4 * is_named_in(column.name, self._task.instruction)
        return score - column.nothing * (0.0 if column.label_share > 0.9 else 1.0)

    # --- together --------------------------------------------------------------------------------------------------

    def _together(self, inputs: _Inputs, output: Column) -> float:
        """How alike the pairs of the rows are to the demonstrations' in shared words and in length."""
        if not self._shown or self._task.labels or self._choices:
            return 0.0
        pairs = [
            (text, first_item(row[output.name], output.is_list))
            for row in self._rows[:100]
            if (text := join_parts(inputs.parts, row, self._lists)) and row.get(output.name, "").strip()
        ]
        if not pairs:
            return -4.0
        wanted, there = relation(self._shown), relation(pairs)
        kept, used, ratio = (abs(one - other) for one, other in zip(wanted, there, strict=True))
        return 2.0 - 2.0 * kept - 2.0 * used - 0.5 * min(ratio, 2.0)

    def _likelihoods(self, texts: Sequence[str]) -> dict[str, float]:
        """By column, 0 to 1: the log-likelihood of the texts in it, 1 for the likeliest column."""
        logs = {}
        for column in self._columns:
            per_text = [
                self._characters(column, text) * min(len(text), _CHARACTERS) / 2 + column.model.length(text)
                for text in texts
            ]
            logs[column.name] = statistics.fmean(per_text)
        highest = max(logs.values())
        return {name: 1.0 - max(log - highest, _WORST) / _WORST for name, log in logs.items()}

    def _reason(self, inputs: Sequence[str], output: Column) -> str:
        by_name = {column.name: column for column in self._columns}
        parts = []
        for name in inputs:
            usual = "usual name, " if name_score(name, INPUT_NAMES) else ""
            shown = "like the demonstrations' inputs, " if self._shown else ""
            parts.append(f"{name}: {usual}{shown}{by_name[name].length:.0f} characters on average")
        if self._task.labels:
            parts.append(
                f"{output.name}: {output.label_share:.0%} of its values are the task's labels, "
                f"{output.label_coverage:.0%} of the labels occur"
            )
        else:
            named = "usual name, " if name_score(output.name, OUTPUT_NAMES) else ""
            parts.append(f"{output.name}: {named}{output.length:.0f} characters on average")
        return "; ".join(parts)


def _question(text: str, task: TaskSpec) -> str:
    """A demonstration's input; of a multiple-choice task without the options that it carries in its text."""
    question = split_question(text) if task.kind == "multiple_choice" else None
    return text.strip() if question is None else question.text


def _as_many(different: int, labels: int) -> float:
    """1 for as many values as labels, 0 for half or twice as many."""
    ratio = min(different, labels) / max(different, labels)
    return max(0.0, 2.0 * ratio - 1.0)


def _exchange(scores: Sequence[Sequence[float]], taken: list[int]) -> None:
    """Exchange the columns of two parts while that is better; of equals the order of the table stands."""
    for _ in taken:
        for one in range(len(taken)):
            for other in range(one + 1, len(taken)):
                now = scores[one][taken[one]] + scores[other][taken[other]]
                then = scores[one][taken[other]] + scores[other][taken[one]]
                if then > now + 1e-9 or (abs(then - now) <= 1e-9 and taken[one] > taken[other]):
                    taken[one], taken[other] = taken[other], taken[one]


def as_references(cell: str, is_list: bool) -> tuple[str, ...]:
    """All accepted answers that an output cell holds: the items of a list, else the cell itself; without empties."""
    if is_list and cell.startswith("["):
        try:
            values = json.loads(cell)
        except ValueError:
            values = [cell]
        texts = [str(value).strip() for value in values if value is not None and not isinstance(value, (dict, list))]
        return tuple(dict.fromkeys(text for text in texts if text))
    return (cell.strip(),) if cell.strip() else ()
