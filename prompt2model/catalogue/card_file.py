"""Cards of data sets and models in one SQLite file: what was crawled from the hub or imported, and how far it came.

Beside the cards lie their words (`text_index/bm25.py`) and the embeddings of those that were shortlisted once
(`card_vectors.py`). The file holds copies only and is safe to delete. Readers go on while another process writes.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args

from prompt2model.catalogue.dataset_cards import DATASET_FIELDS, DatasetCard, card_from_json
from prompt2model.catalogue.model_cards import MODEL_FIELDS, ModelCard, model_card_from_json
from prompt2model.errors import CardFileError, DiskFullError, Prompt2ModelError
from prompt2model.sqlite_file import open_database
from prompt2model.text_index.bm25 import Bm25Index
from prompt2model.text_index.index_tables import SCHEMA_VERSION
from prompt2model.text_index.vector_cache import VECTOR_TABLE, count_vectors, prepare_vectors

CardT = TypeVar("CardT", DatasetCard, ModelCard)
CardKind = Literal["dataset", "model"]

VERSION = 1
"""Of the file as a whole."""

_APPLICATION = 0x70326D63
"""How SQLite's own header says that a file is one of ours."""
_IMPORTED = "import"
_HUB = "hub "


def default_card_file(cache_folder: Path) -> Path:
    """Where the cards are kept unless another file is named."""
    return cache_folder / "catalogue" / "cards.sqlite"


@dataclass(frozen=True, slots=True)
class CrawlState:
    """How far the crawl of one kind of card came.

    `endpoint`: the hub that is crawled. `place`: where its list goes on, None at its beginning. `since`: an update
    ends at changes before this time; empty for a full crawl. `newest`: the newest change at the beginning of the pass.
    `ended`: the newest change up to which everything is known, empty before the first full crawl came to its end.
    `begun` and `on` are the times (UTC, ISO 8601) of the pass's first and latest page.
    `passed_over` counts the models of no text family, `unreadable` the entries that are no card; of the full crawl.
    """

    endpoint: str
    with_texts: bool
    begun: str
    on: str = ""
    place: str | None = None
    since: str = ""
    newest: str = ""
    ended: str = ""
    running: bool = True
    passed_over: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class KindInfo:
    """`cards` of one kind, `imported` of them by hand. `crawl` is None where none was begun."""

    cards: int
    imported: int
    crawl: CrawlState | None


@dataclass(frozen=True, slots=True)
class CardFileInfo:
    """What a file of cards holds; `bytes` with its write-ahead log. `vectors` counts embeddings by their encoder."""

    path: Path
    bytes: int
    datasets: KindInfo
    models: KindInfo
    vectors: Mapping[str, int]


