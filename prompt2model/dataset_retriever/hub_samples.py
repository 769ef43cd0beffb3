"""The first rows of data sets on the hub, for the teacher's look at them: a card says little of what rows look like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.opening import likely_config
from prompt2model.errors import DataFileError, HubError

_ROWS = 3
_CELL = 100
# The leading dots mark copies that are no part of the step's output.
_FOLDER = ".first_rows"
_KEPT = ".first_rows.json"


def with_first_rows(cards: Sequence[DatasetCard], context: RunContext) -> list[DatasetCard]:
    """The cards, those of the hub with their columns and first rows.

    Gated data sets and those without a licence stay as they are, and so do those whose rows cannot be had. What was
    found is kept in the step's folder, so that a resumed run shows the teacher the same.
    """
    kept = context.folder / _KEPT
    if not kept.is_file():
        wanted = [card for card in cards if card.origin == "hub" and card.licence and not card.gated]
        looked = context.progress.track(wanted, "looking at first rows", len(wanted)) if wanted else ()
        write_atomically(kept, json.dumps({card.id: _first_rows(card, context) for card in looked}))
    found: dict[str, list[dict[str, str]]] = json.loads(kept.read_text(encoding="utf-8"))
    return [_with(card, found[card.id]) if found.get(card.id) else card for card in cards]


def _first_rows(card: DatasetCard, context: RunContext) -> list[dict[str, str]]:
    """The first rows of the training split, else of another; empty where the hub does not give them."""
    from prompt2model.catalogue.hub import config_names, fetch_rows

    folder = context.folder / _FOLDER
    folder.mkdir(exist_ok=True)
    try:
        names = list(config_names(card.id))
        splits = fetch_rows(card.id, likely_config(card, names), folder, _ROWS) if names else {}
        table = splits.get("train") or next(iter(splits.values()), None)
        return [dict(row) for row in table.sample(_ROWS)] if table is not None else []
    except (HubError, DataFileError):
        return []


def _with(card: DatasetCard, rows: Sequence[dict[str, str]]) -> DatasetCard:
    shown = ["; ".join(f"{name}: {value[:_CELL]}" for name, value in row.items()) for row in rows]
    return replace(card, columns=card.columns or tuple(rows[0]), sample=" / ".join(shown))
