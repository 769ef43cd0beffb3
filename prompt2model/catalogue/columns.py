"""Which column is the input and which the output: judged by values, demonstrations, names and the instruction."""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prompt2model.catalogue.labels import LabelMatcher
from prompt2model.errors import DataFileError
from prompt2model.records import TaskSpec

_INPUT_NAMES = (
    "input", "text", "sentence", "question", "query", "utterance", "message", "content", "body", "document",
    "article", "source", "prompt", "review", "comment", "description", "tweet", "passage", "email", "premise",
    "instruction",
)  # fmt: skip
_OUTPUT_NAMES = (
    "output", "label", "target", "answer", "class", "category", "intent", "response", "references", "reference",
    "completion", "gold", "sentiment", "topic", "type", "tag", "correct", "summary", "title", "translation",
    "labels", "answers",
)  # fmt: skip
_IDENTIFIER_NAMES = {
    "id",
    "idx",
    "index",
    "uuid",
    "uid",
    "guid",
    "url",
    "link",
    "date",
    "time",
    "timestamp",
    "hash",
    "key",
}
_CHOICE_NAMES = {"choices", "options", "candidates", "alternatives", "endings"}
_NUMBERED_CHOICE = re.compile(r"(?:choice|option|candidate|ending|answer|alternative|sol)?[ _.\-]?([a-h]|\d)", re.I)


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Columns to read. `output` is empty when the table has one column only: inputs without answers.

    `choices` are the columns that hold the offered answers of a multiple-choice question: one list, or one per
    answer. `reason` says in words what the choice rests on.
    """

    input: str
    output: str
    reason: str
    choices: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """All input columns."""
        return (self.input,)


@dataclass(frozen=True, slots=True)
class _Column:
    """What the sample says about one column."""

    name: str
    values: tuple[str, ...]
    distinct: float
    length: float
    numeric: float
    label_share: float
    label_coverage: float


def propose_columns(columns: Sequence[str], sample_rows: Sequence[Mapping[str, str]], task: TaskSpec) -> ColumnChoice:
    """The likeliest input and output columns for `task`.

    Evidence, strongest first: values that are the task's labels; values like the demonstrations' texts (length and
    alphabet); the columns' names; words of the instruction in a name; what identifies rows is neither.
    Raises DataFileError when there is no column with text in it.
    """
    facts = [_facts(name, sample_rows, task) for name in columns]
    usable = [fact for fact in facts if fact.values]
    if not usable:
        raise DataFileError("the table has no column with a value in its first rows; there is nothing to read")
    choices = _choice_columns([fact.name for fact in usable]) if task.kind == "multiple_choice" else ()
    usable = [fact for fact in usable if not _belongs_to(fact.name, choices)] or usable
    inputs = {fact.name: _input_score(fact, task) for fact in usable}
    if len(usable) == 1:
        return ColumnChoice(usable[0].name, "", "the only column", choices)
    outputs = {fact.name: _output_score(fact, task) for fact in usable}
    pairs = [(inputs[i.name] + outputs[o.name], i, o) for i in usable for o in usable if i is not o]
    # max keeps the first of equals, so the order of the columns decides ties.
    _, best_input, best_output = max(pairs, key=lambda pair: pair[0])
    return ColumnChoice(best_input.name, best_output.name, _reason(best_input, best_output, task), choices)


def _facts(name: str, rows: Sequence[Mapping[str, str]], task: TaskSpec) -> _Column:
    values = tuple(value for row in rows if (value := row.get(name, "").strip()))
    matcher = LabelMatcher(task.labels)
    found = [label for value in values if (label := matcher.match(value)) is not None]
    total = max(len(values), 1)
    return _Column(
        name=name,
        values=values,
        distinct=len(set(values)) / total,
        length=statistics.fmean(map(len, values)) if values else 0.0,
        numeric=sum(_is_number(value) for value in values) / total,
        label_share=len(found) / total if task.labels else 0.0,
        label_coverage=len(set(found)) / len(task.labels) if task.labels else 0.0,
    )


def _is_number(value: str) -> bool:
    return re.fullmatch(r"[-+]?\d+(?:[.,]\d+)*", value) is not None


def _input_score(column: _Column, task: TaskSpec) -> float:
    score = _name_score(column.name, _INPUT_NAMES) + 0.5 * min(column.distinct * 2, 1.0)
    score += 2.0 * likeness(column.values, [demo.input for demo in task.demonstrations])
    if not task.demonstrations:
        score += min(column.length, 60) / 60
    if column.label_share > 0.9:
        score -= 3.0
    return score - _identifier_penalty(column)


def _output_score(column: _Column, task: TaskSpec) -> float:
    score = _name_score(column.name, _OUTPUT_NAMES)
    if task.labels:
        score += 3.0 * column.label_share + 2.0 * column.label_coverage
        # A closed label set means few different values, whatever they are called.
        score += 1.0 - min(column.distinct * 2, 1.0)
    else:
        score += 2.0 * likeness(column.values, [demo.output for demo in task.demonstrations])
        score += 0.8 * _named_in(column.name, task.instruction)
    return score - _identifier_penalty(column) * (0.0 if column.label_share > 0.9 else 1.0)


def _name_score(name: str, known: Sequence[str]) -> float:
    """1 for a usual name (a little less further down the list), 0.6 when it is one word of the name, else 0."""
    plain = name.casefold().strip()
    if plain in known:
        return 1.0 - 0.01 * known.index(plain)
    words = _words(name)
    return 0.6 if any(word in known for word in words) else 0.0


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())


def _named_in(name: str, instruction: str) -> float:
    words = [word for word in _words(name) if len(word) > 2]
    said = set(re.findall(r"[^\W_\d]+", instruction.casefold()))
    return float(any(word in said or f"{word}s" in said or word.rstrip("s") in said for word in words))


def _identifier_penalty(column: _Column) -> float:
    named = any(word in _IDENTIFIER_NAMES for word in _words(column.name))
    counted = column.numeric > 0.95 and column.distinct > 0.95 and len(column.values) > 3
    linked = sum(value.startswith(("http://", "https://")) and " " not in value for value in column.values[:50]) > 25
    return 1.5 * named + 1.5 * counted + 1.5 * linked


def likeness(values: Sequence[str], wanted: Sequence[str]) -> float:
    """0 to 1: how near the texts are to the demonstrations' in length and in the kinds of characters."""
    if not values or not wanted:
        return 0.0
    # The longest of the demonstrations' lengths and ours, as a ratio: 1 when equal, 0.1 when ten times apart.
    ours, theirs = (max(statistics.median(map(len, texts)), 1) for texts in (values[:200], wanted))
    length = min(ours, theirs) / max(ours, theirs)
    one, other = _profile(values[:200]), _profile(wanted)
    # Sorted, so that the sum is the same in every process.
    distance = sum(abs(one[kind] - other[kind]) for kind in sorted(one.keys() | other.keys()))
    kinds = 1.0 - 0.5 * distance
    return 0.5 * length + 0.5 * kinds


