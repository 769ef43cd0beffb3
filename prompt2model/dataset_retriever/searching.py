"""Cards that match the task: local folders and, where allowed, the hub, ranked together.

A shortlist by words first; that is ranked (`ranking`), and its head is shown to the teacher (`reranking`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prompt2model.catalogue.card_vectors import card_vectors
from prompt2model.catalogue.dataset_cards import DatasetCard, DatasetCatalogue
from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.config import DatasetRetrieverConfig
from prompt2model.dataset_retriever.hub_cards import cards_of_the_hub
from prompt2model.dataset_retriever.hub_samples import with_first_rows
from prompt2model.dataset_retriever.ranking import Vectors, rank_cards
from prompt2model.dataset_retriever.reranking import is_wanted, rerank
from prompt2model.dataset_retriever.well_known import without_the_hub
from prompt2model.errors import HubError, WeightsError
from prompt2model.records import DatasetCandidate, TaskSpec
from prompt2model.text_index.score_fusion import Ranking


@dataclass(frozen=True, slots=True)
class Found:
    """The best cards with their scores, all ids there are, and lines for the person.

    `refused` are the ids of cards that the teacher was shown and held for useless.
    """

    cards: tuple[tuple[DatasetCard, float], ...]
    ids: tuple[str, ...]
    notes: tuple[str, ...]
    refused: frozenset[str] = frozenset()

    def candidates(self) -> tuple[DatasetCandidate, ...]:
        """What is offered, as records."""
        return tuple(
            DatasetCandidate(
                id=card.id,
                origin=card.origin,
                title=card.title,
                description=card.description,
                licence=card.licence,
                rows=card.rows,
                bytes=card.bytes,
                score=round(score, 4),
                languages=card.languages,
            )
            for card, score in self.cards
        )


def query_of(task: TaskSpec) -> str:
    """The task as a search text: instruction, labels with their notes, demonstrations."""
    labels = [f"{label} {task.label_notes.get(label, '')}" for label in task.labels]
    demonstrations = [f"{demo.input[:500]} {demo.output[:200]}" for demo in task.demonstrations[:20]]
    return " ".join((task.instruction, *labels, *demonstrations))


def find_datasets(task: TaskSpec, config: DatasetRetrieverConfig, context: RunContext) -> Found:
    """The best `config.top` cards.

    Where the hub does not answer, a note says so and what ships as facts on data sets. Raises ConfigError for a missing
    folder, WeightsError when a dense ranking is asked for and the encoder is not installed.
    """
    notes: list[str] = []
    # Ids that are named are looked up one by one; nothing has to be searched for them.
    searched = context.hub_allowed and not isinstance(config.datasets, tuple)
    hub_cards = _of_the_hub(task, config, context, notes) if searched else ()
    with DatasetCatalogue(_catalogue_file(config.data_dirs, hub_cards, context)) as catalogue:
        notes += catalogue.update_folders(config.data_dirs)
        catalogue.put(hub_cards)
        shortlist = _shortlist(catalogue, task, config, notes)
        ids = catalogue.ids()
    ranking, vectors = _means(config, context, notes)
    found = Found(tuple(rank_cards(query_of(task), shortlist, ranking, vectors)[: config.top]), ids, tuple(notes))
    return _reranked(found, task, config, context) if will_rerank(config, context) and len(found.cards) > 1 else found


def _of_the_hub(
    task: TaskSpec, config: DatasetRetrieverConfig, context: RunContext, notes: list[str]
) -> tuple[DatasetCard, ...]:
    try:
        return cards_of_the_hub(task, query_of(task), config.shortlist, context)
    except HubError as error:
        notes.append(without_the_hub(task, config.use, error))
        return ()


def will_rerank(config: DatasetRetrieverConfig, context: RunContext) -> bool:
    """Whether a search ends with the teacher's look at its head. Raises TeacherError where that is wanted of nobody."""
    if isinstance(config.datasets, tuple):
        return False
    # A person's own folders are few and all of them are tried; looking at them by itself would only cost.
    if config.rerank == "auto" and not (context.teachers and context.hub_allowed):
        return False
    return is_wanted(config.rerank, context.teacher("retriever"))


def _shortlist(
    catalogue: DatasetCatalogue, task: TaskSpec, config: DatasetRetrieverConfig, notes: list[str]
) -> list[tuple[DatasetCard, float]]:
    """The best by words with their scores. In a small catalogue also the cards without a common word, at 0."""
    small = len(catalogue) <= config.shortlist
    wide = small or config.use == "commercial"
    size = config.top if config.ranking == "bm25" else max(config.shortlist, config.top)
    ranked = catalogue.search(query_of(task), len(catalogue) if wide else size)
    if small and config.ranking != "bm25":
        hit = {card.id for card, _ in ranked}
        others = (catalogue.card(one) for one in catalogue.ids() if one not in hit)
        ranked += [(card, 0.0) for card in others if card is not None]
    if config.use == "commercial":
        allowed = [(card, score) for card, score in ranked if allows_commercial_use(card.licence)]
        if len(allowed) < len(ranked):
            notes.append(
                f"{len(ranked) - len(allowed)} data sets are not offered: their licence forbids commercial use "
                "or is not known to allow it"
            )
        ranked = allowed
    return ranked[:size]


def _means(config: DatasetRetrieverConfig, context: RunContext, notes: list[str]) -> tuple[Ranking, Vectors | None]:
    """The ranking and the vectors that it needs; words and mentions alone where the encoder is not installed."""
    if config.ranking == "bm25":
        return "bm25", None
    try:
        return config.ranking, card_vectors(context, config.encoder)
    except WeightsError as error:
        if config.ranking == "dense" or config.encoder:
            raise
        notes.append(f"data sets are ranked by words and mentions, not by meaning: {error}")
        return "fused", None


def _reranked(found: Found, task: TaskSpec, config: DatasetRetrieverConfig, context: RunContext) -> Found:
    """The teacher's order of the head; below it, what it did not see."""
    head, rest = found.cards[: config.rerank_top], found.cards[config.rerank_top :]
    shown = with_first_rows([card for card, _ in head], context)
    judged = rerank(task, shown, config.rerank_orders, context)
    scores = {card.id: score for card, score in head}
    if not judged.votes:
        line = "the teacher's replies on the data sets cannot be used; they stand as the search found them"
    elif len(judged.refused) == len(head):
        line = f"the teacher finds that none of the first {len(head)} data sets does the task"
    else:
        line = (
            f"the teacher finds that {len(head) - len(judged.refused)} of the first {len(head)} data sets do the task"
        )
    cards = tuple((card, scores[card.id]) for card in judged.cards)
    return Found((*cards, *rest), found.ids, (*found.notes, line), judged.refused)


def _catalogue_file(folders: Sequence[Path], hub_cards: Sequence[DatasetCard], context: RunContext) -> Path:
    """One file per set of folders and hub cards: scores depend on all cards in it, so runs must not share more."""
    parts = [str(folder.resolve()) for folder in folders] + sorted(card.id for card in hub_cards)
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return context.cache_folder / "catalogue" / f"datasets-{name}.sqlite"