class Cards(Generic[CardT]):
    """The cards of one kind in a file."""

    def __init__(
        self, index: Bm25Index, read: Callable[[str], CardT], explained: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.index = index
        self._read: Callable[[str], CardT] = read
        self._explained = explained

    def __len__(self) -> int:
        return len(self.index)

    def search(self, query: str, limit: int) -> list[tuple[CardT, float]]:
        """(card, BM25 score) of the best `limit` cards that hold any word of the query, best first."""
        with self._explained():
            found = [(self.card(hit.key), hit.score) for hit in self.index.search(query, limit)]
        return [(card, score) for card, score in found if card is not None]

    def card(self, id: str) -> CardT | None:
        """The card with this id; None when there is none. Raises CardFileError for one that cannot be read."""
        with self._explained():
            payload = self.index.payload(id)
        if payload is None:
            return None
        try:
            return self._read(payload)
        except (ValueError, KeyError, TypeError) as error:
            raise CardFileError(f"the card of {id} in the card index is damaged; delete the file") from error

    def ids(self) -> tuple[str, ...]:
        """All ids, sorted."""
        with self._explained():
            return tuple(self.index.stamps())

    def put(self, cards: Sequence[tuple[CardT, str]], *, imported: bool = False) -> None:
        """Add cards, each with the time of its last change; one with an id that is there replaces that."""
        origin = _IMPORTED + " " if imported else _HUB
        with self._explained():
            self.index.put(card.document(f"{origin}{modified}") for card, modified in cards)

    def modified(self, id: str) -> str | None:
        """When the card that was crawled had last been changed; empty for an imported one, None for an unknown id."""
        stamp = self._stamp(id)
        return None if stamp is None else stamp.removeprefix(_HUB) if stamp.startswith(_HUB) else ""

    def imported(self) -> int:
        """How many cards were imported."""
        query = f"SELECT count(*) FROM {self.index.name}_documents WHERE stamp LIKE ?"  # noqa: S608
        return int(self.index.connection.execute(query, (f"{_IMPORTED} %",)).fetchone()[0])

    def _stamp(self, id: str) -> str | None:
        query = f"SELECT stamp FROM {self.index.name}_documents WHERE key = ?"  # noqa: S608
        with self._explained():
            row = self.index.connection.execute(query, (id,)).fetchone()
        return row[0] if row else None


class CardFile:
    """A file of cards. `notes` are lines for the person about what opening it came to.

    Raises CardFileError where there is no file (unless `make`), where it is no file of cards, of a newer version, or
    damaged; DiskFullError.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        self.path = path
        self.notes: list[str] = []
        with self.explained():
            _check_place(path, make)
            self._connection = open_database(path)
            try:
                self._set_up()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file."""
        with self.explained():
            self._connection.close()

    def __enter__(self) -> CardFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def of(self, kind: CardKind) -> Cards[Any]:
        """The cards of a kind."""
        return self.datasets if kind == "dataset" else self.models

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or none of what is written inside."""
        with self.explained(), self.datasets.index.writing():
            yield

    @contextmanager
    def explained(self) -> Iterator[None]:
        """What SQLite says becomes an error of one line."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explanation(error, self.path) from error

    @contextmanager
    def crawling(self) -> Iterator[None]:
        """Keep a second crawl out of this file. Raises CardFileError when one is at work."""
        # A file of its own: SQLite loses its locks when somebody else opens and closes its file.
        with self.path.with_name(f"{self.path.name}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise CardFileError(
                    f"another process is crawling into {self.path}; wait for it, or give another --file"
                ) from error
            yield

    def crawl(self, kind: CardKind) -> CrawlState | None:
        """How far the crawl of a kind came; None where none was begun."""
        row = self._connection.execute("SELECT state FROM crawls WHERE kind = ?", (kind,)).fetchone()
        return CrawlState(**json.loads(row[0])) if row else None

    def keep_crawl(self, kind: CardKind, state: CrawlState) -> None:
        """Keep how far it came, in the transaction under way."""
        line = json.dumps(asdict(state))
        self._connection.execute("INSERT OR REPLACE INTO crawls VALUES (?, ?)", (kind, line))

    def info(self) -> CardFileInfo:
        """What is in the file."""
        with self.explained():
            parts = (self.path, self.path.with_name(f"{self.path.name}-wal"))
            return CardFileInfo(
                self.path,
                sum(part.stat().st_size for part in parts if part.exists()),
                self._kind_info("dataset"),
                self._kind_info("model"),
                count_vectors(self._connection),
            )

    def _kind_info(self, kind: CardKind) -> KindInfo:
        cards = self.of(kind)
        return KindInfo(len(cards), cards.imported(), self.crawl(kind))

    def _set_up(self) -> None:
        """Make the tables, or take over those that are there."""
        self._connection.execute("BEGIN IMMEDIATE")
        if self._connection.execute("PRAGMA application_id").fetchone() != (_APPLICATION,):
            self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS crawls (kind TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
        )
        prepare_vectors(self._connection)
        self.datasets = Cards(Bm25Index(self._connection, DATASET_FIELDS, "datasets"), card_from_json, self.explained)
        self.models = Cards(Bm25Index(self._connection, MODEL_FIELDS, "models"), model_card_from_json, self.explained)
        openings = {kind: self.of(kind).index.opening for kind in get_args(CardKind)}
        if "migrated" in openings.values():
            self.notes.append(f"{self.path} was made by an older version; its cards are indexed anew")
        for kind, opening in openings.items():
            if opening == "rebuilt":
                self._connection.execute("DELETE FROM crawls WHERE kind = ?", (kind,))
                self.notes.append(
                    f"{self.path} kept its {kind} cards in a form that cannot be read any more; it holds none now, "
                    "`prompt2model index build` or `index import` brings them again"
                )
        self._connection.execute("COMMIT")


def is_card_file(path: Path) -> bool:
    """Whether there is a file of cards, of no newer version. What it holds may still be damaged."""
    try:
        return path.is_file() and _header(path)[:2] == (True, False)
    except sqlite3.Error:
        return False


def _check_place(path: Path, make: bool) -> None:
    """Refuse what is no file of cards before SQLite touches it."""
    if path.is_dir():
        raise CardFileError(f"{path} is a folder; give a file, such as {path / 'cards.sqlite'}")
    if not path.exists():
        if make:
            return
        raise CardFileError(
            f"there is no card index at {path}; make one with `prompt2model index build` or `index import`"
        )
    with path.open("rb") as file:
        start = file.read(16)
    if start and start != b"SQLite format 3\x00":
        raise CardFileError(f"{path} is no card index (no SQLite file); it was left as it is: give another --file")
    ours, newer, tables = _header(path)
    if ours and newer:
        raise CardFileError(f"{path} was made by a newer version of prompt2model; give another --file")
    # Embeddings may have come first, where the file was deleted while a search was at work.
    if not ours and tables - {VECTOR_TABLE}:
        raise CardFileError(f"{path} is a database of something else, no card index; give another --file")


def _header(path: Path) -> tuple[bool, bool, set[str]]:
    """(is one of ours, is of a newer version, names of its tables) of a database, which stays untouched."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        query = "SELECT max(version) FROM text_indices"
        indexed = connection.execute(query).fetchone()[0] if "text_indices" in tables else 0
    return application == _APPLICATION, version > VERSION or (indexed or 0) > SCHEMA_VERSION, tables


def _explanation(error: sqlite3.Error, path: Path) -> Prompt2ModelError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"the disk of {path.parent} is full; free some space and go on: what was crawled is kept")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CardFileError(f"another process holds {path}; wait for it to end")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return CardFileError(f"{path} cannot be read or written ({error}); check the folder's rights and its disk")
    return CardFileError(f"{path} is damaged ({error}); delete it and crawl again")
