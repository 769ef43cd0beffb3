"""Which requests share the beginning of their prompts, so that it is computed once, and kept for the next call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

MIN_SHARED = 16
"""Tokens below which a shared beginning is not worth a forward pass of its own."""
MIN_GAIN = 64
"""Tokens by which a smaller group's shared beginning must be longer to be computed apart."""
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class PrefixGroup:
    """Requests (by index, ascending) whose first `length` tokens are the same; length 0: nothing is shared."""

    length: int
    members: tuple[int, ...]

    def shared_before(self, index: int) -> int:
        """Tokens that a member need not read, because the first one has."""
        return self.length if index != self.members[0] else 0


def group_by_prefix(
    prompts: Sequence[Sequence[int]], min_members: int = 2, min_gain: int = MIN_GAIN
) -> list[PrefixGroup]:
    """Split prompts (token ids, none empty) into groups with long shared beginnings of at least `min_members` each.

    At least one token of each prompt stays outside the shared beginning. Every prompt is in exactly one group.
    """
    return _split(prompts, tuple(range(len(prompts))), min_members, min_gain) if prompts else []


def _split(
    prompts: Sequence[Sequence[int]], members: tuple[int, ...], min_members: int, min_gain: int
) -> list[PrefixGroup]:
    shared = _common_length([prompts[index] for index in members])
    by_next: defaultdict[int, list[int]] = defaultdict(list)
    for index in members:
        by_next[prompts[index][shared]].append(index)
    groups, rest = [], []
    for branch in by_next.values():
        deeper = _common_length([prompts[index] for index in branch])
        if len(by_next) > 1 and len(branch) >= min_members and deeper - shared >= min_gain:
            groups += _split(prompts, tuple(branch), min_members, min_gain)
        else:
            rest += branch
    if rest:
        usable = shared if len(rest) > 1 and shared >= MIN_SHARED else 0
        groups.append(PrefixGroup(usable, tuple(sorted(rest))))
    return groups


def _common_length(prompts: Sequence[Sequence[int]]) -> int:
    """Length of the longest common beginning that leaves every prompt at least one token.

    The smallest and the largest prompt in lexicographic order share exactly what all share.
    """
    ordered = [list(prompt) for prompt in prompts]
    low, high = min(ordered), max(ordered)
    limit = min(len(prompt) for prompt in prompts) - 1
    for position in range(limit):
        if low[position] != high[position]:
            return position
    return limit


class KeptPrefixes(Generic[Read]):
    """What was read of shared beginnings, for the next call: the last used ones, `room` tokens in all.

    Safe to use from several threads.
    """

    def __init__(self, read: Callable[[Sequence[int]], Read], room: int) -> None:
        self._read, self._room = read, room
        self._kept: dict[tuple[int, ...], Read] = {}
        self._lock = Lock()

    def get(self, tokens: Sequence[int]) -> Read:
        """The beginning, read now or before."""
        key = tuple(tokens)
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            found = self._read(key)
        with self._lock:
            self._kept[key] = found
            while sum(map(len, self._kept)) > self._room:
                del self._kept[next(iter(self._kept))]
        return found
