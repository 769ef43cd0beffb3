"""One data set out of user rows, retrieved rows, demonstrations and generated rows."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.row_reading import read_question
from prompt2model.catalogue.source_names import source_name
from prompt2model.component import Component, Estimate, RunContext
from prompt2model.dataset_assembler.config import DatasetAssemblerConfig
from prompt2model.dataset_assembler.decontamination import TestGate, check_clean
from prompt2model.dataset_assembler.distinct import DistinctRows
from prompt2model.dataset_assembler.grounding import check_evidence, grounded
from prompt2model.dataset_assembler.meaning import read_for_meaning
from prompt2model.dataset_assembler.reviewed import apply_review, load_review
from prompt2model.errors import NotEnoughDataError
from prompt2model.records import (
    Dataset,
    Example,
    GeneratedData,
    ReservedTests,
    Source,
    TaskSpec,
    TestSet,
    make_example,
)
from prompt2model.text_index.near_duplicates import normalise_text
from prompt2model.text_index.text_vectors import TextVectors

_MOST_TRUSTED_FIRST = ("user", "demonstration", "retrieved", "labelled", "transformed", "generated")
_BY_TEACHER = ("labelled", "transformed", "generated")
"""Rows with the teacher's answers."""
_WRITTEN = ("transformed", "generated")
"""Kinds of rows whose inputs no person wrote."""
_LEAST_BESIDE = 20
"""Generated rows below which a test of them is not worth having."""
_MANY = 0.25
_READ_SPEED, _WORD_SPEED = 150, 1000
"""Short texts a second that are compared by meaning and by words, on two cores."""
_EVIDENCE_SPEED = 100
"""Questions a second for which evidence is found in some ten thousand passages."""
UNREAD_DEMONSTRATION = "demonstration whose choices cannot be read"


@dataclass(frozen=True)
class AssemblerInputs:
    """What the assembler works on."""

    task: TaskSpec
    reserved: ReservedTests
    generated: GeneratedData


@dataclass(frozen=True)
class _Sieved:
    """Rows that can be trained on, the vectors by which they were compared, and what a reader must know."""

    rows: list[Example]
    vectors: TextVectors | None
    notes: list[str]


