"""Which test rows the prompted teacher answers too: decided by arithmetic, so that a resumed run decides the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

from prompt2model.component import RunContext, TeacherUse
from prompt2model.labelling.teacher_predictor import scored_tokens
from prompt2model.records import Example, TaskSpec, TestSet
from prompt2model.teacher.client import ChatClient, is_scorer
from prompt2model.teacher.speed import is_embedded, likely_seconds
from prompt2model.teacher.tokens import likely_tokens

_LONGEST_ANSWER = 256
"""Tokens of an answer where no row says how long answers are."""


@dataclass(frozen=True, slots=True)
class TeacherRows:
    """How many rows the teacher may answer in all, and why not more. `seconds_per_row` is the estimate used."""

    rows: int
    wanted: int
    seconds_per_row: float
    reason: str


def plan_teacher_rows(
    client: ChatClient, task: TaskSpec, tests: Sequence[Sequence[Example]], max_rows: int, seconds: float
) -> TeacherRows:
    """At most `max_rows` rows over all tests, fewer when they would take longer than `seconds`; at least one each."""
    wanted = sum(len(rows) for rows in tests)
    cost = seconds_per_row(client, task, list(chain.from_iterable(tests)))
    affordable = int(seconds / cost)
    rows = max(min(wanted, max_rows, affordable), min(wanted, len(tests)))
    if rows == wanted:
        reason = ""
    elif affordable < max_rows:
        reason = f"more would take longer than {seconds:g} seconds, at about {cost:.2g} seconds a row"
    else:
        reason = f"at most {max_rows} rows are asked"
    return TeacherRows(rows, wanted, cost, reason)


def seconds_per_row(client: ChatClient, task: TaskSpec, rows: Sequence[Example]) -> float:
    """How long one answer takes by the documented speeds, mean over the rows. The clock is never asked."""
    if not is_embedded(client):
        return likely_seconds(client, 1, 0, 0)
    inputs = [likely_tokens(row.input) + sum(likely_tokens(text) for text in row.evidence) for row in rows]
    answers = [_answer_tokens(task, row) for row in rows]
    read = _mean(inputs) + 8
    if (task.labels or all(row.choices for row in rows)) and is_scorer(client):
        return likely_seconds(client, 1, scored_tokens(task, read, _mean(answers)), 0)
    return likely_seconds(client, 1, read, _mean(answers))


def teacher_use(client: ChatClient, task: TaskSpec, tests: Sequence[Sequence[Example]], rows: int) -> TeacherUse:
    """What `rows` answers read and write."""
    every = list(chain.from_iterable(tests))
    read = _mean([likely_tokens(row.input) for row in every]) + 8
    if is_embedded(client) and is_scorer(client) and (task.labels or all(row.choices for row in every)):
        read = scored_tokens(task, read, _mean([_answer_tokens(task, row) for row in every]))
        return TeacherUse("labeller", rows, round(rows * read), 0)
    shown = sum(likely_tokens(one.input) + likely_tokens(one.output) for one in task.demonstrations)
    prompt = likely_tokens(task.instruction) + shown + read
    longest = max(likely_tokens(label) for label in task.labels) + 2 if task.labels else None
    answer = longest or _mean([_answer_tokens(task, row) for row in every])
    return TeacherUse("labeller", rows, round(rows * prompt), round(rows * answer))


def share_rows(sizes: Sequence[int], total: int) -> list[int]:
    """`total` rows over tests of these sizes: small tests whole, the rest in equal shares."""
    shares = [0] * len(sizes)
    left = total
    order = sorted(range(len(sizes)), key=lambda test: (sizes[test], test))
    for place, test in enumerate(order):
        shares[test] = min(sizes[test], left // (len(order) - place))
        left -= shares[test]
    return shares


def sample_rows(rows: Sequence[Example], count: int, rng: Random) -> list[Example]:
    """`count` rows drawn without replacement, in the order of the test.

    Of equal generators a smaller sample is a part of every larger one.
    """
    order = list(range(len(rows)))
    rng.shuffle(order)
    return [rows[number] for number in sorted(order[:count])]


def rows_for_teacher(test: TestSet, count: int, context: RunContext) -> list[Example]:
    """`count` rows of a test that the teacher answers: in every step of a run the same ones, or some of them."""
    return sample_rows(tuple(test.rows), count, context.rng("teacher rows", test.name))


def choose_samples(tests: Sequence[TestSet], plan: TeacherRows, context: RunContext) -> list[list[Example]]:
    """The teacher's rows of each test."""
    shares = share_rows([len(test.rows) for test in tests], plan.rows)
    return [rows_for_teacher(test, share, context) for test, share in zip(tests, shares, strict=True)]


def teacher_of(context: RunContext) -> ChatClient | None:
    """The teacher that answers test rows, None when the run has none."""
    return context.teachers.get("labeller") or context.teachers.get("teacher")


def _answer_tokens(task: TaskSpec, row: Example) -> int:
    closed = task.labels or row.choices
    if closed:
        return sum(likely_tokens(answer) + 1 for answer in closed)
    return min(_LONGEST_ANSWER, max(likely_tokens(answer) for answer in row.references) + 8)


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else float(_LONGEST_ANSWER)
