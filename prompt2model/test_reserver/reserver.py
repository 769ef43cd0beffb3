"""Reserve tests before anything is generated, so that no prompt, filter or choice ever sees them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from prompt2model.artifacts import JsonlRows, write_rows
from prompt2model.catalogue.whole_rows import row_cells
from prompt2model.component import Component, ComponentConfig, Estimate, RunContext
from prompt2model.errors import DataFileError
from prompt2model.records import Example, ReservedTests, RetrievedData, Rows, TaskSpec, TestSet
from prompt2model.test_reserver.gold_files import read_gold
from prompt2model.test_reserver.repeats import Distinct, distinct_rows
from prompt2model.text_index.near_duplicates import normalise_text
from prompt2model.text_index.protected_texts import ProtectedTexts, counted_as, judged_text

_NAMED = 10
"""Most rows that are named one by one."""


class TestReserverConfig(ComponentConfig):
    """How many rows are kept for tests, and where gold rows stand."""

    __test__ = False  # not a pytest class

    examples: tuple[Path, ...] = Field(
        (), description="Files with your gold rows; never trained on, they give the headline."
    )
    input_column: str | None = Field(None, description="Column of the inputs in `examples`; proposed when absent.")
    output_column: str | None = Field(None, description="Column of the answers in `examples`; proposed when absent.")
    share: float = Field(
        0.2, gt=0, lt=0.9, description="Share of the rows held out when there are no gold or official tests."
    )
    max_rows: int = Field(1000, ge=1, description="Most rows of a held-out or official test set.")
    min_retrieved: int = Field(25, ge=2, description="Fewer retrieved rows than this are all trained on.")
    near_duplicate: float = Field(
        0.75, gt=0, le=1, description="Jaccard similarity of character 5-grams from which a row is near a test row."
    )


@dataclass(frozen=True)
class ReserverInputs:
    """What the reserver works on."""

    task: TaskSpec
    retrieved: RetrievedData


class TestReserver(Component[ReserverInputs, ReservedTests]):
    """Gold rows first; else official test splits; else a stratified share of the user's and retrieved rows."""

    __test__ = False  # not a pytest class

    name = "reserve_tests"
    produces = "reserved"
    Config = TestReserverConfig
    Inputs = ReserverInputs
    Output = ReservedTests
    version = 2

    def input_files(self) -> Sequence[Path]:
        """The gold files."""
        return self.config.examples

    def estimate(self, inputs: ReserverInputs, context: RunContext) -> Estimate:
        """No calls."""
        return Estimate(seconds=len(inputs.retrieved.rows) / 2000)

    def run(self, inputs: ReserverInputs, context: RunContext) -> ReservedTests:
        """Raises DataFileError when a gold file cannot be used."""
        config, task = self.config, inputs.task
        distinct = distinct_rows(inputs.retrieved.rows, task)
        dropped = Counter(distinct.dropped)
        tests = self._gold(task, dropped)
        for official in inputs.retrieved.official_tests:
            tests.append(_bounded(official, config.max_rows, context.seed))
        held_out: set[str] = set()
        if not tests:
            candidates = _test_candidates(distinct, task, context)
            if len(candidates) >= config.min_retrieved:
                held_out = choose_stratified(candidates, config.share, config.max_rows, context.seed)
                rows = tuple(row for row in candidates if row.id in held_out)
                tests.append(TestSet(f"held out of {_origin(rows)} rows", "held_out", rows))
        protected = ProtectedTexts(
            (judged_text(row) for test in tests for row in test.rows),
            config.near_duplicate,
            numbers_matter=task.kind == "generation",
        )
        path = context.folder / "remaining.jsonl"
        write_rows(path, _remaining(distinct.rows, held_out, protected, dropped))
        unlabelled: Rows = ()
        if len(inputs.retrieved.unlabelled):
            file = context.folder / "unlabelled.jsonl"
            write_rows(file, _unlabelled(inputs.retrieved.unlabelled, distinct.rows, protected, dropped))
            unlabelled = JsonlRows(file, Example)
        for test in tests:
            context.progress.say(f"  {len(test.rows)} test rows reserved: {test.name} ({test.origin})")
        for reason, count in sorted(dropped.items()):
            context.progress.say(f"  {count} rows dropped: {reason}")
        if copies := _copies_of_gold(distinct.rows, tests):
            context.progress.say(f"  {copies}")
        return ReservedTests(tuple(tests), JsonlRows(path, Example), dict(dropped), unlabelled)

    def _gold(self, task: TaskSpec, dropped: Counter[str]) -> list[TestSet]:
        """The gold rows, one test set for each file name; a row that stands in two files counts once."""
        config = self.config
        files = [read_gold(path, task, config.input_column, config.output_column) for path in config.examples]
        distinct = distinct_rows((row for rows in files for row in rows), task)
        for first, second, *_ in distinct.contradictions:
            raise DataFileError(
                f"{second.source.dataset}: row {(second.source.row or 0) + 1} repeats the input of row "
                f"{(first.source.row or 0) + 1} in {first.source.dataset} with another answer "
                f"({second.target!r}, not {first.target!r}); settle which is right"
            )
        dropped.update({f"gold: {reason}": count for reason, count in distinct.dropped.items()})
        by_file: dict[str, list[Example]] = defaultdict(list)
        for row in distinct.rows:
            by_file[row.source.dataset].append(row)
        return [TestSet(Path(name).stem, "gold", tuple(rows)) for name, rows in by_file.items()]


