"""Data sets found for a description: DataFinder's full-sentence queries; Super-NI's definitions over the hub's cards.

Every variant is measured on one fixed half of the queries; the product's default is looked at on the other half.
`--only descriptions`, `hub` or `teacher` measures that part alone; the others' figures stay in the record.
"""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from record import Figure, Record, options
from retrieval_sets import Query, described_datasets, halves, hub_datasets, known_sources

from prompt2model.catalogue.card_vectors import card_vector_cache
from prompt2model.catalogue.dataset_cards import DatasetCard, DatasetCatalogue
from prompt2model.console import SilentProgress
from prompt2model.dataset_retriever import DatasetRetrieverConfig
from prompt2model.dataset_retriever.ranking import WEIGHTS, meaning_text, named_by_others, rank_cards
from prompt2model.teacher.client import Message, ScoreRequest, ScoreResponse
from prompt2model.teacher.embedded import EmbeddedClient
from prompt2model.text_index.score_fusion import FusionWeights, fused_scores
from prompt2model.text_index.vector_cache import VectorCache

KEYS = ("bm25_r5", "default_r5")
PARTS = ("descriptions", "hub", "teacher")
TEACHER_QUERIES = 20
TEACHER_CARDS = 5
_RRF = 60
"""The constant of reciprocal rank fusion (doi 10.1145/1571941.1572114)."""
_FEEDBACK = 3


@dataclass(frozen=True)
class Found:
    """What is known of the shortlist of one query: cards and their scores of each kind."""

    query: str
    cards: list[DatasetCard]
    bm25: np.ndarray
    dense: np.ndarray
    vectors: np.ndarray
    query_vector: np.ndarray
    mentions: np.ndarray


Scoring = Callable[[Found], np.ndarray]


def _fused(bm25: float, dense: float, prior: float) -> Scoring:
    weights = FusionWeights(bm25, dense, prior)
    return lambda one: fused_scores(weights, one.bm25, one.dense if dense else None, one.mentions)


def _reciprocal_ranks(one: Found) -> np.ndarray:
    return sum((1 / (_RRF + 1 + _places(scores)) for scores in (one.bm25, one.dense)), np.zeros(len(one.cards)))


def _span(one: Found) -> np.ndarray:
    """Both scaled to [0, 1] and added, the words at half the weight."""
    scaled = [(scores - scores.min()) / max(float(np.ptp(scores)), 1e-9) for scores in (one.bm25, one.dense)]
    return np.asarray(0.5 * scaled[0] + scaled[1])


def _feedback(one: Found) -> np.ndarray:
    """Rocchio: the query moved towards the mean of its first hits."""
    first = np.argsort(-one.dense, kind="stable")[:_FEEDBACK]
    return np.asarray(one.vectors @ (one.query_vector + 0.5 * one.vectors[first].mean(axis=0)))


VARIANTS: dict[str, Scoring] = {
    "bm25": lambda one: one.bm25,
    "dense": lambda one: one.dense,
    "rrf": _reciprocal_ranks,
    "min_max": _span,
    "dense_feedback": _feedback,
    "standardised_0.2": _fused(0.2, 1, 0),
    "standardised_0.5": _fused(0.5, 1, 0),
    "bm25_mentions_0.5": _fused(1, 0, 0.5),
    "bm25_mentions_1": _fused(1, 0, 1),
    "dense_mentions_0.8": _fused(0, 1, 0.8),
    "fused_0.1_0.8": _fused(0.1, 1, 0.8),
    "fused_0.2_0.5": _fused(0.2, 1, 0.5),
    "fused_0.2_0.8": _fused(0.2, 1, 0.8),
    "fused_0.2_1.1": _fused(0.2, 1, 1.1),
    "fused_0.4_0.8": _fused(0.4, 1, 0.8),
}
"""`fused_B_M`: the cosine weighs 1, BM25 B (both standardised), the logarithm of the mentions M."""


