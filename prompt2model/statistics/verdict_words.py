"""A paired comparison in words."""

from __future__ import annotations

import math

from prompt2model.records import PairedComparison

_UNITS = {"accuracy": (100.0, " points"), "exact_match": (100.0, " points"), "chrf++": (1.0, " points of ChrF++")}
"""By metric: what a figure is multiplied by to be read, and the unit that it has then."""


def sentence(comparison: PairedComparison, one: str, other: str) -> str:
    """Whether `one` is better than `other`, by how much, and where that cannot be told, how many rows would tell.

    Without a capital or a full stop, so that it may stand inside another sentence.
    """
    (seen, interval), rows = _difference(comparison), f"{comparison.n:,} {'row' if comparison.n == 1 else 'rows'}"
    if comparison.verdict != "cannot_tell":
        return f"{one} is {comparison.verdict} than {other}: {seen} ({interval}) on the same {rows}"
    doubt = f"cannot tell with {rows} whether {one} is better than {other} ({seen}, {interval})"
    if comparison.more_rows is None:
        return doubt
    enough = f"about {_rounded_up(comparison.more_rows):,} rows would, if the difference is as large as it looks"
    return f"{doubt}; {enough}"


def _difference(comparison: PairedComparison) -> tuple[str, str]:
    """The difference with its unit, and its interval: "+4.2 points" and "1.0 to 7.4"."""
    if comparison.name not in _UNITS:
        return f"{comparison.difference:+z.3f}", f"{comparison.low:z.3f} to {comparison.high:z.3f}"
    factor, unit = _UNITS[comparison.name]
    seen, low, high = (factor * value for value in (comparison.difference, comparison.low, comparison.high))
    return f"{seen:+z.1f}{unit}", f"{low:z.1f} to {high:z.1f}"


def _rounded_up(rows: int) -> int:
    """Two leading digits: it is an estimate."""
    step = 10 ** max(math.floor(math.log10(rows)) - 1, 0)
    return math.ceil(rows / step) * step
