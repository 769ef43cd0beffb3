"""Searching the cards that a person crawled, in place of the hub's own search."""

from __future__ import annotations

from collections.abc import Callable

from prompt2model.catalogue.card_file import CardFile, Cards, CardT, default_card_file
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.component import RunContext


def kept_datasets(query: str, most: int, context: RunContext) -> tuple[DatasetCard, ...] | None:
    """The best `most` cards of data sets, best first; None where none are kept. Raises CardFileError."""
    return _search(lambda file: file.datasets, "data sets", query, most, context)


def kept_models(query: str, most: int, context: RunContext) -> tuple[ModelCard, ...] | None:
    """The best `most` cards of models, best first; None where none are kept. Raises CardFileError."""
    return _search(lambda file: file.models, "models", query, most, context)


def _search(
    part: Callable[[CardFile], Cards[CardT]], of: str, query: str, most: int, context: RunContext
) -> tuple[CardT, ...] | None:
    place = default_card_file(context.cache_folder)
    if not place.is_file():
        return None
    with CardFile(place) as file:
        for note in file.notes:
            context.progress.say(f"  {note}")
        cards = part(file)
        if not len(cards):
            return None
        context.progress.say(f"Searching {len(cards):,} cards of {of} in {place}")
        return tuple(card for card, _ in cards.search(query, most))