@dataclass(frozen=True)
class Measured:
    """Figures of each query."""

    precision: list[float]
    recall: list[float]
    average_precision: list[float]
    reciprocal_rank: list[float]

    def of(self) -> dict[str, list[float]]:
        """By the ending of the figure's key."""
        return {
            "p5": self.precision, "r5": self.recall, "map": self.average_precision, "mrr": self.reciprocal_rank,
        }  # fmt: skip


class Collection:
    """Cards in the product's index, and queries that are asked of them as the product does."""

    def __init__(self, cards: Sequence[DatasetCard], cache: VectorCache, shortlist: int) -> None:
        self.cards, self._cache, self._shortlist = cards, cache, shortlist
        self._catalogue = DatasetCatalogue(None)
        self._catalogue.put(cards)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of texts, from the cache."""
        return self._cache.vectors(texts, SilentProgress())

    def hits(self, query: str) -> list[tuple[DatasetCard, float]]:
        """The shortlist by words."""
        return self._catalogue.search(query, self._shortlist)

    def found(self, query: str) -> Found:
        """The shortlist with every score."""
        hits = self.hits(query)
        cards = [card for card, _ in hits]
        vectors = self.vectors([query, *map(meaning_text, cards)])
        bm25 = np.array([score for _, score in hits])
        return Found(query, cards, bm25, vectors[1:] @ vectors[0], vectors[1:], vectors[0], named_by_others(cards))

    def default(self, query: str, ranking: str = "") -> list[str]:
        """Ids as the product ranks them."""
        how = ranking or DatasetRetrieverConfig().ranking
        return [card.id for card, _ in rank_cards(query, self.hits(query), how, self.vectors)]  # type: ignore[arg-type]


def measure(rankings: Sequence[Sequence[str]], queries: Sequence[Query]) -> Measured:
    """Precision and recall of the first five; average precision and first rank among all that were ranked."""
    measured = Measured([], [], [], [])
    for ids, query in zip(rankings, queries, strict=True):
        places = [place for place, one in enumerate(ids) if one in query.gold]
        first = sum(place < 5 for place in places)
        measured.precision.append(first / 5)
        measured.recall.append(first / len(query.gold))
        measured.average_precision.append(
            sum((n + 1) / (place + 1) for n, place in enumerate(places)) / len(query.gold)
        )
        measured.reciprocal_rank.append(1 / (places[0] + 1) if places else 0.0)
    return measured


def bootstrap(values: Sequence[float], note: str) -> Figure:
    """The mean with a 95 % percentile interval over 10,000 resamplings of the queries."""
    drawn = np.random.default_rng(0).choice(np.array(values), (10_000, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Figure(statistics.fmean(values), len(values), float(low), float(high), note=note)


def add(record: Record, name: str, measured: Measured, note: str) -> None:
    """The four figures of a variant."""
    for ending, values in measured.of().items():
        record.add(f"{name}_{ending}", bootstrap(values, note))


def ranked(found: Sequence[Found], scoring: Scoring) -> list[list[str]]:
    """Ids of each shortlist, best first."""
    return [[one.cards[place].id for place in np.argsort(-scoring(one), kind="stable")] for one in found]


def _places(scores: np.ndarray) -> np.ndarray:
    places = np.empty(len(scores))
    places[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return places


def descriptions(record: Record, data: Path, cache: VectorCache, quick: bool) -> None:
    """DataFinder: every variant on the one half; words, meaning and the default on the other."""
    cards, queries = described_datasets(data)
    choosing, reported = halves(queries, lambda query: query.text)
    if quick:
        gold = {one for query in (*choosing[:3], *reported[:3]) for one in query.gold}
        cards = [card for number, card in enumerate(cards) if card.id in gold or number % 30 == 0]
        choosing, reported = choosing[:3], reported[:3]
    collection = Collection(cards, cache, DatasetRetrieverConfig().shortlist)
    found = [collection.found(query.text) for query in choosing]
    for name, scoring in VARIANTS.items():
        add(record, f"choosing_{name}", measure(ranked(found, scoring), choosing), "half to choose on")
    for name in ("bm25", "dense", "default"):
        rankings = [collection.default(query.text, "" if name == "default" else name) for query in reported]
        add(record, name, measure(rankings, reported), "reported half")


def hub(record: Record, data: Path, cache: VectorCache, quick: bool) -> None:
    """Super-NI's definitions over the hub's cards, with the data set that a task was made from as gold."""
    cards = hub_datasets(data)
    if quick:
        cards = cards[::20]
    queries, missing = known_sources(data, {card.id for card in cards})
    collection = Collection(cards, cache, DatasetRetrieverConfig().shortlist)
    note = f"{len(queries)} definitions whose source has a card; {len(missing)} have none; {len(cards)} cards"
    for name in ("bm25", "dense", "default"):
        rankings = [collection.default(query.text, "" if name == "default" else name) for query in queries]
        add(record, f"hub_{name}", measure(rankings, queries), note)


def teacher(record: Record, data: Path, cache: VectorCache, quick: bool) -> None:
    """The embedded teacher sorts the default's head by the log-probability of "yes" against "no"."""
    cards, queries = described_datasets(data)
    choosing, _ = halves(queries, lambda query: query.text)
    asked = choosing[: 2 if quick else TEACHER_QUERIES]
    collection = Collection(cards, cache, DatasetRetrieverConfig().shortlist)
    by_id = {card.id: card for card in cards}
    before = [collection.default(query.text)[:TEACHER_CARDS] for query in asked]
    requests = {
        (row, one): _yes_or_no(query.text, by_id[one]) for row, query in enumerate(asked) for one in before[row]
    }
    scores = {request: _yes(answer.log_probabilities) for request, answer in _scored(list(requests.values()))}
    after = []
    for row, ids in enumerate(before):
        preferred = {one: scores[requests[row, one]] for one in ids}
        after.append(sorted(ids, key=preferred.__getitem__, reverse=True))
    note = f"first {TEACHER_CARDS} of the default, half to choose on"
    for name, rankings in (("teacher_before", before), ("teacher_after", after)):
        add(record, name, measure(rankings, asked), note)


