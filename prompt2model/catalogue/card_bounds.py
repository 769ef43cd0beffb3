"""How much of a card is kept. A card is read by people; what is longer is data, or somebody's mistake."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar, cast

from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.model_cards import ModelCard

CardT = TypeVar("CardT", bound=DatasetCard | ModelCard)

_MOST_TEXT = 20_000
_MOST_LINE = 2_000
_MOST_WORD = 200
_MOST_ITEMS = 500
_MOST_ID = 300


def is_id(text: str) -> bool:
    """Whether a text can be the name of a card: not empty, of 300 characters at most, all of them visible."""
    return 0 < len(text.strip()) <= len(text) <= _MOST_ID and text.isprintable()


def bounded(card: CardT) -> tuple[CardT, bool]:
    """(the card as it is kept, whether anything was cut).

    No text is above 20,000 characters and no list above 500 entries. What is no character (half of a surrogate pair,
    which JSON can name) becomes a question mark, because it cannot be stored.
    """
    kept = _dataset(card) if isinstance(card, DatasetCard) else _model(card)
    return cast(CardT, kept), _length(card) > _length(kept)


def _length(card: DatasetCard | ModelCard) -> int:
    """Characters and entries."""
    values = (getattr(card, one.name) for one in fields(card))
    return sum(
        len(value) + (sum(map(len, value)) if isinstance(value, tuple) else 0)
        for value in values
        if isinstance(value, (str, tuple))
    )


def _dataset(card: DatasetCard) -> DatasetCard:
    return replace(
        card,
        title=_text(card.title, _MOST_LINE),
        description=_text(card.description, _MOST_LINE),
        text=_text(card.text, _MOST_TEXT),
        sample=_text(card.sample, _MOST_TEXT),
        tags=_items(card.tags),
        columns=_items(card.columns),
        languages=_items(card.languages),
        licence=None if card.licence is None else _text(card.licence, _MOST_WORD),
    )


def _model(card: ModelCard) -> ModelCard:
    return replace(
        card,
        description=_text(card.description, _MOST_TEXT),
        text=_text(card.text, _MOST_TEXT),
        languages=_items(card.languages),
        licence=None if card.licence is None else _text(card.licence, _MOST_WORD),
        facts_date=_text(card.facts_date, _MOST_WORD),
        facts_source=_text(card.facts_source, _MOST_WORD),
    )


def _text(text: str, most: int) -> str:
    return text[:most].encode("utf-8", "replace").decode("utf-8")


def _items(items: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_text(item, _MOST_WORD) for item in items[:_MOST_ITEMS])
