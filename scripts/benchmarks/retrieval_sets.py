"""The real cards and the queries with known answers that the benchmarks of retrieval measure on."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prompt2model.catalogue.card_text import first_sentences, languages_of, plain_text, split_card, text_list
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.model_cards import ModelCard

T = TypeVar("T")


@dataclass(frozen=True)
class Query:
    """A text and the ids that answer it."""

    text: str
    gold: tuple[str, ...]


def read(data: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a gzipped JSON lines file."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def halves(items: Sequence[T], key: Any) -> tuple[list[T], list[T]]:
    """(to choose on, to report on): the two halves in the order of the hash of each item's key."""
    ordered = sorted(items, key=lambda item: hashlib.sha256(key(item).encode()).hexdigest())
    return ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]


def described_datasets(data: Path) -> tuple[list[DatasetCard], list[Query]]:
    """DataFinder's descriptions as cards, and the queries whose gold is all among them, as full sentences."""
    cards: dict[str, DatasetCard] = {}
    for row in read(data, "retrieval/datafinder_documents"):
        # Some stand there twice.
        text = row["contents"]
        cards.setdefault(row["id"], DatasetCard(row["id"], "hub", row["id"], first_sentences(text), text))
    rows = read(data, "retrieval/datafinder_queries_200")
    gold = [(row["query"], tuple(dict.fromkeys(row["documents"]))) for row in rows]
    return list(cards.values()), [Query(text, ids) for text, ids in gold if ids and all(one in cards for one in ids)]


def hub_datasets(data: Path) -> list[DatasetCard]:
    """The hub's data-set cards of 2023."""
    cards = []
    for row in read(data, "hub/datasets"):
        front, body = split_card(row["card"] or "")
        text = plain_text(body)
        about = row["description"] or first_sentences(body)
        tags = tuple(tag for tag in row["tags"] or () if not tag.startswith(("region:", "license:")))
        title = row["id"].split("/")[-1].replace("_", " ")
        joined = text if about in text else f"{about} {text}".strip()
        cards.append(
            DatasetCard(
                row["id"], "hub", title, about, joined, None, languages_of(front), tags, downloads=row["downloads"]
            )
        )
    return cards


def known_sources(data: Path, ids: set[str]) -> tuple[list[Query], list[str]]:
    """Super-NI's definitions with the data set that each task was made from; and the sources without a card.

    A card answers when its id, or the last part of it, is the source's name (letters and digits compared).
    """
    by_name: dict[str, list[str]] = {}
    for one in sorted(ids):
        by_name.setdefault(_name(one.split("/")[-1]), []).append(one)
    queries, missing = [], []
    for path in sorted((data / "superni").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            task = json.loads(file.readline())["_task"]
        source = _KNOWN_AS.get(task["Source"][0], task["Source"][0])
        found = by_name.get(_name(source), [])
        if found:
            queries.append(Query(task["Definition"][0], tuple(found)))
        else:
            missing.append(source)
    return queries, missing


_KNOWN_AS = {
    "scan (https://github.com/brendenlake/SCAN)": "scan",
    "sentence_compression": "sent_comp",
    "mathmatics_dataset": "math_dataset",
    "lj_speec": "lj_speech",
    "wiki_auto_all_data": "wiki_auto",
    "e2e": "e2e_nlg",
    "multilingual_ted": "ted_multi",
    "qqp": "glue",
}
"""Sources that the hub has under another name."""


def _name(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def hub_models(data: Path) -> list[tuple[ModelCard, dict[str, Any]]]:
    """The hub's model cards of 2023 with their front matter. The crawl does not tell families."""
    cards = []
    for row in read(data, "hub/models"):
        front, body = split_card(row["description"] or "")
        tags = [*text_list(front.get("tags")), *text_list(front.get("datasets"))]
        card = ModelCard(
            id=row["pretrained_model_name"],
            family="encoder_decoder",
            bytes=int(row["size_bytes"]) or None,
            languages=languages_of(front),
            downloads=row["downloads"],
            description=" ".join(tags),
            text=plain_text(body),
            origin="hub",
        )
        cards.append((card, front))
    return cards
