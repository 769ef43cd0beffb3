"""Cards that match the task: local folders and, where allowed, the hub, ranked together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.dataset_cards import DatasetCard, DatasetCatalogue, card_from_json
from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.config import DatasetRetrieverConfig
from prompt2model.dataset_retriever.fitting import content_words
from prompt2model.records import DatasetCandidate, TaskSpec

_HUB_WORDS = 6
_HUB_CATEGORIES = {"classification": "text-classification", "multiple_choice": "multiple-choice"}


@dataclass(frozen=True, slots=True)
class Found:
    """The best cards with their BM25 scores, all ids there are, and lines for the person."""

    cards: tuple[tuple[DatasetCard, float], ...]
    ids: tuple[str, ...]
    notes: tuple[str, ...]

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
    """The best `config.top` cards. Raises ConfigError for a missing folder, HubError when the hub does not answer."""
    # Ids that are named are looked up one by one; nothing has to be searched for them.
    searched = context.hub_allowed and not isinstance(config.datasets, tuple)
    hub_cards = _hub_cards(task, context) if searched else ()
    with DatasetCatalogue(_catalogue_file(config.data_dirs, hub_cards, context)) as catalogue:
        notes = list(catalogue.update_folders(config.data_dirs))
        catalogue.put(hub_cards)
        ranked = catalogue.search(query_of(task), len(catalogue) if config.use == "commercial" else config.top)
        ids = catalogue.ids()
    if config.use == "commercial":
        allowed = [(card, score) for card, score in ranked if allows_commercial_use(card.licence)]
        if len(allowed) < len(ranked):
            notes.append(
                f"{len(ranked) - len(allowed)} data sets are not offered: their licence forbids commercial use "
                "or is not known to allow it"
            )
        ranked = allowed
    return Found(tuple(ranked[: config.top]), ids, tuple(notes))


def _catalogue_file(folders: Sequence[Path], hub_cards: Sequence[DatasetCard], context: RunContext) -> Path:
    """One file per set of folders and hub cards: scores depend on all cards in it, so runs must not share more."""
    parts = [str(folder.resolve()) for folder in folders] + sorted(card.id for card in hub_cards)
    name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return context.cache_folder / "catalogue" / f"datasets-{name}.sqlite"


def _hub_cards(task: TaskSpec, context: RunContext) -> tuple[DatasetCard, ...]:
    """What the hub finds, asked once: a resumed run ranks the same cards."""
    # The leading dot marks a copy that is no part of the step's output.
    kept = context.folder / ".hub_cards.jsonl"
    if not kept.is_file():
        from prompt2model.catalogue.hub import search_datasets

        context.progress.say("Searching the hub for data sets")
        filters = [f"language:{task.language}"]
        if task.kind in _HUB_CATEGORIES:
            filters.append(f"task_categories:{_HUB_CATEGORIES[task.kind]}")
        cards = search_datasets(content_words(task.instruction)[:_HUB_WORDS], filters)
        lines = [json.dumps(asdict(card), ensure_ascii=False) for card in cards]
        write_atomically(kept, "".join(line + "\n" for line in lines))
    return tuple(card_from_json(line) for line in kept.read_text(encoding="utf-8").split("\n") if line)
