"""Embeddings kept beside the documents of an index, in the same file.

Sentence embeddings: Sentence-BERT (arXiv 1908.10084).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prompt2model.text_index.bm25 import Bm25Index, Hit

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A document without a vector. `number` is this state of the document: one that is put again gets another."""

    number: int
    key: str
    texts: tuple[str, ...]


class KeptVectors:
    """Vectors of an index's documents, kept in float16 under the name of the encoder that made them.

    A document that is replaced or removed loses its vector. The file keeps the vectors of one encoder: what another
    left counts for nothing and goes when the first vector is put.
    """

    def __init__(self, index: Bm25Index, encoder: str) -> None:
        self.encoder = encoder
        self._index = index
        # All documents before this one have a vector: whoever asks block by block need not wait for a scan each time.
        self._first = 0
        self._table, self._documents = f"{index.name}_vectors", f"{index.name}_documents"

    def __len__(self) -> int:
        query = f"SELECT count(*) FROM {self._table} WHERE encoder = ?"  # noqa: S608
        return int(self._index.connection.execute(query, (self.encoder,)).fetchone()[0])

    def missing(self, limit: int) -> list[Unembedded]:
        """At most `limit` documents without a vector of this encoder, the oldest first."""
        rows = self._index.connection.execute(
            f"SELECT number, key FROM {self._documents} LEFT JOIN "  # noqa: S608
            f"(SELECT number AS known FROM {self._table} WHERE encoder = ?) ON known = number "
            "WHERE number >= ? AND known IS NULL ORDER BY number LIMIT ?",
            (self.encoder, self._first, limit),
        ).fetchall()
        if rows:
            self._first = rows[0][0]
        return [Unembedded(number, key, self._index.texts(key) or ()) for number, key in rows]

    def put(self, documents: Sequence[Unembedded], matrix: np.ndarray) -> None:
        """Keep one row of `matrix`, float [n, size], for each document of `missing`.

        A document that was replaced or removed meanwhile is passed over. Raises ValueError for another shape.
        """
        import numpy as np

        if matrix.ndim != 2 or len(matrix) != len(documents):
            raise ValueError(f"{len(documents)} documents and a matrix of shape {matrix.shape}")
        rows = np.ascontiguousarray(matrix, dtype="<f2")
        with self._index.writing():
            self._index.connection.execute(f"DELETE FROM {self._table} WHERE encoder != ?", (self.encoder,))  # noqa: S608
            self._index.connection.executemany(
                f"INSERT OR REPLACE INTO {self._table} SELECT number, ?, ? FROM {self._documents} WHERE number = ?",  # noqa: S608
                ((self.encoder, row.tobytes(), one.number) for one, row in zip(documents, rows, strict=True)),
            )

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """float32 [len(keys), size]; zeros where there is no vector of this encoder (size 0 if for none of them)."""
        import numpy as np

        rows = self._index.connection.execute(
            f"SELECT key, vector FROM {self._documents} JOIN {self._table} USING (number) "  # noqa: S608
            "WHERE key IN (SELECT value FROM json_each(?)) AND encoder = ?",
            (json.dumps(list(keys)), self.encoder),
        )
        found = {key: np.frombuffer(vector, dtype="<f2") for key, vector in rows}
        size = max(map(len, found.values()), default=0)
        matrix = np.zeros((len(keys), size), dtype=np.float32)
        for place, key in enumerate(keys):
            if key in found:
                matrix[place] = found[key]
        return matrix

    def nearest(self, vector: np.ndarray, limit: int) -> list[Hit]:
        """The `limit` documents with the highest dot product with `vector`, float [size], of all that have one.

        Reads all vectors: 0.8 GB for a million documents of 384 numbers.
        """
        import numpy as np

        best: list[tuple[float, str]] = []
        for keys, matrix in self._blocks():
            products = matrix @ vector.astype(np.float32)
            few = np.argpartition(-products, limit)[:limit] if len(products) > limit else range(len(products))
            best += [(-float(products[place]), keys[place]) for place in few]
            best = sorted(best)[:limit]
        return [Hit(key, -product) for product, key in best]

    def _blocks(self) -> Iterator[tuple[list[str], np.ndarray]]:
        import numpy as np

        rows = self._index.connection.execute(
            f"SELECT key, vector FROM {self._table} JOIN {self._documents} USING (number) WHERE encoder = ?",  # noqa: S608
            (self.encoder,),
        )
        while block := rows.fetchmany(_BLOCK):
            joined = np.frombuffer(b"".join(vector for _, vector in block), dtype="<f2")
            yield [key for key, _ in block], joined.reshape(len(block), -1).astype(np.float32)
