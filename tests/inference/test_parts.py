"""Rows of similar size are read together: every row once, never too many, and for less than any simple way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.inference.parts import PASS_TOKENS, parts_of_similar_size


def _cost(sizes: list[int], parts: list[range]) -> int:
    return sum(len(part) * sizes[part[-1]] + PASS_TOKENS for part in parts)


@given(st.lists(st.integers(1, 300), max_size=60).map(sorted), st.integers(1, 1000))
def test_parts_cut_the_rows_and_stay_small(sizes: list[int], most: int) -> None:
    parts = parts_of_similar_size(sizes, most)
    assert [place for part in parts for place in part] == list(range(len(sizes)))
    assert all(len(part) == 1 or len(part) * sizes[part[-1]] <= most for part in parts)
    assert _cost(sizes, parts) <= _cost(sizes, [range(place, place + 1) for place in range(len(sizes))])
    if sizes and len(sizes) * sizes[-1] <= most:
        assert _cost(sizes, parts) <= _cost(sizes, [range(len(sizes))])


def test_a_long_row_does_not_lengthen_short_ones() -> None:
    assert parts_of_similar_size([10] * 20 + [200, 210], 1000) == [range(20), range(20, 22)]
    assert parts_of_similar_size([10, 11, 12, 13], 1000) == [range(4)]
