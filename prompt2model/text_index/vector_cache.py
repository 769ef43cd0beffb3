"""Vectors of texts kept in an SQLite file by what they are made of, so that no text is embedded twice."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from prompt2model.sqlite_file import open_database

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.component import Progress
    from prompt2model.inference.embedder import TextEncoder

T = TypeVar("T")

BLOCK = 256
"""Texts that are embedded and stored together: a killed run loses one block at most."""
VECTOR_TABLE = "text_vectors"


class VectorCache:
    """Texts → unit vectors. The encoder is loaded only when a text has no vector yet.

    `encoder` names the encoder and how it reads: vectors of another name are never used. The file may hold other
    tables, and several processes may use it. One that cannot be used costs time only: that is said, and nothing kept.
    """

    def __init__(self, path: Path, encoder: str, load: Callable[[], TextEncoder]) -> None:
        self._path, self._encoder, self._load = path, encoder, load
        self._embedder: TextEncoder | None = None
        self._useless = False

    def vectors(self, texts: Sequence[str], progress: Progress) -> np.ndarray:
        """float32 [len(texts), size]. Raises WeightsError where the encoder is needed and not there."""
        import numpy as np

        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16] for text in texts]
        known = self._with_file(progress, lambda file: self._known(file, keys)) or {}
        missing = [item for item in dict(zip(keys, texts, strict=True)).items() if item[0] not in known]
        blocks = [dict(missing[start : start + BLOCK]) for start in range(0, len(missing), BLOCK)]
        for block in progress.track(blocks, "reading cards", len(blocks)) if len(blocks) > 1 else blocks:
            known |= self._embedded(block, progress)
        return np.array([known[key] for key in keys], dtype=np.float32)

    def _embedded(self, texts: Mapping[bytes, str], progress: Progress) -> dict[bytes, np.ndarray]:
        self._embedder = self._embedder or self._load()
        found = dict(zip(texts, self._embedder.embed(list(texts.values())), strict=True))
        self._with_file(progress, lambda file: self._keep(file, found))
        return found

    def _with_file(self, progress: Progress, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` does with the file; None where that fails."""
        if self._useless:
            return None
        try:
            with closing(open_database(self._path)) as connection:
                prepare_vectors(connection)
                return work(connection)
        except (sqlite3.Error, OSError) as error:
            self._useless = True
            progress.say(f"  embeddings cannot be kept in {self._path} ({error}): they are computed again each time")
            return None

    def _known(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        import numpy as np

        query = f"SELECT vector FROM {VECTOR_TABLE} WHERE encoder = ? AND key = ?"  # noqa: S608
        rows = ((key, connection.execute(query, (self._encoder, key)).fetchone()) for key in dict.fromkeys(keys))
        return {key: np.frombuffer(row[0], dtype="<f4") for key, row in rows if row}

    def _keep(self, connection: sqlite3.Connection, vectors: Mapping[bytes, np.ndarray]) -> None:
        rows = [(self._encoder, key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT OR REPLACE INTO {VECTOR_TABLE} VALUES (?, ?, ?)", rows)  # noqa: S608
        connection.execute("COMMIT")


def prepare_vectors(connection: sqlite3.Connection) -> None:
    """Make the table where it is not there."""
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {VECTOR_TABLE} "
        "(encoder TEXT NOT NULL, key BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (encoder, key))"
    )


def count_vectors(connection: sqlite3.Connection) -> dict[str, int]:
    """How many there are of each encoder."""
    query = f"SELECT encoder, count(*) FROM {VECTOR_TABLE} GROUP BY encoder"  # noqa: S608
    return dict(connection.execute(query))
