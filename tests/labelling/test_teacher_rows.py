"""Which rows the teacher answers: in every step the same ones, or some of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from prompt2model.component import RunContext
from prompt2model.labelling.teacher_rows import rows_for_teacher
from prompt2model.records import Source, TestSet, make_example

ROWS = tuple(make_example(f"input {n}", ("answer",), Source("gold", dataset="gold.csv", row=n)) for n in range(300))


def test_a_smaller_sample_is_a_part_of_a_larger_one(make_context: Callable[..., RunContext]) -> None:
    test, context = TestSet("gold", "gold", ROWS), make_context()
    samples = [rows_for_teacher(test, count, context) for count in (5, 50, 200, 300, 400)]
    assert [len(sample) for sample in samples] == [5, 50, 200, 300, 300]
    ids = [{row.id for row in sample} for sample in samples]
    assert all(smaller <= larger for smaller, larger in itertools.pairwise(ids))
    numbers = [row.source.row for row in samples[1]]
    assert numbers == sorted(numbers), "in the order of the test"
    assert max(numbers) > 200, "from all of the test"


def test_the_seed_and_the_tests_name_draw_other_rows(make_context: Callable[..., RunContext]) -> None:
    drawn = [
        tuple(rows_for_teacher(TestSet(name, "gold", ROWS), 50, make_context(seed=seed)))
        for name, seed in (("gold", 0), ("gold", 1), ("other", 0), ("gold", 0))
    ]
    assert drawn[0] == drawn[3]
    assert len(set(drawn)) == 3
