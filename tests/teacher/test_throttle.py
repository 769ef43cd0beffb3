"""The retry policy, on a clock of its own."""

from __future__ import annotations

import threading

import pytest

from prompt2model.teacher.throttle import RetryPolicy, TransientError


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def busy(retry_after: float | None = None) -> TransientError:
    return TransientError("rate_limited", "busy", retry_after=retry_after)


def down() -> TransientError:
    return TransientError("unavailable", "down")


class Script:
    """An attempt that fails in these ways, one after another, and then works."""

    def __init__(self, *errors: TransientError) -> None:
        self.errors = list(errors)
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def make(clock: Clock, **policy: float) -> Throttle:
    return Throttle(RetryPolicy(**policy), sleep=clock.sleep, clock=clock)  # type: ignore[arg-type]


def test_waits_grow_and_stay_within_the_longest() -> None:
    clock = Clock()
    script = Script(*[busy() for _ in range(8)])
    assert make(clock, first_wait=1.0, longest_wait=10.0, patience=1000.0).call(script) == "done"
    ceilings = [1, 2, 4, 8, 10, 10, 10, 10]
    assert all(ceiling / 2 <= wait <= ceiling for wait, ceiling in zip(clock.sleeps, ceilings, strict=True))


def test_retry_after_is_waited_out_and_hardly_more() -> None:
    clock = Clock()
    assert make(clock).call(Script(busy(retry_after=7.0), busy(retry_after=0.0))) == "done"
    assert 7.0 <= clock.sleeps[0] <= 7.5
    assert clock.sleeps[1] == 0.0


def test_breakdowns_are_tried_as_often_as_allowed_and_being_told_to_wait_does_not_count() -> None:
    clock = Clock()
    script = Script(busy(), busy(), busy(), down(), down())
    assert make(clock, attempts=3, patience=1000.0).call(script) == "done"
    script = Script(down(), busy(), down(), busy(), down(), down())
    with pytest.raises(TransientError, match="down"):
        make(clock, attempts=3, patience=1000.0).call(script)
    assert script.attempts == 5


def test_patience_ends_all_and_no_wait_is_begun_that_passes_it() -> None:
    clock = Clock()
    with pytest.raises(TransientError, match="busy"):
        make(clock, patience=20.0).call(Script(*[busy(retry_after=6.0) for _ in range(100)]))
    assert clock.now <= 20.0
    clock = Clock()
    with pytest.raises(TransientError):
        make(clock, patience=20.0).call(Script(busy(retry_after=3600.0)))
    assert clock.now == 0.0


def test_every_failure_is_told_and_other_errors_pass_through() -> None:
    seen: list[str] = []
    make(Clock()).call(Script(busy(), down()), on_failure=lambda error: seen.append(error.kind))
    assert seen == ["rate_limited", "unavailable"]

    def broken() -> str:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        make(Clock()).call(broken)


def test_nothing_is_tried_again_when_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    script = Script(down(), down())
    with pytest.raises(TransientError):
        make(Clock()).call(script, stop=stop)
    assert script.attempts == 1


def test_a_wait_ends_when_told_to_stop() -> None:
    stop = threading.Event()
    script = Script(*[busy(retry_after=60.0) for _ in range(3)])
    threading.Timer(0.05, stop.set).start()
    with pytest.raises(TransientError):
        Throttle().call(script, stop=stop)
    assert script.attempts == 2
