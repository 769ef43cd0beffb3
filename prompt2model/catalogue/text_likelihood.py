"""How likely a text is among the values of a column: a character trigram model and the spread of lengths."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence

_VALUES, _CHARACTERS = 120, 200
"""What a model is made of: enough to tell languages, code, titles and moods apart, and quick for any table."""
_EDGE = "\x02\x03"
_PRIOR = 4.0
_LEAST_SPREAD = 0.35
_UNSEEN = 1e-4


class TextModel:
    """The values of one column as a distribution over texts."""

    def __init__(self, values: Sequence[str]) -> None:
        self._threes: Counter[str] = Counter()
        self._twos: Counter[str] = Counter()
        self._ones: Counter[str] = Counter()
        used = values[:_VALUES]
        for value in used:
            text = f"{_EDGE}{value[:_CHARACTERS]}{_EDGE[0]}"
            self._threes.update(text[at : at + 3] for at in range(len(text) - 2))
            self._twos.update(text[at : at + 2] for at in range(len(text) - 2))
            self._ones.update(text[2:])
        self._total = max(self._ones.total(), 1)
        lengths = [math.log(len(value) + 1) for value in used] or [0.0]
        self._length = statistics.fmean(lengths)
        self._spread = max(statistics.pstdev(lengths), _LEAST_SPREAD)

    def characters(self, text: str) -> float:
        """Mean log-probability of a character of the text, in nats."""
        padded = f"{_EDGE}{text[:_CHARACTERS]}{_EDGE[0]}"
        logs = [math.log(self._probability(padded, at)) for at in range(2, len(padded))]
        return statistics.fmean(logs)

    def length(self, text: str) -> float:
        """Log-density of the text's length (log-normal), at least -8."""
        away = (math.log(len(text) + 1) - self._length) / self._spread
        return max(-0.5 * away * away - math.log(self._spread), -8.0)

    def _probability(self, text: str, at: int) -> float:
        one = (self._ones[text[at]] + _UNSEEN) / (self._total + 1)
        two = text[at - 2 : at]
        return (self._threes[text[at - 2 : at + 1]] + _PRIOR * one) / (self._twos[two] + _PRIOR)