def _profile(texts: Sequence[str]) -> dict[str, float]:
    """Share of each kind of character: capitals, small letters, other scripts, digits, spaces, each sign itself."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_kind(character) for character in text[:500])
    total = max(counts.total(), 1)
    return defaultdict(float, {kind: count / total for kind, count in counts.items()})


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isspace():
        return "space"
    if character.isalpha():
        if ord(character) > 0x24F:
            return "other script"
        return "capital" if character.isupper() else "small"
    return character


def _choice_columns(names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        last = [*_words(name)][-2:]
        if set(last) & _CHOICE_NAMES and not name.casefold().endswith((".label", ".labels")):
            numbered = [other for other in names if set(_words(other)) & _CHOICE_NAMES]
            return (name,) if len(numbered) == 1 or name.casefold().endswith(".text") else _best_list(numbered)
    numbered = [name for name in names if _NUMBERED_CHOICE.fullmatch(name.strip())]
    return tuple(numbered) if len(numbered) >= 2 else ()


def _belongs_to(name: str, choices: Sequence[str]) -> bool:
    """Whether a column is one of the choices or stands beside them in one object (`choices.label`)."""
    parents = {choice.rpartition(".")[0] for choice in choices if "." in choice}
    return name in choices or name.rpartition(".")[0] in parents


def _best_list(names: Sequence[str]) -> tuple[str, ...]:
    texts = [name for name in names if name.casefold().endswith(".text")]
    return tuple(texts[:1] or [name for name in names if not name.casefold().endswith((".label", ".labels"))])


def _reason(input_column: _Column, output_column: _Column, task: TaskSpec) -> str:
    parts = [
        f"{input_column.name}: {'usual name, ' if _name_score(input_column.name, _INPUT_NAMES) else ''}"
        f"{input_column.length:.0f} characters on average"
    ]
    if task.labels:
        parts.append(
            f"{output_column.name}: {output_column.label_share:.0%} of its values are the task's labels, "
            f"{output_column.label_coverage:.0%} of the labels occur"
        )
    else:
        named = "usual name, " if _name_score(output_column.name, _OUTPUT_NAMES) else ""
        parts.append(f"{output_column.name}: {named}{output_column.length:.0f} characters on average")
    return "; ".join(parts)


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