def _scored(requests: Sequence[ScoreRequest]) -> Iterator[tuple[ScoreRequest, ScoreResponse]]:
    return EmbeddedClient().score_many(requests)


def _yes(log_probabilities: Sequence[float]) -> float:
    return log_probabilities[0] - log_probabilities[1] if len(log_probabilities) == 2 else 0.0


def _yes_or_no(query: str, card: DatasetCard) -> ScoreRequest:
    about = " ".join((card.text or card.description).split())[:300]
    text = (
        f"Research: {query}\nData set {card.title}: {about}\nIs this data set used in this research? Answer yes or no."
    )
    return ScoreRequest((Message("user", text),), ("yes", "no"), "rerank data sets")


def main() -> None:
    """Measure the parts and write the record."""
    parser = options(__doc__ or "")
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    arguments = parser.parse_args()
    random.seed(0)
    record = Record("dataset_retrieval", arguments, partial=bool(arguments.only))
    record.extra["notes"] = [
        "159 of DataFinder's 200 queries have all their gold in the collection; they are divided by the hash of the "
        "query. Duplicate ids in the collection count once.",
        f"The product's default is BM25 {WEIGHTS.bm25:g}, cosine {WEIGHTS.dense:g}, mentions {WEIGHTS.prior:g}.",
        "Mentions: the logarithm of how many other cards of the shortlist name a data set. They favour well-known "
        "data sets, which is what papers use, and what DataFinder's gold is.",
    ]
    with tempfile.TemporaryDirectory() as temporary:
        work = arguments.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        cache = card_vector_cache(work / "card_vectors.sqlite")
        for part, run in zip(PARTS, (descriptions, hub, teacher), strict=True):
            if arguments.only in (None, part):
                run(record, arguments.data, cache, arguments.quick)
    record.finish(KEYS)


if __name__ == "__main__":
    main()