class DatasetAssembler(Component[AssemblerInputs, Dataset]):
    """Rows in the order of their sources' trust; of near-equal ones the more trusted stays.

    What is near a test row is left out first, whatever its source; the finished data is compared with the tests again.
    """

    name = "assemble_data"
    produces = "dataset"
    Config = DatasetAssemblerConfig
    Inputs = AssemblerInputs
    Output = Dataset
    version = 2

    def check(self, hub_allowed: bool) -> None:
        """Raises DataFileError when the review cannot be read, or the corpus of evidence has no text file."""
        load_review(self.config.reviewed)
        check_evidence(self.config)

    def input_files(self) -> Sequence[Path]:
        """The review and the corpus of evidence, where there are any."""
        return tuple(path for path in (self.config.reviewed, self.config.evidence) if path is not None)

    def estimate(self, inputs: AssemblerInputs, context: RunContext) -> Estimate:
        """No calls. `makes` takes all rows as new, in the shares of the settings."""
        config, tests = self.config, inputs.reserved.tests
        rows = (*inputs.reserved.remaining, *inputs.generated.rows)
        if not tests:
            written = inputs.generated.rows
            aside = round(config.synthetic_test_share * len(written))
            tests = (TestSet("generated rows", "synthetic", tuple(written)[:aside]),) if aside else ()
            rows = rows[aside:]
        validation = min(config.max_validation, round(config.validation_share * len(rows)))
        makes = Dataset(rows[validation:], rows[:validation], tests, inputs.task.labels, {}, {})
        speed = _READ_SPEED if config.near_meaning else _WORD_SPEED
        finding = 0.0 if config.evidence is None else len(rows) / _EVIDENCE_SPEED
        return Estimate(seconds=len(rows) / speed + finding, makes=makes)

    def run(self, inputs: AssemblerInputs, context: RunContext) -> Dataset:
        """Raises NotEnoughDataError when too few rows or only one label is left, DataFileError for the review or the
        corpus of evidence, EvidenceError, and ConfigError for evidence where there are no choices."""
        config, task, tests = self.config, inputs.task, inputs.reserved.tests
        dropped: Counter[str] = Counter()
        sieved = self._sieve(_merged(inputs, dropped), tests, task, context, dropped)
        rows, notes = sieved.rows, sieved.notes
        if not tests:
            rows, tests = self._set_synthetic_tests_aside(rows, task, context)
        elif any(len(test.rows) for test in tests):
            rows, beside = self._set_some_aside_for_comparison(rows, task, context)
            tests = (*tests, *beside)
        if any(test.origin == "synthetic" for test in tests):
            rows = list(TestGate(tests, task, config, sieved.vectors).keep(rows, dropped))
        reviewed = load_review(config.reviewed)
        if reviewed:
            # Last, so that the tests are the same with and without a review, and no duplicate of a dropped row comes
            # in its place. Once more through the sieve, the person's rows first: a corrected text is a new one.
            rows = apply_review(rows, reviewed, dropped, context.progress)
            sieved = self._sieve(rows, tests, task, context, dropped)
            rows = sieved.rows
        _check_enough(rows, task, config.min_rows)
        labels = _labels(rows, task, context)
        by_label = _grouped(rows, labels)
        validation_ids = _sample(by_label, config.validation_share, config.max_validation, context.rng("validation"))
        train = [row for row in rows if row.id not in validation_ids]
        validation = [row for row in rows if row.id in validation_ids]
        context.rng("shuffle", "train").shuffle(train)
        context.rng("shuffle", "validation").shuffle(validation)
        context.progress.say(
            f"  {len(train)} train, {len(validation)} validation, {sum(len(test.rows) for test in tests)} test rows; "
            f"{sum(dropped.values())} dropped"
        )
        sources = Counter(source_name(row.source) for row in rows)
        for note in notes:
            context.progress.say(f"  {note}")
        dataset = Dataset(
            tuple(train), tuple(validation), tuple(tests), labels, dict(dropped), dict(sources), tuple(notes)
        )
        check_clean(dataset, task, config, sieved.vectors)
        # Last of all, so that rows are compared by what they ask, not by what is found for them.
        dataset = grounded(dataset, task, config, context)
        if sieved.vectors is not None:
            sieved.vectors.forget()
        return dataset

    def _sieve(
        self,
        rows: Iterable[Example],
        tests: Sequence[TestSet],
        task: TaskSpec,
        context: RunContext,
        dropped: Counter[str],
    ) -> _Sieved:
        """The rows that can be used, are near no test row and say nothing again."""
        config = self.config
        usable = list(_usable(rows, task, dropped))
        vectors, notes = read_for_meaning(usable, tests, task, config, context)
        clean = list(TestGate(tests, task, config, vectors).keep(usable, dropped))
        notes += _near_test_note(len(usable), len(clean))
        distinct = DistinctRows(task, config, vectors if len(usable) <= config.meaning_rows else None)
        kept = list(distinct.keep(clean, dropped))
        if distinct.conflicts:
            notes.append(
                f"{distinct.conflicts:,} rows mean nearly the same as an earlier row of another label; all stay."
            )
        return _Sieved(kept, vectors, notes)

    def _set_synthetic_tests_aside(
        self, rows: list[Example], task: TaskSpec, context: RunContext
    ) -> tuple[list[Example], tuple[TestSet, ...]]:
        """Without a real test, generated rows are the only one there can be. The report says so.

        A label of which none was generated is tested with rows that were given: a test of one label says nothing.
        """
        written = {row.target for row in rows if row.source.kind in _BY_TEACHER}
        if not written:
            return rows, ()
        lacking = {label for label in task.labels if label not in written}
        generated = [
            row
            for row in rows
            if row.source.kind in _BY_TEACHER or (row.target in lacking and row.source.kind != "demonstration")
        ]
        # Texts are no labels: where answers are written, all rows are one group.
        by_label = _grouped(generated, tuple(dict.fromkeys(row.target for row in generated)) if task.labels else ())
        ids = _sample(by_label, self.config.synthetic_test_share, 1000, context.rng("synthetic test"))
        test = TestSet("generated rows", "synthetic", tuple(row for row in generated if row.id in ids))
        given = sum(row.source.kind not in _BY_TEACHER for row in test.rows)
        also = f", {given} of them given rows, of labels of which none was generated" if given else ""
        context.progress.say(f"  no real test: {len(ids)} generated rows set aside as a synthetic one{also}")
        return [row for row in rows if row.id not in ids], (test,)

    def _set_some_aside_for_comparison(
        self, rows: list[Example], task: TaskSpec, context: RunContext
    ) -> tuple[list[Example], tuple[TestSet, ...]]:
        """Beside a real test a few generated rows, which show how far figures on such rows are from real ones."""
        generated = [row for row in rows if row.source.kind in _WRITTEN]
        count = min(self.config.synthetic_beside_real, len(generated) // 10)
        if count < _LEAST_BESIDE:
            return rows, ()
        ids = _sample(
            _grouped(generated, task.labels), count / len(generated), count, context.rng("synthetic beside real")
        )
        test = TestSet("generated rows", "synthetic", tuple(row for row in generated if row.id in ids))
        context.progress.say(f"  {len(ids)} generated rows set aside, to compare figures on them with real ones")
        return [row for row in rows if row.id not in ids], (test,)


def _merged(inputs: AssemblerInputs, dropped: Counter[str]) -> Iterator[Example]:
    """All rows, the most trusted kind first; inside a kind in the order in which they came."""
    demonstrations = list(_demonstrations(inputs.task, dropped))
    for kind in _MOST_TRUSTED_FIRST:
        for rows in (inputs.reserved.remaining, demonstrations, inputs.generated.rows):
            yield from (row for row in rows if row.source.kind == kind)


def _demonstrations(task: TaskSpec, dropped: Counter[str]) -> Iterator[Example]:
    """The prompt's demonstrations in the form of all other rows: choices apart from their question."""
    for number, item in enumerate(task.demonstrations):
        source = Source("demonstration", dataset="prompt", row=number)
        if task.kind != "multiple_choice":
            yield make_example(item.input, (item.output,), source)
            continue
        example = read_question(item.input, item.output, source)
        if isinstance(example, Example):
            yield example
        else:
            dropped[UNREAD_DEMONSTRATION] += 1


def _usable(rows: Iterable[Example], task: TaskSpec, dropped: Counter[str]) -> Iterator[Example]:
    """Rows that have an input and an answer, of the task's own labels where it has any."""
    for row in rows:
        if not normalise_text(row.input) or not row.target.strip():
            dropped["empty"] += 1
        elif task.labels and row.target not in task.labels:
            dropped["label outside the set"] += 1
        else:
            yield row


def _near_test_note(usable: int, kept: int) -> Iterator[str]:
    """A word of doubt where very many rows are near a test: their inputs may share a long fixed part."""
    lost = usable - kept
    if lost > _MANY * usable:
        yield (
            f"{lost:,} of {usable:,} rows were left out for being near a test row. Where all inputs share a long fixed "
            "text, take it out of them, or raise assemble_data.near_test and near_meaning."
        )


def _check_enough(rows: Sequence[Example], task: TaskSpec, least: int) -> None:
    if len(rows) < least:
        raise NotEnoughDataError(
            f"only {len(rows)} rows to train on, at least {least} are needed: "
            "add --data FILE, pick a data set, or let a teacher write examples (--generate 200)"
        )
    # One demonstration of every label is in the prompt; beside rows of one label it teaches nothing.
    others = [row for row in rows if row.source.kind != "demonstration"]
    if task.labels and others and len({row.target for row in others}) < 2:
        beside = " besides the prompt's demonstrations" if len(others) < len(rows) else ""
        raise NotEnoughDataError(
            f"all {len(others)} rows{beside} have one label ({others[0].target}); a classifier needs rows of two "
            "labels or more: add rows of the others with --data, or let a teacher write them (--generate 200)"
        )


def _labels(rows: Sequence[Example], task: TaskSpec, context: RunContext) -> tuple[str, ...]:
    """The task's labels that have a row to learn from, in the task's order."""
    present = {row.target for row in rows}
    missing = [label for label in task.labels if label not in present]
    if missing:
        context.progress.say(f"  no row to learn from for: {', '.join(missing)}; the model will never answer them")
    return tuple(label for label in task.labels if label in present)


def _grouped(rows: Iterable[Example], labels: Sequence[str]) -> Mapping[str, list[Example]]:
    """Rows by label; all in one group where the task has no closed labels."""
    groups: dict[str, list[Example]] = defaultdict(list)
    closed = set(labels)
    for row in rows:
        groups[row.target if row.target in closed else ""].append(row)
    return groups


def _sample(groups: Mapping[str, list[Example]], share: float, most: int, rng: random.Random) -> set[str]:
    """Ids of a share of each group: at least one of every group that has five rows."""
    total = sum(len(rows) for rows in groups.values())
    share = min(share, most / max(total, 1))
    chosen: set[str] = set()
    for _, rows in sorted(groups.items()):
        count = max(1 if len(rows) >= 5 else 0, round(share * len(rows)))
        chosen.update(row.id for row in rng.sample(rows, min(count, len(rows) - 1)))
    return chosen
