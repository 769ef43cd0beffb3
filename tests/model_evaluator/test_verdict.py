"""Ship, ship with a fallback, or not yet: by the interval, never by the figure alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from evaluation_cases import closed_rows, gold

from prompt2model.model_evaluator.verdict import Evidence, decide
from prompt2model.records import (
    Ceilings,
    Comparison,
    Metric,
    RouterLine,
    Routing,
    Slice,
    StudentAnalysis,
    TaskSpec,
    TestSet,
)
from prompt2model.statistics.pairs import compare_counts


def evidence(task: TaskSpec, right: float = 0.85, rows: int = 200, **parts: Any) -> Evidence:
    metric = Metric("accuracy", right, right - 0.05, right + 0.05, rows, "wilson")
    test = parts.pop("test", gold(closed_rows(rows)))
    line = Comparison("student", "student", test.name, test.origin, rows, (metric,), 0, 0, 0, {}, "p.jsonl")
    pairs = parts.pop("pairs", {"teacher": compare_counts("accuracy", 14, 10, 200)})
    analysis, ceilings = parts.pop("analysis", StudentAnalysis()), parts.pop("ceilings", Ceilings())
    return Evidence(task, test, line, pairs, analysis, ceilings)


def share(name: str, value: float, n: int) -> Metric:
    return Metric(name, value, value - 0.05, min(1.0, value + 0.05), n, "wilson")


def test_as_good_as_the_teacher_is_shipped(task: TaskSpec) -> None:
    verdict = decide(evidence(task), margin=0.05, wanted=None)
    assert verdict.decision == "ship"
    assert "no more than 5 points behind" in verdict.sentence


def test_what_cannot_be_told_is_not_shipped(task: TaskSpec) -> None:
    few = evidence(task, rows=20, pairs={"teacher": compare_counts("accuracy", 3, 2, 20)})
    verdict = decide(few, margin=0.03, wanted=None)
    assert verdict.decision == "not_yet"
    assert any(step.startswith("More test rows") for step in verdict.next_steps)


def test_a_worse_student_is_shipped_in_part_where_it_is_sure(task: TaskSpec) -> None:
    lines = (RouterLine(0.9, share("coverage", 0.6, 200), share("accuracy", 0.97, 120), share("accuracy", 0.95, 120)),)
    worse = {"teacher": compare_counts("accuracy", 5, 40, 200)}
    routed = evidence(task, pairs=worse, analysis=StudentAnalysis(routing=Routing(0.9, lines)))
    verdict = decide(routed, margin=0.03, wanted=None)
    assert verdict.decision == "ship_with_fallback"
    assert "below confidence 0.9" in verdict.sentence
    assert "60.0 %" in verdict.sentence
    little = replace(lines[0], coverage=share("coverage", 0.2, 200))
    rarely = evidence(task, pairs=worse, analysis=StudentAnalysis(routing=Routing(0.9, (little,))))
    assert decide(rarely, margin=0.03, wanted=None).decision == "not_yet"
    assert any("--bake-off" in step for step in decide(rarely, margin=0.03, wanted=None).next_steps)


def test_a_generated_test_ships_nothing(task: TaskSpec) -> None:
    made = TestSet("generated rows", "synthetic", closed_rows(200))
    verdict = decide(evidence(task, test=made), margin=0.5, wanted=0.1)
    assert verdict.decision == "not_yet"
    assert "--examples" in verdict.next_steps[0]


@pytest.mark.parametrize(("wanted", "decision"), [(0.75, "ship"), (0.85, "not_yet"), (0.95, "not_yet")])
def test_a_wanted_figure_decides_by_the_whole_interval(task: TaskSpec, wanted: float, decision: str) -> None:
    assert decide(evidence(task, pairs={}), margin=0.03, wanted=wanted).decision == decision


def test_without_a_teacher_and_a_wanted_figure_it_says_what_is_missing(task: TaskSpec) -> None:
    verdict = decide(evidence(task, pairs={}), margin=0.03, wanted=None)
    assert verdict.decision == "not_yet"
    assert "evaluate.wanted" in verdict.sentence


def test_a_plain_way_that_does_as_well_is_named(task: TaskSpec) -> None:
    pairs = {"teacher": compare_counts("accuracy", 14, 10, 200), "tfidf": compare_counts("accuracy", 9, 8, 200)}
    verdict = decide(evidence(task, pairs=pairs), margin=0.05, wanted=None)
    assert any("--base-model tfidf" in reason for reason in verdict.reasons)


def test_weak_parts_and_doubtful_labels_are_the_next_steps(task: TaskSpec) -> None:
    weak = Slice("label", "delivery", Metric("accuracy", 0.5, 0.4, 0.6, 60, "wilson"))
    found = evidence(task, analysis=StudentAnalysis(slices=(weak,)), ceilings=Ceilings(suspects=("1",) * 12, asked=200))
    steps = decide(found, margin=0.05, wanted=None).next_steps
    assert any("label delivery" in step for step in steps)
    assert any("12 test rows" in step for step in steps)


def test_text_is_judged_on_its_own_scale(writing_task: TaskSpec) -> None:
    metric = Metric("chrf++", 60.0, 57.0, 63.0, 200)
    test = gold(closed_rows(200))
    line = Comparison("student", "student", test.name, "gold", 200, (metric,), 0, 0, 0, {}, "p.jsonl")
    found = Evidence(writing_task, test, line, {}, StudentAnalysis(), Ceilings())
    assert decide(found, margin=0.03, wanted=0.55).decision == "ship"
    assert decide(found, margin=0.03, wanted=0.58).decision == "not_yet"
