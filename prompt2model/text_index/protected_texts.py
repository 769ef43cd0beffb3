"""Whether a text is near one of a fixed set of texts, by its words: decided exactly, for tests must not leak.

Unlike `NearDuplicates`, where hashing may miss a pair, every pair above the thresholds is found. Candidates come from
the rarest shingles of each protected text (prefix filtering: Bayardo, Ma and Srikant, 2007, doi
10.1145/1242572.1242591). What a longer text holds is judged by word 8-grams: 70 % of them, as in PaLM's check of its
training data (arXiv 2204.02311, section 8).
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set

from prompt2model.records import Example
from prompt2model.text_index.near_duplicates import jaccard, normalise_text, numbers_in, shingles
from prompt2model.text_index.terms import searchable

ALIKE = "near a test row by its words"
CONTAINED = "holds a test row, or stands in one"

CONTAINED_SHARE = 0.7
"""Share of a text's word n-grams from which another text is said to hold it."""

_ORIGINS = {
    "user": "your rows",
    "gold": "gold rows",
    "demonstration": "demonstrations",
    "retrieved": "retrieved rows",
    "labelled": "given inputs",
    "transformed": "rows to be rewritten",
    "generated": "generated rows",
}
_GRAM, _UNSPACED_GRAM = 8, 16
"""Words in a word n-gram; pairs of characters where words are written without spaces."""
_FORM_SHARE = 0.05
"""A word n-gram of more than this share of the protected texts (and of more than two) is the task's form."""

_WORD = re.compile(r"\w+")
# Marks that copies of a sentence differ in. A point or comma between digits is part of a number.
_MARKS = re.compile(r"(?<!\d)[.,]|[.,](?!\d)|[;:!?¿¡'\"`´‘’“”„«»…。、！？；：，()]")


def judged_text(row: Example) -> str:
    """The text by which a row is compared with others: its input and, in any order, the choices it offers."""
    return "\n".join((row.input, *sorted(row.choices)))


def counted_as(reason: str, row: Example) -> str:
    """What a row that is near a test is counted under: why, and where it came from."""
    return f"{reason}: {_ORIGINS[row.source.kind]}"


def bare_text(text: str) -> str:
    """The normalised text without punctuation marks; the normalised text where nothing else is in it."""
    normalised = normalise_text(text)
    return " ".join(_MARKS.sub(" ", normalised).split()) or normalised


def word_grams(text: str, form: Set[tuple[str, ...]] = frozenset()) -> frozenset[tuple[str, ...]]:
    """All runs of eight words of a text (sixteen pairs of characters in scripts without spaces); of a shorter, none.

    Words that stand in a run of `form` are taken out first.
    """
    normalised = normalise_text(text)
    spaced = searchable(normalised)
    length = _GRAM if spaced == normalised else _UNSPACED_GRAM
    words = _WORD.findall(spaced)
    grams = _runs(words, length)
    found = [start for start, gram in enumerate(grams) if gram in form]
    if found:
        formal = {place for start in found for place in range(start, start + length)}
        grams = _runs([word for place, word in enumerate(words) if place not in formal], length)
    return frozenset(grams)


def _runs(words: Sequence[str], length: int) -> list[tuple[str, ...]]:
    return [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]


class ProtectedTexts:
    """Texts that nothing may be near.

    A text is `ALIKE` one of them when the Jaccard index of their character 5-grams, punctuation and case aside, is at
    least `similarity`, in (0, 1]. It is `CONTAINED` when one of the two holds 70 % of the word 8-grams of the other;
    what many protected texts say is passed over, for it is the form of the task and no text's own.
    With `numbers_matter`, texts that name different numbers are not alike: "in 2 days" asks for another answer than
    "in 3 days".
    """

    def __init__(self, texts: Iterable[str], similarity: float, numbers_matter: bool = False) -> None:
        if not 0 < similarity <= 1:
            raise ValueError(f"similarity must lie in (0, 1], got {similarity}")
        self.similarity = similarity
        distinct = tuple(dict.fromkeys(texts))
        self._shingles = [shingles(bare_text(text)) for text in distinct]
        self._numbers = [numbers_in(text) for text in distinct] if numbers_matter else None
        self._by_rare_shingle = _by_rarest(self._shingles, similarity)
        counts = Counter(gram for text in distinct for gram in word_grams(text))
        most = max(2, _FORM_SHARE * len(distinct))
        self._form = frozenset(gram for gram, count in counts.items() if count > most)
        grams = [word_grams(text, self._form) for text in distinct]
        self._sizes = [len(own) for own in grams]
        self._by_gram: dict[tuple[str, ...], list[int]] = defaultdict(list)
        for number, own in enumerate(grams):
            for gram in own:
                self._by_gram[gram].append(number)

    def judge(self, text: str) -> str | None:
        """`ALIKE` or `CONTAINED`, as the text is to one of the protected ones; None when it is near none of them."""
        if self._is_alike(text):
            return ALIKE
        return CONTAINED if self._is_contained(text) else None

    def _is_alike(self, text: str) -> bool:
        own = shingles(bare_text(text))
        candidates = {number for shingle in own for number in self._by_rare_shingle.get(shingle, ())}
        if self._numbers is not None:
            named = numbers_in(text)
            candidates = {number for number in candidates if self._numbers[number] == named}
        return any(jaccard(own, self._shingles[number]) >= self.similarity for number in candidates)

    def _is_contained(self, text: str) -> bool:
        grams = word_grams(text, self._form)
        shared = Counter(number for gram in grams for number in self._by_gram.get(gram, ()))
        return any(count >= CONTAINED_SHARE * min(self._sizes[number], len(grams)) for number, count in shared.items())


def _by_rarest(sets: Sequence[frozenset[str]], share: float) -> dict[str, list[int]]:
    """Shingle → the sets that have it among their rarest.

    Whatever shares `share` of a set's n shingles has one of any n - share · n + 1 of them.
    """
    counts = Counter(shingle for own in sets for shingle in own)
    found: dict[str, list[int]] = defaultdict(list)
    for number, own in enumerate(sets):
        rarest = sorted(own, key=lambda shingle: (counts[shingle], shingle))
        for shingle in rarest[: len(own) - math.ceil(share * len(own) - 1e-9) + 1]:
            found[shingle].append(number)
    return found