def _copies_of_gold(rows: Rows, tests: Sequence[TestSet]) -> str:
    """Which rows to train on stand in --examples too; empty where none does."""
    gold = {normalise_text(row.input) for test in tests if test.origin == "gold" for row in test.rows}
    places = [
        f"row {row.source.row + 1} of {row.source.dataset}"
        for row in rows
        if row.source.row is not None and normalise_text(row.input) in gold
    ]
    if not places:
        return ""
    more = f" and {len(places) - _NAMED:,} more" if len(places) > _NAMED else ""
    return f"refused for training, because their inputs stand in --examples: {', '.join(places[:_NAMED])}{more}"


def choose_stratified(rows: Rows, share: float, most: int, seed: int) -> set[str]:
    """Ids of a share of the rows, label by label; which ones depends on the rows' ids and the seed alone."""
    by_label: dict[str, list[tuple[str, str]]] = defaultdict(list)
    closed = len({row.target for row in rows}) <= max(2, len(rows) // 5)
    for row in rows:
        key = hashlib.sha256(f"{seed}|{row.id}".encode()).hexdigest()
        by_label[row.target if closed else ""].append((key, row.id))
    wanted = min(most, round(share * len(rows)))
    chosen: set[str] = set()
    for members in by_label.values():
        count = max(1, round(wanted * len(members) / len(rows))) if len(members) > 1 else 0
        chosen.update(identity for _, identity in sorted(members)[:count])
    return chosen


def _test_candidates(distinct: Distinct, task: TaskSpec, context: RunContext) -> tuple[Example, ...]:
    """Rows that can be held out: their inputs have one answer, and all together have two labels or more."""
    say = context.progress.say
    doubtful = {row.id for group in distinct.contradictions for row in group}
    if doubtful:
        say(
            f"  {len(distinct.contradictions)} inputs have different answers in different rows: they are not held out "
            "as tests, and the first answer of each is trained on"
        )
    candidates = tuple(row for row in distinct.rows if row.id not in doubtful and normalise_text(row.input))
    if task.labels and candidates and len({row.target for row in candidates}) < 2:
        say(f"  all rows have the label {candidates[0].target}: none is held out, for a test of one label says nothing")
        return ()
    return candidates


def _origin(rows: Sequence[Example]) -> str:
    kinds = {row.source.kind for row in rows}
    if kinds == {"user"}:
        return "your own"
    return "your own and the retrieved" if "user" in kinds else "the retrieved"


def _bounded(test: TestSet, most: int, seed: int) -> TestSet:
    if len(test.rows) <= most:
        return test
    chosen = choose_stratified(test.rows, most / len(test.rows), most, seed)
    return TestSet(test.name, test.origin, tuple(row for row in test.rows if row.id in chosen))


def _remaining(rows: Rows, held_out: set[str], protected: ProtectedTexts, dropped: Counter[str]) -> Iterator[Example]:
    for row in rows:
        if row.id in held_out:
            continue
        if not normalise_text(row.input):
            dropped["empty input"] += 1
        elif (reason := protected.judge(judged_text(row))) is not None:
            dropped[counted_as(reason, row)] += 1
        else:
            yield row


def _unlabelled(rows: Rows, labelled: Rows, protected: ProtectedTexts, dropped: Counter[str]) -> Iterator[Example]:
    """Inputs that have no answer yet, each once, none near a test."""
    known = {normalise_text(row.input) for row in labelled}
    for row in rows:
        key = normalise_text(row.input)
        if not key:
            dropped["inputs: empty input"] += 1
        elif key in known:
            dropped["inputs: duplicate"] += 1
        elif (reason := next(filter(None, map(protected.judge, _texts(row))), None)) is not None:
            dropped[counted_as(reason, row)] += 1
        else:
            known.add(key)
            yield row


def _texts(row: Example) -> tuple[str, ...]:
    """What may stand in a test too: the input; of a row that is to be rewritten every cell, and all together."""
    if row.source.kind != "transformed":
        return (judged_text(row),)
    cells = tuple(row_cells(row.input).values())
    return (*cells, " ".join(cells))
