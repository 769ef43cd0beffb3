"""Cards of the hub's data sets: from the file of cards that a person crawled, else from the hub itself.

The hub's own search knows words of ids and titles only. So the facts that ship name further data sets; what is said of
them there is used to find them, and everything else about them is asked of the hub.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.dataset_cards import DatasetCard, card_from_json
from prompt2model.catalogue.kept_cards import kept_datasets
from prompt2model.catalogue.starter_datasets import search_starter_datasets, starter_datasets
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.fitting import content_words, speaks
from prompt2model.errors import HubError
from prompt2model.records import TaskSpec

_WORDS = 6
_CATEGORIES = {"classification": "text-classification", "multiple_choice": "multiple-choice"}
# The leading dot marks a copy that is no part of the step's output.
_KEPT = ".hub_cards.jsonl"
_SHIPPED = 25
"""How many of the data sets that ship as facts are looked up on the hub, and how many of them at once."""
_AT_ONCE = 8


def cards_of_the_hub(task: TaskSpec, query: str, most: int, context: RunContext) -> tuple[DatasetCard, ...]:
    """At most `most` cards of a file of cards; or what the hub's own search finds and what ships as facts.

    All facts of such a card, its licence above all, are the hub's; the words that ship are added to be searched.
    Kept in the step's folder, so that a resumed run ranks the same cards. Raises HubError; CardFileError for a file
    that cannot be read.
    """
    kept = context.folder / _KEPT
    if not kept.is_file():
        found = kept_datasets(query, most, context)
        cards = _from_the_hub(task, query, context) if found is None else found
        lines = [json.dumps(asdict(card), ensure_ascii=False) for card in cards]
        write_atomically(kept, "".join(line + "\n" for line in lines))
    return tuple(card_from_json(line) for line in kept.read_text(encoding="utf-8").split("\n") if line)


def _from_the_hub(task: TaskSpec, query: str, context: RunContext) -> tuple[DatasetCard, ...]:
    from prompt2model.catalogue.hub import search_datasets

    context.progress.say("Searching the hub for data sets")
    filters = [f"language:{task.language}"]
    if task.kind in _CATEGORIES:
        filters.append(f"task_categories:{_CATEGORIES[task.kind]}")
    found = {card.id: card for card in search_datasets(content_words(task.instruction)[:_WORDS], filters)}
    shipped = [card for card in search_starter_datasets(query, _SHIPPED) if speaks(card, task.language)]
    for card in _looked_up([card.id for card in shipped if card.id not in found], context):
        found.setdefault(card.id, card)
    words = {card.id: card.description for card in starter_datasets()}
    return tuple(replace(card, text=f"{words.get(card.id, '')} {card.text}".strip()) for card in found.values())


def _looked_up(ids: Sequence[str], context: RunContext) -> list[DatasetCard]:
    """The cards of the ids that the hub shows, in that order; of the others one line is said."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(_card_or_error, ids))
    errors = [answer for answer in answers if isinstance(answer, HubError)]
    if errors:
        context.progress.say(f"  {len(errors)} of {len(ids)} well-known data sets are left out: {errors[0]}")
    return [answer for answer in answers if isinstance(answer, DatasetCard)]


def _card_or_error(id: str) -> DatasetCard | HubError:
    from prompt2model.catalogue.hub import dataset_card

    try:
        return dataset_card(id)
    except HubError as error:
        return error
