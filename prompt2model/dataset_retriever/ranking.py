"""Data-set cards in order of how well they match: by words, by meaning, and by how many other cards name them.

The reference ranks by a bi-encoder alone (Prompt2Model, arXiv 2308.12261, with DataFinder's, arXiv 2305.16636).
The weights were chosen on one half of DataFinder's queries (scripts/benchmarks/dataset_retrieval.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.text_index.mentions import mention_counts
from prompt2model.text_index.score_fusion import FusionWeights, Ranking, fused_scores

if TYPE_CHECKING:
    import numpy as np

WEIGHTS = FusionWeights(bm25=0.1, dense=1.0, prior=0.8)
"""The prior is the logarithm of how many of the candidates name a data set."""
_MEANING_CHARACTERS = 2000

Vectors = Callable[[Sequence[str]], "np.ndarray"]
"""Texts → unit vectors, float32 [n, size], wherever they come from."""


def rank_cards(
    query: str, candidates: Sequence[tuple[DatasetCard, float]], ranking: Ranking, vectors: Vectors | None
) -> list[tuple[DatasetCard, float]]:
    """The candidates with new scores, best first, equals in the order given.

    `candidates` carry their BM25 scores, 0 where a card shares no word with the query. Without `vectors`, `fused` goes
    by words and mentions; `dense` raises ValueError.
    """
    import numpy as np

    if ranking == "bm25" or not candidates:
        return list(candidates)
    cards = [card for card, _ in candidates]
    dense = None if vectors is None else similarities(query, cards, vectors)
    if ranking == "dense":
        if dense is None:
            raise ValueError("a dense ranking needs vectors")
        scores = dense
    else:
        bm25 = np.array([score for _, score in candidates])
        scores = fused_scores(WEIGHTS, bm25, dense, named_by_others(cards))
    order = np.argsort(-scores, kind="stable")
    return [(cards[place], float(scores[place])) for place in order]


def similarities(query: str, cards: Sequence[DatasetCard], vectors: Vectors) -> np.ndarray:
    """float32 [n]: the cosine of the query and each card."""
    found = vectors([query, *map(meaning_text, cards)])
    return found[1:] @ found[0]


def named_by_others(cards: Sequence[DatasetCard]) -> np.ndarray:
    """float64 [n]: log(1 + the number of the other cards that name a data set)."""
    import numpy as np

    counts = mention_counts(
        [card.id.split("/")[-1] for card in cards], [card.text or card.description for card in cards]
    )
    return np.log1p(np.array(counts, dtype=np.float64))


def meaning_text(card: DatasetCard) -> str:
    """What the encoder reads of a card: its own text, of which it sees the beginning."""
    return (card.text or card.description or card.title)[:_MEANING_CHARACTERS]
