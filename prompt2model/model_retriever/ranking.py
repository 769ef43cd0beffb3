"""BM25 of a hypothetical model card against all cards, weighted by popularity.

HyDE (arXiv 2212.10496) as Prompt2Model uses it (arXiv 2308.12261): score = BM25 · log10(downloads + 2).
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Sequence

from prompt2model.catalogue.model_cards import ModelCard

_WORD = re.compile(r"[^\W_]+")
_SAYS_NOTHING = frozenset(
    "about across also among been being between both does each every from have into just like made make many model "
    "models more most much must only other over same should some such than that their them then there these they this "
    "those through under used uses using very well were what when where which while will with within without would "
    "your".split()
)
"""Words of four letters and more that would be no reason for a model."""


def rank(query: str, cards: Sequence[ModelCard], candidates: Sequence[ModelCard]) -> list[tuple[ModelCard, float]]:
    """The candidates with their scores, best first; ties in the order of their ids.

    Word weights come from all `cards`, because a handful of candidates says nothing about how rare a word is.
    Unknown downloads count like the median of the known ones, so that a card is not punished for what was not crawled.
    """
    from rank_bm25 import BM25Okapi

    corpus = [words(card.searchable_text()) for card in cards]
    scores = BM25Okapi(corpus).get_scores(words(query))
    by_id = {card.id: float(score) for card, score in zip(cards, scores, strict=True)}
    usual = statistics.median([card.downloads for card in cards if card.downloads is not None] or [0])
    scored = [
        (card, by_id[card.id] * math.log10((usual if card.downloads is None else card.downloads) + 2))
        for card in candidates
    ]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].id))


def shared_words(query: str, card: ModelCard, most: int = 4) -> list[str]:
    """The longest words that the query and the card share: a reason that a person can check."""
    common = set(words(query)) & set(words(f"{card.description} {card.text}"))
    telling = (word for word in common if len(word) > 3 and word not in _SAYS_NOTHING)
    return sorted(telling, key=lambda word: (-len(word), word))[:most]


def words(text: str) -> list[str]:
    """Lower-cased words."""
    return _WORD.findall(text.casefold())
