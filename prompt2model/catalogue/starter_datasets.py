"""Facts on well-known data sets that ship with the package, so that a first search needs no network.

Bare facts, each with its date and its source; what was not known stays unknown. The rows themselves are on the hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from prompt2model.catalogue.dataset_cards import DatasetCard, DatasetCatalogue
from prompt2model.errors import DataFileError

STARTER_DATASETS_FILE = Path(__file__).with_name("starter_datasets.jsonl")

_LISTS = ("languages", "tags", "columns")
_TEXTS = ("id", "description", "facts_date", "facts_source")
_FIELDS = {*_LISTS, *_TEXTS, "licence", "rows"}


@lru_cache(maxsize=1)
def starter_datasets() -> tuple[DatasetCard, ...]:
    """The cards that ship with the package. Raises DataFileError when the file is damaged."""
    return read_dataset_facts(STARTER_DATASETS_FILE)


def search_starter_datasets(query: str, most: int) -> tuple[DatasetCard, ...]:
    """The best `most` cards that hold any word of the query, best first. Takes a fifth of a second, no file."""
    with DatasetCatalogue(None) as catalogue:
        catalogue.put(starter_datasets())
        return tuple(card for card, _ in catalogue.search(query, most))


def read_dataset_facts(path: Path) -> tuple[DatasetCard, ...]:
    """Facts on data sets from JSON lines. Raises DataFileError with the line that holds none."""
    cards: dict[str, DatasetCard] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: the facts on data sets cannot be read ({error})") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                card = _card(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise DataFileError(f"{path}: line {number} holds no facts on a data set ({error})") from error
            if card.id in cards:
                raise DataFileError(f"{path}: line {number} names {card.id} a second time")
            cards[card.id] = card
    return tuple(cards.values())


def _card(facts: Mapping[str, Any]) -> DatasetCard:
    if unknown := sorted(set(facts) - _FIELDS):
        raise ValueError(f"unknown field {unknown[0]}")
    for name in _TEXTS:
        if not isinstance(facts[name], str) or not facts[name].strip():
            raise ValueError(f"{name} is no text")
    return DatasetCard(
        id=facts["id"],
        origin="starter",
        title=facts["id"].rpartition("/")[2].replace("_", " ").replace("-", " "),
        description=facts["description"],
        licence=facts.get("licence"),
        rows=facts.get("rows"),
        facts_date=facts["facts_date"],
        facts_source=facts["facts_source"],
        languages=tuple(facts.get("languages") or ()),
        tags=tuple(facts.get("tags") or ()),
        columns=tuple(facts.get("columns") or ()),
    )
