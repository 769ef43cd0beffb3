"""Cards of base models in order of how well they match a query: by words, by meaning, or by both.

Prompt2Model's (arXiv 2308.12261) is `bm25` with popularity: score = BM25 · log10(downloads + 2), the query being a
hypothetical card (HyDE, arXiv 2212.10496). What is the default: scripts/benchmarks/model_retrieval.py.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.text_index.score_fusion import FusionWeights, Ranking, fused_scores, standardised

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = FusionWeights(bm25=1.0, dense=0.5, prior=0.0)
"""Popularity is in the score by words already."""
Vectors = Callable[[Sequence[str]], "np.ndarray"]
"""Texts → unit vectors, float32 [n, size]."""
_DESCRIPTION = 200
_TEXT = 300
_WORD = re.compile(r"[^\W_]+")
_SAYS_NOTHING = frozenset(
    "about across also among been being between both does each every from have into just like made make many model "
    "models more most much must only other over same should some such than that their them then there these they this "
    "those through under used uses using very well were what when where which while will with within without would "
    "your".split()
)
"""Words of four letters and more that would be no reason for a model."""


@dataclass(frozen=True, slots=True)
class ModelScoring:
    """How cards are scored: plainly by words unless said otherwise."""

    ranking: Ranking = "bm25"
    popularity: bool = False
    shortlist: int = 50


class ModelRanking:
    """Scores of queries against the same cards.

    Word weights come from all `cards`, because a handful of candidates says nothing about how rare a word is.
    """

    def __init__(self, cards: Sequence[ModelCard]) -> None:
        from rank_bm25 import BM25Okapi

        bm25 = BM25Okapi([words(card.searchable_text()) for card in cards])
        self._by_words = lru_cache(maxsize=64)(lambda query: bm25.get_scores(words(query)))
        self._place = {card.id: place for place, card in enumerate(cards)}
        # Unknown downloads count like the median of the known ones: no card is punished for what was not crawled.
        self._usual = statistics.median([card.downloads for card in cards if card.downloads is not None] or [0])

    def rank(
        self, query: str, candidates: Sequence[ModelCard], how: ModelScoring, vectors: Vectors | None = None
    ) -> list[tuple[ModelCard, float]]:
        """The candidates with their scores, best first; ties in the order of their ids.

        `dense` and `fused` score by meaning the best `how.shortlist` by words; those below keep the order of words.
        Raises ValueError where they have no `vectors`.
        """
        bm25 = self._by_words(query)
        scores = {card.id: float(bm25[self._place[card.id]]) for card in candidates}
        if how.popularity:
            scores = {card.id: scores[card.id] * self.popularity(card) for card in candidates}
        ranked = sorted(((card, scores[card.id]) for card in candidates), key=_best_first)
        if how.ranking == "bm25" or len(ranked) < 2:
            return ranked
        if vectors is None:
            raise ValueError(f"a {how.ranking} ranking needs vectors")
        head, rest = ranked[: how.shortlist], ranked[how.shortlist :]
        return [*self._by_meaning(query, head, how, vectors), *((card, 0.0) for card, _ in rest)]

    def _by_meaning(
        self, query: str, head: Sequence[tuple[ModelCard, float]], how: ModelScoring, vectors: Vectors
    ) -> list[tuple[ModelCard, float]]:
        import numpy as np

        cards = [card for card, _ in head]
        found = vectors([query, *map(meaning_text, cards)])
        dense = found[1:] @ found[0]
        if how.ranking == "dense":
            scores = standardised(dense)
            if how.popularity:
                scores = scores + standardised(np.array([self.popularity(card) for card in cards]))
        else:
            scores = fused_scores(WEIGHTS, np.array([score for _, score in head]), dense)
        # Above those that were not scored by meaning.
        lift = 1.0 - float(scores.min())
        return sorted(((card, float(score) + lift) for card, score in zip(cards, scores, strict=True)), key=_best_first)

    def popularity(self, card: ModelCard) -> float:
        """log10(downloads + 2)."""
        return math.log10((self._usual if card.downloads is None else card.downloads) + 2)


def meaning_text(card: ModelCard) -> str:
    """What the encoder reads of a card: its name and how its description and its text begin."""
    name = " ".join(_WORD.findall(card.id.split("/")[-1]))
    return f"{name}. {card.description[:_DESCRIPTION]}. {card.text[:_TEXT]}"


def _best_first(pair: tuple[ModelCard, float]) -> tuple[float, str]:
    return -pair[1], pair[0].id


def shared_words(query: str, card: ModelCard, most: int = 4) -> list[str]:
    """The longest words that the query and the card share: a reason that a person can check."""
    common = set(words(query)) & set(words(f"{card.description} {card.text}"))
    telling = (word for word in common if len(word) > 3 and word not in _SAYS_NOTHING)
    return sorted(telling, key=lambda word: (-len(word), word))[:most]


def words(text: str) -> list[str]:
    """Lower-cased words."""
    return _WORD.findall(text.casefold())
