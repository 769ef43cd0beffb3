"""Reserve tests before anything is generated, so that no prompt, filter or choice ever sees them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from prompt2model.artifacts import JsonlRows, write_rows
from prompt2model.component import Component, ComponentConfig, Estimate, RunContext
from prompt2model.records import Example, ReservedTests, RetrievedData, Rows, TaskSpec, TestSet
from prompt2model.test_reserver.gold_files import read_gold
from prompt2model.text_index.near_duplicates import NearDuplicates, normalise_text


class TestReserverConfig(ComponentConfig):
    """How many rows are kept for tests, and where gold rows stand."""

    __test__ = False  # not a pytest class

    examples: tuple[Path, ...] = Field(
        (), description="Files with your gold rows; never trained on, they give the headline."
    )
    input_column: str | None = Field(None, description="Column of the inputs in `examples`; proposed when absent.")
    output_column: str | None = Field(None, description="Column of the answers in `examples`; proposed when absent.")
    share: float = Field(
        0.2, gt=0, lt=0.9, description="Share of the retrieved rows held out when there are no gold or official tests."
    )
    max_rows: int = Field(1000, ge=1, description="Most rows of a held-out or official test set.")
    min_retrieved: int = Field(25, ge=2, description="Fewer retrieved rows than this are all trained on.")
    near_duplicate: float = Field(0.8, gt=0, le=1, description="Jaccard similarity from which two inputs count as one.")


@dataclass(frozen=True)
class ReserverInputs:
    """What the reserver works on."""

    task: TaskSpec
    retrieved: RetrievedData


class TestReserver(Component[ReserverInputs, ReservedTests]):
    """Gold rows first; else official test splits; else a stratified share of the retrieved rows."""

    __test__ = False  # not a pytest class

    name = "reserve_tests"
    produces = "reserved"
    Config = TestReserverConfig
    Inputs = ReserverInputs
    Output = ReservedTests

    def input_files(self) -> Sequence[Path]:
        """The gold files."""
        return self.config.examples

    def estimate(self, inputs: ReserverInputs, context: RunContext) -> Estimate:
        """No calls."""
        return Estimate(seconds=len(inputs.retrieved.rows) / 2000)

    def run(self, inputs: ReserverInputs, context: RunContext) -> ReservedTests:
        """Raises DataFileError when a gold file cannot be used."""
        config = self.config
        tests = [read_gold(path, inputs.task, config.input_column, config.output_column) for path in config.examples]
        for official in inputs.retrieved.official_tests:
            tests.append(_bounded(official, config.max_rows, context.seed))
        held_out: set[str] = set()
        if not tests and len(inputs.retrieved.rows) >= config.min_retrieved:
            held_out = choose_stratified(inputs.retrieved.rows, config.share, config.max_rows, context.seed)
            rows = tuple(row for row in inputs.retrieved.rows if row.id in held_out)
            tests.append(TestSet("held out of the retrieved rows", "held_out", rows))
        dropped: Counter[str] = Counter()
        index = _index(tests, config.near_duplicate)
        path = context.folder / "remaining.jsonl"
        write_rows(path, _remaining(inputs.retrieved.rows, held_out, index, dropped))
        for test in tests:
            context.progress.say(f"  {len(test.rows)} test rows reserved: {test.name} ({test.origin})")
        return ReservedTests(tuple(tests), JsonlRows(path, Example), dict(dropped))


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


def _bounded(test: TestSet, most: int, seed: int) -> TestSet:
    if len(test.rows) <= most:
        return test
    chosen = choose_stratified(test.rows, most / len(test.rows), most, seed)
    return TestSet(test.name, test.origin, tuple(row for row in test.rows if row.id in chosen))


def _index(tests: Sequence[TestSet], threshold: float) -> NearDuplicates:
    index = NearDuplicates(threshold=threshold)
    for test in tests:
        for row in test.rows:
            index.add(f"{test.name}|{row.id}", row.input)
    return index


def _remaining(rows: Rows, held_out: set[str], index: NearDuplicates, dropped: Counter[str]) -> Iterator[Example]:
    for row in rows:
        if row.id in held_out:
            continue
        if not normalise_text(row.input):
            dropped["empty input"] += 1
        elif index.find(row.input) is not None:
            dropped["near a test row"] += 1
        else:
            yield row
