"""Given inputs labelled on a cluster, several shards at once: the same as one shard after the other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dataset_generator.team_task import TASK, right_label

from prompt2model.component import RunContext
from prompt2model.dataset_generator import DatasetGenerator, DatasetGeneratorConfig, GeneratorInputs
from prompt2model.errors import BudgetExceededError
from prompt2model.records import DataRequest, GeneratedData, Source, make_example
from prompt2model.teacher import ChatRequest, ChatResponse, Ledger, LedgerClient, ScriptedClient, parse_budget
from prompt2model.teacher.budget import Budget
from prompt2model.teacher.prices import Prices

Make = Callable[..., RunContext]
# The fifth shard has inputs of the second and the third.
TEXTS = [f"{'charged for' if n % 3 else 'no sign of'} parcel {n}" for n in range(1100)]
TEXTS[1030:1060] = TEXTS[400:415] + TEXTS[600:615]
INPUTS = tuple(make_example(text, (), Source("labelled", "mail.txt", row=n)) for n, text in enumerate(TEXTS))


class ThreeWorkers:
    distributed = True
    size = 3


class Grouped(ScriptedClient):
    """Answers in groups, and notes which requests were together and who asked."""

    spreads_groups = True

    def __init__(self, fails: Callable[[], bool] = lambda: False) -> None:
        super().__init__(lambda request: right_label(request.messages[-1].content), batch_size=16)
        self.groups: Counter[tuple[Any, ...]] = Counter()
        self.askers: set[str] = set()
        self._fails = fails

    def complete_groups(self, groups: Iterable[Sequence[ChatRequest]]) -> Iterator[tuple[int, list[ChatResponse]]]:
        for number, group in enumerate(groups):
            if self._fails():
                raise BudgetExceededError("that is too much at once")
            self.groups[tuple((request.messages[-1].content, request.draw) for request in group)] += 1
            self.askers.add(threading.current_thread().name.partition("_")[0])
            yield number, [answer for _, answer in self.complete_many(group)]


def label(make: Make, client: Grouped, folder: Path, budget: Budget | None = None, **changes: Any) -> GeneratedData:
    with Ledger(folder / "ledger.sqlite") as ledger:
        outer = LedgerClient(client, ledger, step="generate_data", budget=budget)
        context = make({"teacher": outer}, folder=folder / "step", **changes)
        generator = DatasetGenerator(DatasetGeneratorConfig())
        return generator.run(GeneratorInputs(TASK, (), DataRequest(), INPUTS), context)


def test_rows_counts_and_groups_are_the_same(make_context: Make, tmp_path: Path) -> None:
    here, there = Grouped(), Grouped()
    one_by_one = label(make_context, here, tmp_path / "here")
    at_once = label(make_context, there, tmp_path / "there", workers=ThreeWorkers())
    assert at_once == one_by_one
    assert there.groups == here.groups
    assert there.askers == {"MainThread", "labelling ahead"} and here.askers == {"MainThread"}
    files = [sorted((tmp_path / where / "step").iterdir()) for where in ("here", "there")]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]


def test_where_asking_ahead_fails_the_shards_are_labelled_one_by_one(make_context: Make, tmp_path: Path) -> None:
    ahead = Grouped(lambda: threading.current_thread() is not threading.main_thread())
    found = label(make_context, ahead, tmp_path / "ahead", workers=ThreeWorkers())
    assert found == label(make_context, Grouped(), tmp_path / "here")


def test_a_budget_ends_it_as_it_would_one_by_one(make_context: Make, tmp_path: Path) -> None:
    budget = Budget(parse_budget("200000tokens"), Prices())
    with pytest.raises(BudgetExceededError):
        label(make_context, Grouped(), tmp_path, budget, workers=ThreeWorkers())
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.spent().tokens <= 200_000
    resumed = label(make_context, Grouped(), tmp_path, workers=ThreeWorkers())
    assert resumed.rows == label(make_context, Grouped(), tmp_path / "whole").rows
