"""Finding texts that are nearly the same: MinHash and locality-sensitive hashing propose, the Jaccard index decides.

MinHash: Broder, "On the resemblance and containment of documents" (1997). Banding: Leskovec, Rajaraman, Ullman,
"Mining of Massive Datasets", chapter 3. Both through `datasketch`.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

SHINGLE = 5
"""Length of a shingle in characters of the normalised text."""

_PERMUTATIONS = 128
_WANTED_RECALL = 0.999
_SEED = 1
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


def normalise_text(text: str) -> str:
    """NFKC, casefolded, every run of whitespace one space: what two copies of a text have in common."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def numbers_in(text: str) -> tuple[str, ...]:
    """All numbers, dates and times written in digits, in the order of the text."""
    return tuple(_NUMBER.findall(unicodedata.normalize("NFKC", text)))


def shingles(normalised: str) -> frozenset[str]:
    """All character 5-grams of a normalised text; a shorter text is its own only shingle."""
    if len(normalised) <= SHINGLE:
        return frozenset((normalised,))
    return frozenset(normalised[i : i + SHINGLE] for i in range(len(normalised) - SHINGLE + 1))


def jaccard(first: frozenset[str], second: frozenset[str]) -> float:
    """Shared shingles over all shingles, in [0, 1]."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


class NearDuplicates:
    """An index of texts that tells whether a new one is nearly among them.

    Two texts are near duplicates when the Jaccard index of their character 5-grams is at least `threshold`, in
    (0, 1]. Equal normalised texts are always found; a near one is missed with a probability below 0.001, because
    the hashing must propose it first. Memory: the normalised texts and 128 hash values each.
    """

    def __init__(self, threshold: float = 0.8) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must lie in (0, 1], got {threshold}")
        from datasketch import MinHash, MinHashLSH

        self.threshold = threshold
        self._lsh: Any = MinHashLSH(num_perm=_PERMUTATIONS, params=_bands(threshold))
        self._empty: Any = MinHash(num_perm=_PERMUTATIONS, seed=_SEED)
        self._keys: list[str] = []
        self._texts: list[str] = []
        self._exact: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, text: str) -> str | None:
        """The key of the most similar text at or above the threshold (the earliest of equals), or None."""
        exact = self._exact.get(normalise_text(text))
        if exact is not None:
            return self._keys[exact]
        return next(iter(self.find_all(text)), None)

    def find_all(self, text: str) -> list[str]:
        """The keys of all texts at or above the threshold, the most similar first, equals in the order they came."""
        normalised = normalise_text(text)
        if self.threshold == 1:
            exact = self._exact.get(normalised)
            return [] if exact is None else [self._keys[exact]]
        grams = shingles(normalised)
        found = []
        for index in self._lsh.query(self._minhash(grams)):
            similarity = 1.0 if self._texts[index] == normalised else jaccard(grams, shingles(self._texts[index]))
            if similarity >= self.threshold:
                # Of two at 1.0 the equal text comes first: a text that repeats itself has the shingles of a shorter.
                found.append((self._texts[index] != normalised, -similarity, index))
        return [self._keys[index] for *_, index in sorted(found)]

    def add(self, key: str, text: str) -> None:
        """Keep `text` under `key`. An equal text stays under its first key."""
        normalised = normalise_text(text)
        if normalised in self._exact:
            return
        index = len(self._keys)
        self._keys.append(key)
        self._texts.append(normalised)
        self._exact[normalised] = index
        if self.threshold < 1:
            self._lsh.insert(index, self._minhash(shingles(normalised)), check_duplication=False)

    def _minhash(self, grams: frozenset[str]) -> Any:
        minhash = self._empty.copy()
        minhash.update_batch([gram.encode() for gram in grams])
        return minhash


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows per band: the most selective ones that still propose a pair at the threshold with 0.999."""
    for rows in range(_PERMUTATIONS // 2, 0, -1):
        bands = _PERMUTATIONS // rows
        if 1 - (1 - threshold**rows) ** bands >= _WANTED_RECALL:
            return bands, rows
    return _PERMUTATIONS, 1
