"""How many requests an endpoint gets at once and when it gets none, on a clock of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2model.teacher.gate import Gate, Pass
from prompt2model.teacher.throttle import RetryPolicy, TransientError
from prompt2model.teacher.window import Window

POLICY = RetryPolicy(attempts=3, breakdowns=3, first_rest=1.0, longest_wait=8.0)


def busy(retry_after: float | None = None) -> TransientError:
    return TransientError("rate_limited", "busy", retry_after=retry_after)


def down() -> TransientError:
    return TransientError("unavailable", "down")


def enter(gate: Gate, now: float) -> Pass:
    given = gate.enter(now)
    assert given is not None
    return given


def broken(now: float = 0.0) -> Gate:
    """A gate whose endpoint has just broken down often enough to be left alone."""
    gate = Gate(8, POLICY)
    for _ in range(POLICY.breakdowns):
        gate.leave(enter(gate, now), now, down())
    return gate


# The window


def test_a_window_opens_with_answers_quickly_until_the_first_congestion_and_then_by_one_a_window() -> None:
    window = Window(40)
    start = window.room
    for _ in range(12):
        window.widen()
    assert window.room == start + 12
    window.narrow(sent=1.0, now=2.0)
    before = window.size
    for _ in range(window.room):
        window.widen()
    assert before + 0.8 < window.size < before + 1.2


def test_a_row_of_refusals_halves_again_and_again_and_a_lone_one_costs_little() -> None:
    window = Window(8)
    for _ in range(40):
        window.widen()
    window.narrow(sent=1.0, now=1.5)
    assert 7.0 <= window.size < 8.0
    sizes = []
    for step in range(2, 22):
        window.narrow(sent=float(step), now=step + 0.5)
        sizes.append(window.size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] == 1.0
    for _ in range(100):
        window.widen()
    assert window.room == 8


def test_the_same_congestion_narrows_only_once() -> None:
    window = Window(8)
    for sent in (0.1, 0.2, 0.3, 0.4):
        window.narrow(sent=sent, now=1.0)
    once = window.size
    window.narrow(sent=0.9, now=1.2)
    assert window.size == once
    window.narrow(sent=1.1, now=1.3)
    assert window.size < once


@given(st.integers(1, 64), st.lists(st.booleans(), max_size=300))
def test_a_window_stays_between_one_and_the_most(most: int, answers: list[bool]) -> None:
    window = Window(most)
    for now, good in enumerate(answers):
        if good:
            window.widen()
        else:
            window.narrow(sent=now, now=now + 0.5)
        assert 1 <= window.room <= most


# The pause


def test_no_more_pass_than_the_window_has_room_for() -> None:
    gate = Gate(3, POLICY)
    passes = [enter(gate, 0.0) for _ in range(3)]
    assert gate.enter(0.0) is None
    gate.leave(passes[0], 1.0)
    assert enter(gate, 1.0)


def test_retry_after_holds_for_every_request_to_the_endpoint() -> None:
    gate = Gate(4, POLICY)
    first, second = enter(gate, 0.0), enter(gate, 0.0)
    gate.leave(first, 1.0, busy(retry_after=5.0))
    assert gate.enter(5.9) is None
    # An answer to an earlier request changes nothing about what was asked for.
    gate.leave(second, 2.0)
    assert gate.enter(5.9) is None
    assert gate.opens_at() == 6.0
    assert enter(gate, 6.0)


def test_without_retry_after_the_others_go_on() -> None:
    gate = Gate(4, POLICY)
    gate.leave(enter(gate, 0.0), 1.0, busy())
    assert enter(gate, 1.0)


# The breaker


def test_an_endpoint_that_breaks_down_in_a_row_is_left_alone_and_probed_by_one_request() -> None:
    gate = broken(now=10.0)
    assert gate.enter(10.9) is None
    probe = enter(gate, 11.0)
    assert probe.probe
    assert gate.enter(11.0) is None
    gate.leave(probe, 11.1)
    assert [enter(gate, 11.1).probe for _ in range(2)] == [False, False]


def test_breakdowns_with_answers_between_are_no_row() -> None:
    gate = Gate(8, POLICY)
    for _ in range(5):
        gate.leave(enter(gate, 0.0), 0.0, down())
        gate.leave(enter(gate, 0.0), 0.0, down())
        gate.leave(enter(gate, 0.0), 0.0)
    assert gate.enter(0.0)


def test_each_probe_that_fails_doubles_the_rest_until_the_endpoint_is_lost() -> None:
    gate, now, rests = broken(), 0.0, []
    while not gate.lost:
        rests.append(gate.opens_at() - now)
        now = gate.opens_at()
        gate.leave(enter(gate, now), now, down())
    assert rests == [1.0, 2.0, 4.0]
    gate.hope(now)
    assert not gate.lost
    gate.leave(enter(gate, now), now)
    assert not enter(gate, now).probe


def test_a_probe_that_is_told_to_wait_is_a_sign_of_life() -> None:
    gate = broken()
    gate.leave(enter(gate, 1.0), 1.0, busy())
    assert not enter(gate, 1.0).probe


def test_late_breakdowns_of_requests_sent_before_are_no_failed_probes() -> None:
    gate = Gate(8, POLICY)
    passes = [enter(gate, 0.0) for _ in range(8)]
    for one in passes:
        gate.leave(one, 0.5, down())
    assert gate.opens_at() == pytest.approx(1.5)
    assert not gate.lost


def test_a_pass_that_is_not_used_leaves_the_probe_to_others() -> None:
    gate = broken()
    gate.withdraw(enter(gate, 1.0))
    assert enter(gate, 1.0).probe
