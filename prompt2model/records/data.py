"""The task, its rows, and what the steps up to the data set make of them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Kind = Literal["classification", "multiple_choice", "generation"]
TestOrigin = Literal["gold", "official", "held_out", "synthetic"]

OUT_OF_SCOPE = "out of scope"
"""The label of inputs that belong to none of the task's own labels, where the task has it."""
MOST_TELLING: tuple[TestOrigin, ...] = ("gold", "official", "held_out", "synthetic")
"""Where test rows come from, those that say most about real inputs first."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One worked example from the user's prompt. Both texts stand in the prompt."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What the prompt asks for.

    `labels` is the closed label set of a classification task, in the prompt's order; empty for other kinds.
    `label_notes` maps a label to the words with which the prompt explains it, where it does.
    `language` is the ISO 639-1 code of the task's inputs.
    """

    instruction: str
    demonstrations: tuple[Demonstration, ...]
    kind: Kind
    labels: tuple[str, ...]
    language: str
    original_prompt: str
    label_notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row came from.

    `kind`: `user` (given with --data), `gold` (given with --examples), `demonstration` (stands in the prompt),
    `retrieved` (a data set), `labelled` (an input that was given, answered by a teacher), `transformed` (a row of a
    data set, rewritten and answered by a teacher) or `generated` (written by a teacher). Row numbers count from 0 in
    the named split. `review`: what a person did with the row afterwards.
    """

    kind: Literal["user", "gold", "demonstration", "retrieved", "labelled", "transformed", "generated"]
    dataset: str = ""
    config: str = ""
    split: str = ""
    row: int | None = None
    licence: str = ""
    teacher: str = ""
    prompt_hash: str = ""
    temperature: float | None = None
    review: Literal["", "approved", "corrected"] = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `references` are all accepted answers; the first is the training target. Empty in `unlabelled` rows.

    `soft_label` is P(label) in the order of `TaskSpec.labels`, where a labeller gave it.
    """

    id: str
    input: str
    references: tuple[str, ...]
    source: Source
    choices: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    soft_label: tuple[float, ...] | None = None

    @property
    def target(self) -> str:
        """The answer to train on."""
        return self.references[0]


Rows: TypeAlias = Collection[Example]


@dataclass(frozen=True, slots=True)
class ReviewedRow:
    """What a person decided about a row. `row` is the row as it was; `input` and `output` are as they shall be."""

    row: Example
    decision: Literal["approved", "corrected", "dropped"]
    input: str
    output: str


def example_id(input: str, references: tuple[str, ...], source: Source, choices: tuple[str, ...] = ()) -> str:
    """A stable 16-digit id of a row: the same text from the same place has the same id in every run."""
    parts = (input, *references, *choices, source.kind, source.dataset, source.config, source.split, str(source.row))
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def make_example(
    input: str,
    references: tuple[str, ...],
    source: Source,
    choices: tuple[str, ...] = (),
    evidence: tuple[str, ...] = (),
    soft_label: tuple[float, ...] | None = None,
) -> Example:
    """An `Example` with its id computed from its content and source."""
    identity = example_id(input, references, source, choices)
    return Example(identity, input, references, source, choices, evidence, soft_label)


@dataclass(frozen=True, slots=True)
class DatasetCandidate:
    """A data set as it was offered: what is known before anything is downloaded. Unknown is None."""

    id: str
    origin: Literal["local", "hub", "starter"]
    title: str
    description: str
    licence: str | None
    rows: int | None
    bytes: int | None
    score: float
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChosenDataset:
    """A data set that was taken, with the columns that were read and how many rows of each split came of it."""

    id: str
    origin: Literal["local", "hub", "starter", "user"]
    licence: str | None
    input_column: str
    output_column: str
    rows_by_split: Mapping[str, int]
    config: str = ""


@dataclass(frozen=True, slots=True)
class InputPart:
    """One column of an input, with the text that stands before it (`"\\nQuestion: "`)."""

    column: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class InputLayout:
    """How a row of a table becomes an input: its columns in order, and those that hold the answers to choose from."""

    parts: tuple[InputPart, ...]
    choices: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The input columns, in order."""
        return tuple(part.column for part in self.parts)


@dataclass(frozen=True, slots=True)
class RetrievedData:
    """Rows found in data sets and files given by the user. `official_tests` come from splits published as tests.

    `unlabelled` are inputs without references, for a teacher to answer; of kind `transformed`, whole rows as JSON
    objects (`catalogue/whole_rows.py`), to be rewritten first. `notes` say in words why data sets were taken or not,
    and what was left out. `layouts` say how the inputs were made of the tables' columns.
    """

    rows: Rows
    official_tests: tuple[TestSet, ...]
    offered: tuple[DatasetCandidate, ...]
    chosen: tuple[ChosenDataset, ...]
    dropped: Mapping[str, int]
    notes: tuple[str, ...] = ()
    unlabelled: Rows = ()
    layouts: tuple[InputLayout, ...] = ()


@dataclass(frozen=True, slots=True)
class TestSet:
    """Rows that nothing is trained, tuned or prompted on."""

    __test__ = False  # not a pytest class

    name: str
    origin: TestOrigin
    rows: Rows


@dataclass(frozen=True, slots=True)
class ReservedTests:
    """Test sets put aside before anything is generated, and the rows and unlabelled inputs that remain for training."""

    tests: tuple[TestSet, ...]
    remaining: Rows
    dropped: Mapping[str, int]
    unlabelled: Rows = ()


@dataclass(frozen=True, slots=True)
class DataRequest:
    """What the generated data should add. Empty in a first run; `improve` fills it in child runs."""

    notes: tuple[str, ...] = ()
    wanted_by_label: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GeneratedData:
    """Given inputs that the teacher labelled, new examples that it wrote, and what was dropped and why, counted.

    `requests` and `failed` count teacher calls; a failed call is never an empty row. `notes` say in words why there
    are fewer rows than wanted, and what was changed.
    """

    rows: Rows
    dropped: Mapping[str, int]
    requests: int
    failed: Mapping[str, int]
    prompt_tokens: int
    completion_tokens: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceCorpus:
    """The texts that the evidence of rows was found in.

    `path`: the file or folder, whole. `digest` tells its content; `passages`: how many it was cut into. `per_option`:
    how many passages are read beside each option of a question.
    """

    path: str
    digest: str
    passages: int
    per_option: int = 1


@dataclass(frozen=True, slots=True)
class Dataset:
    """The data that trains and tests the student. No input stands in two of its parts, not even nearly.

    `notes` say in words how rows were compared where that is not what a reader would expect. Where there is an
    `evidence` corpus, every row has for each of its choices what was found there, in their order (an empty text where
    nothing was).
    """

    train: Rows
    validation: Rows
    tests: tuple[TestSet, ...]
    labels: tuple[str, ...]
    dropped: Mapping[str, int]
    sources: Mapping[str, int]
    notes: tuple[str, ...] = ()
    evidence: EvidenceCorpus | None = None
