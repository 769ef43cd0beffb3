"""What a reader of one layout found in a prompt."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from prompt2model.records import Demonstration


@dataclass(frozen=True, slots=True)
class Reading:
    """Demonstrations of one layout and the places they stand in.

    `spans` are the character ranges, in order, that belong to demonstrations, their headers and open slots: what is
    left of the prompt is its instruction. `strength` ranks layouts: 5 named like input and output, 4 one of both,
    3 regular but with unknown names, 2 and 1 by punctuation alone. `names` are the fields' names,
    where they have any.
    """

    layout: str
    pairs: tuple[Demonstration, ...]
    spans: tuple[tuple[int, int], ...]
    strength: int
    names: tuple[str, str] = ("", "")
    instruction: str = ""

    def covers(self, other: Reading) -> bool:
        """Whether everything that `other` read stands inside what this one read."""
        outer = sorted(self.spans)
        starts = [start for start, _ in outer]
        for start, end in other.spans:
            place = bisect_right(starts, start) - 1
            if place < 0 or end > outer[place][1]:
                return False
        return True


_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "‘": "’", "「": "」", "『": "』", "`": "`"}


def unquote_all(values: list[str]) -> list[str]:
    """The values without the quotation marks around them, where every one of them has the same."""
    for opening, closing in _QUOTES.items():
        if not values or not all(len(v) > 2 and v.startswith(opening) and v.endswith(closing) for v in values):
            continue
        # `"a" and "b"` begins and ends with a mark, too, without being one quotation.
        whole = sum(opening not in value[1:-1] and closing not in value[1:-1] for value in values)
        if 2 * whole > len(values):
            return [value[1:-1].strip() for value in values]
    return values


def make_pairs(inputs: list[str], outputs: list[str]) -> tuple[Demonstration, ...]:
    """Demonstrations of texts read in the same layout, quotation marks of the layout taken off."""
    pairs = zip(unquote_all(inputs), unquote_all(outputs), strict=True)
    return tuple(Demonstration(first, second) for first, second in pairs)


def find_quote_end(opening: str) -> str | None:
    """The mark that closes a quotation, or None when `opening` opens none."""
    return _QUOTES.get(opening)
