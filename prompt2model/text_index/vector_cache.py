"""Vectors of texts kept in one SQLite file by what they are made of, so that no text is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.sqlite_file import open_database

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.component import Progress, RunContext
    from prompt2model.inference import Embedder

BLOCK = 256
"""Texts that are embedded and stored together: a killed run loses one block at most."""
CARD_TOKENS = 256
"""What is read of a card: its beginning says what it is."""
_LOOKED_UP = 500


def card_vectors(context: RunContext) -> Callable[[Sequence[str]], np.ndarray]:
    """Texts → vectors of the packaged encoder, kept in the run's cache folder. Raises WeightsError without it."""
    from prompt2model.weights import EMBEDDED_ENCODER, locate

    locate(EMBEDDED_ENCODER)
    cache = VectorCache(
        context.cache_folder / "card_vectors.sqlite", f"{EMBEDDED_ENCODER} {CARD_TOKENS}", load_card_embedder
    )
    return lambda texts: cache.vectors(texts, context.progress)


@lru_cache(maxsize=1)
def load_card_embedder() -> Embedder:
    """The packaged encoder as it reads cards. Raises WeightsError."""
    from prompt2model.inference.embedder import load_embedder

    embedder = load_embedder()
    embedder.max_tokens = CARD_TOKENS
    return embedder


class VectorCache:
    """Texts → unit vectors. The encoder is loaded only when a text has no vector yet.

    `encoder` names the encoder and how it reads: vectors of another name are never used. The file is a copy of what
    can be computed again; one that is no database is made anew. Several processes may use it.
    """

    def __init__(self, path: Path, encoder: str, load: Callable[[], Embedder]) -> None:
        self._path, self._encoder, self._load = path, encoder, load
        self._embedder: Embedder | None = None

    def vectors(self, texts: Sequence[str], progress: Progress) -> np.ndarray:
        """float32 [len(texts), size]. Raises WeightsError where the encoder is needed and not there."""
        import numpy as np

        keys = [self._key(text) for text in texts]
        connection = self._open()
        try:
            known = _known(connection, keys)
            missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
            starts = range(0, len(missing), BLOCK)
            items = list(missing.items())
            for start in progress.track(starts, "reading cards", len(starts)) if len(items) > BLOCK else starts:
                known |= self._embed(connection, items[start : start + BLOCK])
        finally:
            connection.close()
        return np.array([known[key] for key in keys], dtype=np.float32)

    def _embed(self, connection: sqlite3.Connection, items: Sequence[tuple[bytes, str]]) -> dict[bytes, np.ndarray]:
        if self._embedder is None:
            self._embedder = self._load()
        vectors = self._embedder.embed([text for _, text in items])
        rows = [(key, vector.astype("<f4").tobytes()) for (key, _), vector in zip(items, vectors, strict=True)]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        connection.execute("COMMIT")
        return {key: vector for (key, _), vector in zip(items, vectors, strict=True)}

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self._encoder}\x1e{text}".encode("utf-8", "surrogatepass")).digest()[:16]

    def _open(self) -> sqlite3.Connection:
        try:
            return _prepared(self._path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            for name in (self._path.name, f"{self._path.name}-wal", f"{self._path.name}-shm"):
                self._path.with_name(name).unlink(missing_ok=True)
            return _prepared(self._path)


def _prepared(path: Path) -> sqlite3.Connection:
    connection = open_database(path)
    try:
        connection.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL)")
    except BaseException:
        connection.close()
        raise
    return connection


def _known(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
    import numpy as np

    found: dict[bytes, np.ndarray] = {}
    distinct = list(dict.fromkeys(keys))
    for start in range(0, len(distinct), _LOOKED_UP):
        part = distinct[start : start + _LOOKED_UP]
        marks = ", ".join("?" for _ in part)
        rows = connection.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part)  # noqa: S608
        found |= {key: np.frombuffer(vector, dtype="<f4") for key, vector in rows}
    return found
