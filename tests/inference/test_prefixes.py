"""Grouping by shared beginnings loses no prompt and never shares what is not equal."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.inference.prefixes import MIN_SHARED, KeptPrefixes, group_by_prefix

FEW_SHOT_A, FEW_SHOT_B = list(range(100, 300)), list(range(400, 600))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([[], FEW_SHOT_A, FEW_SHOT_B, FEW_SHOT_A[:90]]), st.lists(st.integers(0, 3), min_size=1)
        ),
        min_size=1,
        max_size=12,
    ),
    st.integers(2, 4),
)
def test_every_prompt_is_in_one_group_and_shares_its_prefix(parts: list, min_members: int) -> None:
    prompts = [[*head, *tail] for head, tail in parts]
    groups = group_by_prefix(prompts, min_members)
    assert sorted(index for group in groups for index in group.members) == list(range(len(prompts)))
    for group in groups:
        beginnings = {tuple(prompts[index][: group.length]) for index in group.members}
        assert len(beginnings) == 1
        assert all(len(prompts[index]) > group.length for index in group.members)


def test_two_few_shot_prompts_become_two_groups() -> None:
    prompts = [[1, 2, *head, tail] for tail in range(6) for head in (FEW_SHOT_A, FEW_SHOT_B)]
    groups = group_by_prefix(prompts)
    assert sorted((group.length, len(group.members)) for group in groups) == [(202, 6), (202, 6)]


def test_short_beginnings_are_not_shared() -> None:
    (group,) = group_by_prefix([[1] * (MIN_SHARED - 1) + [2], [1] * (MIN_SHARED - 1) + [3]])
    assert group.length == 0
    assert group_by_prefix([]) == []


def test_beginnings_are_kept_until_others_need_the_room() -> None:
    read: list[int] = []

    def length(tokens: Sequence[int]) -> int:
        read.append(len(tokens))
        return len(tokens)

    kept = KeptPrefixes(length, room=10)
    assert [kept.get(range(size)) for size in (4, 5, 4, 5)] == [4, 5, 4, 5]
    assert read == [4, 5]
    kept.get(range(6))  # 4 + 6 would fit, but 4 was used before 5
    kept.get(range(6))
    assert read == [4, 5, 6]
    kept.get(range(4))
    assert read == [4, 5, 6, 4]
    kept.get(range(11))  # more than there is room for
    kept.get(range(11))
    assert read == [4, 5, 6, 4, 11, 11]
