"""The best documents for some terms, by BM25 (Robertson and Zaragoza, doi 10.1561/1500000019).

k1 = 1.2, b = 0.75, and a term in more than half of the documents is worth next to nothing, as in SQLite's FTS5.
The terms of frequent words are pruned as in MaxScore (Turtle and Flood, 1995, doi 10.1016/0306-4573(95)00020-H): rare
terms first; as soon as the terms left could not bring a new document among the best, they are looked up only for the
documents that still can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from prompt2model.text_index.postings import Postings, Segment

K1, B = 1.2, 0.75
_WORTH_PRUNING = 4096
"""Documents of a segment below which it costs more to choose what to read than to read everything."""
_LEAST_WEIGHT = 1e-6
_LEAST_SCORE = 1e-12
"""Below what one occurrence of the lightest term scores."""
_SLACK = 1 - 1e-5
"""Sums in float32 may be off by so much."""


@dataclass(frozen=True, slots=True)
class _Term:
    """`weight`: the inverse document frequency. `left`: the most that this term and all after it can add."""

    term: str
    weight: float
    documents: int
    left: float


def best_matches(
    postings: Postings, terms: Sequence[str], limit: int, exact: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """(numbers int64 [m], scores float32 [m]): the best `limit` documents with any of the terms, in no order.

    More than `limit` where the last ones are equally good. With `exact` every list is read whole; without, the same
    documents are found with the same scores.
    """
    count, length = postings.totals()
    found = _Best(limit)
    ordered = _ordered(postings.frequencies(terms), count)
    for segment in postings.segments() if ordered else ():
        whole = exact or len(segment.numbers) < _WORTH_PRUNING
        _Scoring(postings, segment, length / count, ordered, found).run(whole)
    return found.numbers, found.scores


def best_matches_each(
    postings: Postings, shared: Sequence[str], endings: Sequence[Sequence[str]], limit: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What `best_matches` finds for the shared terms together with those of each ending, in the endings' order.

    The lists of the shared terms are read and added up once for all endings.
    """
    count, length = postings.totals()
    found = [_Best(limit) for _ in endings]
    known = set(shared)
    own = [[term for term in dict.fromkeys(ending) if term not in known] for ending in endings]
    frequencies = postings.frequencies({*shared, *(term for ending in own for term in ending)})

    def weighed(terms: Sequence[str]) -> list[_Term]:
        return _ordered({term: frequencies[term] for term in terms if term in frequencies}, count)

    first, rest = weighed(shared), [weighed(ending) for ending in own]
    for segment in postings.segments() if frequencies else ():
        scoring = _Scoring(postings, segment, length / count, first, _Best(limit))
        scoring.add(first)
        for terms, best in zip(rest, found, strict=True):
            scoring.keep_with(terms, best)
    return [(best.numbers, best.scores) for best in found]


def _ordered(frequencies: dict[str, int], count: int) -> list[_Term]:
    """The terms, the rarest first."""
    rarest = sorted(frequencies.items(), key=lambda one: (one[1], one[0]))
    weights = [max(_LEAST_WEIGHT, math.log((count - n + 0.5) / (n + 0.5))) for _, n in rarest]
    left = list(accumulate(weight * (K1 + 1) for weight in reversed(weights)))[::-1]
    return [_Term(term, weight, n, rest) for (term, n), weight, rest in zip(rarest, weights, left, strict=True)]


class _Best:
    """The best documents so far."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.numbers, self.scores = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        self.bar = 0.0

    def add(self, numbers: np.ndarray, scores: np.ndarray) -> None:
        self.numbers, self.scores = np.concatenate([self.numbers, numbers]), np.concatenate([self.scores, scores])
        self.raise_bar(self.scores)
        kept = self.scores >= self.bar
        self.numbers, self.scores = self.numbers[kept], self.scores[kept]

    def raise_bar(self, scores: np.ndarray) -> None:
        """No document below the `limit`-th of these scores is wanted."""
        if len(scores) >= self.limit:
            self.bar = max(self.bar, float(np.partition(scores, -self.limit)[-self.limit]))


class _Scoring:
    """The scores of one segment's documents."""

    def __init__(
        self, postings: Postings, segment: Segment, mean_length: float, terms: Sequence[_Term], best: _Best
    ) -> None:
        self._postings, self._segment, self._terms, self._best = postings, segment, terms, best
        self._scores = np.zeros(len(segment.numbers), dtype=np.float32)
        self._damping = (K1 * (1 - B + B * segment.lengths / mean_length)).astype(np.float32)
        # Removed documents score nothing.
        self._damping[segment.dead] = np.inf

    def run(self, whole: bool) -> None:
        """Add what is found to the best; with `whole`, from every list as a whole."""
        for at, term in enumerate(self._terms):
            if not whole and self._is_enough(term):
                self._look_up(self._terms[at:])
                return
            self.add([term])
        self._keep(np.flatnonzero(self._scores))

    def add(self, terms: Sequence[_Term]) -> None:
        """Add what these terms score, from their whole lists."""
        for term in terms:
            places, scores = self._read(term)
            self._scores[places] += scores

    def keep_with(self, terms: Sequence[_Term], best: _Best) -> None:
        """Add to `best` what is best when these terms are added too; the scores here stay as they are."""
        before = self._scores
        self._scores, self._best = before.copy(), best
        self.add(terms)
        best.raise_bar(self._scores)
        self._keep(np.flatnonzero(self._scores >= max(best.bar, _LEAST_SCORE)))
        self._scores = before

    def _is_enough(self, term: _Term) -> bool:
        """Whether a document that none of the terms before this one found is out of question."""
        best, scores = self._best, self._scores
        if best.bar <= term.left < scores.max(initial=0):
            best.raise_bar(scores[scores > term.left])
        return term.left < best.bar * _SLACK

    def _look_up(self, terms: Sequence[_Term]) -> None:
        """Add these terms where it can matter."""
        scores, best = self._scores, self._best
        candidates = np.flatnonzero(scores)
        for term in terms:
            candidates = candidates[scores[candidates] + term.left >= best.bar * _SLACK]
            if not len(candidates):
                break
            places, added = self._read(term, candidates)
            scores[places] += added
            if term.left > best.bar / 16:
                best.raise_bar(scores[candidates])
        self._keep(candidates)

    def _read(self, term: _Term, only: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(places, what the term adds there), among `only` if given."""
        places, frequencies = self._postings.read(self._segment, term.term)
        if only is not None and len(places):
            at = np.minimum(np.searchsorted(places, only.astype(places.dtype)), len(places) - 1)
            at = at[places[at] == only]
            places, frequencies = places[at], frequencies[at]
        weighted = frequencies.astype(np.float32)
        return places, weighted * np.float32(term.weight * (K1 + 1)) / (weighted + self._damping[places])

    def _keep(self, places: np.ndarray) -> None:
        scores = self._scores[places]
        good = (scores > 0) & (scores >= self._best.bar)
        self._best.add(self._segment.numbers[places[good]], scores[good])
