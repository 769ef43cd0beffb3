"""Votes that can no longer change the outcome are not asked for, and nothing else changes."""

from __future__ import annotations

from itertools import product
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.dataset_generator import DatasetGeneratorConfig
from prompt2model.dataset_generator.consistency import Answers, judge, settled
from prompt2model.records import Demonstration, TaskSpec

LABELS = ("a", "b", "c")
SORT = TaskSpec("Sort.", (Demonstration("x", "a"),), "classification", LABELS, "en", "")
WRITE = TaskSpec("Write.", (Demonstration("x", "a"),), "generation", (), "en", "")
SUMMARISE = TaskSpec("Write.", (Demonstration("x", "one of the many long outputs"),), "generation", (), "en", "")


def verdict(votes: tuple[str, ...], asked: str | None, task: TaskSpec, config: DatasetGeneratorConfig) -> str | None:
    return judge(Answers(len(votes), votes, (), (), 0, 0), asked, task, config).output


@given(
    votes=st.lists(st.sampled_from(LABELS), min_size=1, max_size=4).map(tuple),
    to_come=st.integers(0, 3),
    asked=st.sampled_from((None, *LABELS)),
    counts=st.booleans(),
    disagreement=st.sampled_from(("drop", "relabel")),
    task=st.sampled_from((SORT, WRITE)),
)
def test_no_vote_to_come_changes_a_settled_outcome(
    votes: tuple[str, ...],
    to_come: int,
    asked: str | None,
    counts: bool,
    disagreement: Literal["drop", "relabel"],
    task: TaskSpec,
) -> None:
    config = DatasetGeneratorConfig(votes=9, asked_label_votes=counts, on_disagreement=disagreement)
    if settled(votes, asked, to_come, task, config):
        now = verdict(votes, asked, task, config)
        # A vote may also fail: then it is missing.
        for rest in product((*LABELS, None), repeat=to_come):
            assert verdict((*votes, *(vote for vote in rest if vote)), asked, task, config) == now


def test_the_first_vote_for_what_was_asked_for_settles_it() -> None:
    config = DatasetGeneratorConfig()
    assert settled(("a",), "a", 2, SORT, config)
    assert not settled(("b",), "a", 2, SORT, config)
    assert not settled(("b", "b"), "a", 1, SORT, config)  # a tie would go to a
    assert settled(("b", "b"), None, 1, WRITE, config)


def test_long_answers_and_whoever_wants_all_votes_get_them() -> None:
    assert not settled(("a", "a", "a"), "a", 1, SORT, DatasetGeneratorConfig(all_votes=True))
    assert not settled(("a", "a"), None, 1, SUMMARISE, DatasetGeneratorConfig())
