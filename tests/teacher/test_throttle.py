"""The retry policy, on a clock of its own."""

from __future__ import annotations

import random

from prompt2model.teacher.throttle import Attempts, RetryPolicy, TransientError


def busy(retry_after: float | None = None) -> TransientError:
    return TransientError("rate_limited", "busy", retry_after=retry_after)


def down() -> TransientError:
    return TransientError("unavailable", "down")


def waits(policy: RetryPolicy, *errors: TransientError) -> list[float]:
    """What is waited after each error, on a clock that passes only in waits; shorter than `errors` when given up."""
    attempts, now, seconds = Attempts(policy, 0.0, random.Random(0)), 0.0, []
    for error in errors:
        wait = attempts.wait_after(error, now)
        if wait is None:
            break
        seconds.append(wait)
        now += wait
    return seconds


def test_waits_grow_and_stay_within_the_longest() -> None:
    seconds = waits(RetryPolicy(first_wait=1.0, longest_wait=10.0, patience=1000.0), *[busy() for _ in range(8)])
    ceilings = [1, 2, 4, 8, 10, 10, 10, 10]
    assert all(ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(seconds, ceilings, strict=True))


def test_retry_after_is_waited_out_and_hardly_more() -> None:
    first, second = waits(RetryPolicy(), busy(retry_after=7.0), busy(retry_after=0.0))
    assert 7.0 <= first <= 7.5
    assert second == 0.0


def test_breakdowns_are_tried_as_often_as_allowed_and_being_told_to_wait_does_not_count() -> None:
    policy = RetryPolicy(attempts=3, patience=1000.0)
    assert len(waits(policy, busy(), busy(), busy(), down(), down(), busy())) == 6
    assert len(waits(policy, down(), busy(), down(), busy(), down(), down())) == 4


def test_patience_ends_all_and_no_wait_is_begun_that_passes_it() -> None:
    policy = RetryPolicy(patience=20.0)
    assert 0 < sum(waits(policy, *[busy(retry_after=6.0) for _ in range(100)])) <= 20.0
    assert waits(policy, busy(retry_after=3600.0)) == []
