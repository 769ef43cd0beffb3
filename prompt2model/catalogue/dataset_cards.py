"""Cards of data sets in one searchable SQLite file. The file holds copies only and is safe to delete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from prompt2model.text_index.bm25 import Bm25Index, Document

# A word in the title or the tags says more about a data set than one in its rows.
DATASET_FIELDS = {"title": 3.0, "tags": 2.0, "body": 1.5, "rows": 1.0}


@dataclass(frozen=True, slots=True)
class CardConfig:
    """One configuration of a data set: its splits, each a list of files relative to the data set's folder.

    `label_names`: by column, the names that the card gives to label ids.
    """

    name: str
    splits: dict[str, tuple[str, ...]]
    label_names: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What is known of a data set before it is read. Unknown is None.

    `rows` and `bytes` count all splits. `text` is the card's own text, `sample` the text of some first rows: both are
    there to be searched. `folder` is set for local data sets; `configs` is empty where only the hub knows them.
    `facts_date` and `facts_source` say of what day starter facts are and whence.
    """

    id: str
    origin: Literal["local", "hub", "starter"]
    title: str
    description: str = ""
    text: str = ""
    licence: str | None = None
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    rows: int | None = None
    bytes: int | None = None
    gated: bool | None = None
    downloads: int | None = None
    columns: tuple[str, ...] = ()
    sample: str = ""
    folder: str | None = None
    configs: tuple[CardConfig, ...] = ()
    facts_date: str = ""
    facts_source: str = ""

    def document(self, stamp: str = "") -> Document:
        """The card as the index keeps it."""
        name = f"{self.title} {self.id.replace('/', ' ').replace('_', ' ').replace('-', ' ')}"
        tags = " ".join((*self.tags, *self.columns)).replace("-", " ").replace("_", " ")
        body = self.text if self.text else self.description
        return Document(self.id, (name, tags, body, self.sample), stamp, json.dumps(asdict(self), ensure_ascii=False))


def card_from_json(text: str) -> DatasetCard:
    """The card that `document` wrote. Raises ValueError, KeyError or TypeError when it is none."""
    content: dict[str, Any] = json.loads(text)
    for name in ("languages", "tags", "columns"):
        content[name] = tuple(content[name])
    content["configs"] = tuple(
        CardConfig(config["name"], _tuples(config["splits"]), _tuples(config.get("label_names", {})))
        for config in content["configs"]
    )
    return DatasetCard(**content)


def _tuples(lists: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in lists.items()}


class DatasetCatalogue:
    """Cards of local folders and of the hub, searched together."""

    def __init__(self, path: Path | None) -> None:
        self._index = Bm25Index(path, DATASET_FIELDS)

    def close(self) -> None:
        """Let go of the file."""
        self._index.close()

    def __enter__(self) -> DatasetCatalogue:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._index)

    def update_folders(self, folders: Sequence[Path]) -> tuple[str, ...]:
        """Make the local cards those of `folders`: new and changed data sets are read, those gone are forgotten.

        Returns one line per data set that cannot be used. Raises ConfigError when a folder is missing.
        """
        from prompt2model.catalogue.local_folders import find_local, read_card, stamp_of, unreadable

        found = find_local(folders)
        stamps = {one.id: stamp_of(one) for one in found}
        known = self._index.stamps()
        self._index.remove(key for key, stamp in known.items() if stamp.startswith("local ") and key not in stamps)
        problems, documents = list(unreadable(folders)), []
        for one in found:
            if known.get(one.id) == stamps[one.id]:
                continue
            card, problem = read_card(one)
            if problem:
                problems.append(problem)
            if card is None:
                self._index.remove([one.id])
            # A card with a problem gets no stamp, so that it is looked at again next time.
            else:
                documents.append(card.document("local again" if problem else stamps[one.id]))
        self._index.put(documents)
        return tuple(problems)

    def put(self, cards: Iterable[DatasetCard]) -> None:
        """Add cards of the hub; a local card with the same id stays."""
        known = self._index.stamps()
        self._index.put(card.document("hub") for card in cards if not known.get(card.id, "").startswith("local "))

    def search(self, query: str, limit: int) -> list[tuple[DatasetCard, float]]:
        """(card, BM25 score) of the best `limit` cards, best first."""
        found = []
        for hit in self._index.search(query, limit):
            card = self.card(hit.key)
            if card is not None:
                found.append((card, hit.score))
        return found

    def card(self, id: str) -> DatasetCard | None:
        """The card with this id; None when there is none."""
        payload = self._index.payload(id)
        return card_from_json(payload) if payload else None

    def ids(self) -> tuple[str, ...]:
        """All ids, sorted."""
        return tuple(self._index.stamps())
