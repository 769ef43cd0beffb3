"""Cards of the hub's data sets: from the file of cards that a person crawled, else from a search on the hub."""

from __future__ import annotations

import json
from dataclasses import asdict

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.card_file import CardFile, default_card_file
from prompt2model.catalogue.dataset_cards import DatasetCard, card_from_json
from prompt2model.component import RunContext
from prompt2model.dataset_retriever.fitting import content_words
from prompt2model.records import TaskSpec

_WORDS = 6
_CATEGORIES = {"classification": "text-classification", "multiple_choice": "multiple-choice"}
# The leading dot marks a copy that is no part of the step's output.
_KEPT = ".hub_cards.jsonl"


def cards_of_the_hub(task: TaskSpec, query: str, most: int, context: RunContext) -> tuple[DatasetCard, ...]:
    """At most `most` cards of a file of cards, or what the hub's own search finds.

    Kept in the step's folder, so that a resumed run ranks the same cards. Raises HubError; CardFileError for a file
    that cannot be read.
    """
    kept = context.folder / _KEPT
    if not kept.is_file():
        place = default_card_file(context.cache_folder)
        if place.is_file():
            with CardFile.open(place) as file:
                for note in file.notes:
                    context.progress.say(note)
                context.progress.say(f"Searching {len(file.datasets):,} cards of data sets in {place}")
                cards = tuple(card for card, _ in file.datasets.search(query, most))
        else:
            cards = _from_the_hub(task, context)
        lines = [json.dumps(asdict(card), ensure_ascii=False) for card in cards]
        write_atomically(kept, "".join(line + "\n" for line in lines))
    return tuple(card_from_json(line) for line in kept.read_text(encoding="utf-8").split("\n") if line)


def _from_the_hub(task: TaskSpec, context: RunContext) -> tuple[DatasetCard, ...]:
    from prompt2model.catalogue.hub import search_datasets

    context.progress.say("Searching the hub for data sets")
    filters = [f"language:{task.language}"]
    if task.kind in _CATEGORIES:
        filters.append(f"task_categories:{_CATEGORIES[task.kind]}")
    return search_datasets(content_words(task.instruction)[:_WORDS], filters)
