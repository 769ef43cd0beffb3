"""What a sample of rows, a column's name and the instruction say about one column."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from prompt2model.catalogue.input_parts import cell_text
from prompt2model.catalogue.labels import LabelMatcher
from prompt2model.catalogue.text_likelihood import TextModel
from prompt2model.records import TaskSpec

INPUT_NAMES = (
    "input", "text", "sentence", "question", "query", "utterance", "message", "content", "body", "document",
    "article", "source", "prompt", "review", "comment", "description", "tweet", "passage", "email", "premise",
    "instruction", "inputs", "problem",
)  # fmt: skip
OUTPUT_NAMES = (
    "output", "label", "target", "answer", "class", "category", "intent", "response", "references", "reference",
    "completion", "gold", "sentiment", "topic", "type", "tag", "correct", "summary", "title", "translation",
    "labels", "answers", "outputs", "targets",
)  # fmt: skip
_IDENTIFIER_NAMES = {
    "id", "ids", "idx", "index", "uuid", "uid", "guid", "url", "link", "date", "time", "timestamp", "hash", "key",
}  # fmt: skip
_SOURCE_CUES = {
    "given", "from", "convert", "translate", "read", "following", "using", "rewrite", "for", "of", "in", "answer",
    "solve",
}  # fmt: skip
_TARGET_CUES = {
    "into", "to", "write", "generate", "return", "produce", "predict", "give", "output", "find", "identify",
    "extract", "make", "create", "choose", "name", "classify",
}  # fmt: skip
_CUE_WORDS = 4
_ENOUGH = 20
"""Rows from which a column that never changes says nothing about them."""


@dataclass(frozen=True)
class Column:
    """One column: its name and the filled cells of the sample, as an input or an output shows them."""

    name: str
    values: tuple[str, ...]
    filled: float
    label_share: float
    label_coverage: float
    is_list: bool

    @cached_property
    def model(self) -> TextModel:
        """How its texts are made."""
        return TextModel(self.values)

    @cached_property
    def length(self) -> float:
        """Mean length in characters."""
        return statistics.fmean(map(len, self.values)) if self.values else 0.0

    @cached_property
    def different(self) -> int:
        """How many different values there are."""
        return len(set(self.values))

    @property
    def distinct(self) -> float:
        """The share of different values."""
        return self.different / max(len(self.values), 1)

    @cached_property
    def nothing(self) -> float:
        """Penalty for a column that only identifies or describes rows: ids, addresses, dates, constants."""
        named = any(word in _IDENTIFIER_NAMES for word in words_of(self.name))
        few = self.values[:100]
        counted = len(few) > 3 and self.distinct > 0.95 and all(_NUMBER.fullmatch(value) for value in few)
        linked = sum(bool(_LINK.match(value)) for value in few) > len(few) / 2
        coded = len(few) > 3 and self.distinct > 0.9 and all(_CODE.fullmatch(value) for value in few)
        constant = len(self.values) >= _ENOUGH and self.different == 1
        return 1.5 * named + 1.5 * counted + 1.5 * linked + 1.0 * coded + 2.0 * constant

    @cached_property
    def is_media(self) -> bool:
        """Whether the values stand for pictures or sound: names of such files, or their bytes as text."""
        few = self.values[:100]
        return sum(bool(_MEDIA.match(value)) for value in few) > len(few) / 2


_MEDIA = re.compile(
    r"data:(?:image|audio|video)/|(?:/9j/|iVBORw0KGgo|R0lGOD|UklGR)[A-Za-z0-9+/]{40}|"
    r"[^\n]{1,300}\.(?:png|jpe?g|gif|bmp|webp|tiff?|wav|mp3|flac|ogg|m4a|mp4|avi|webm)$",
    re.IGNORECASE,
)
"""The names of files, or what `data:` and the first bytes of a PNG, JPEG, GIF, WebP or WAV look like in base64."""
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)*")
_LINK = re.compile(r"https?://\S+$")
_CODE = re.compile(r"(?=\S*\d)[\w:./\-]{6,}")
"""One word with a digit: `5f1d0c`, `2019-05-03`, `wiki_17`."""


def column_of(name: str, rows: Sequence[Mapping[str, str]], task: TaskSpec, list_columns: Collection[str]) -> Column:
    """The facts on one column."""
    is_list = name in list_columns
    cells = [cell for row in rows if (cell := row.get(name, "").strip()) and cell != "[]"]
    values = tuple(cell_text(cell, is_list) for cell in cells)
    matcher = LabelMatcher(task.labels)
    found = [label for cell in cells if (label := matcher.match(first_item(cell, is_list))) is not None]
    share = len(found) / max(len(cells), 1) if task.labels else 0.0
    coverage = len(set(found)) / len(task.labels) if task.labels else 0.0
    return Column(name, values, len(cells) / max(len(rows), 1), share, coverage, is_list)


def first_item(cell: str, is_list: bool) -> str:
    """The first answer that a cell holds."""
    if is_list and cell.startswith("["):
        try:
            return str(next(iter(json.loads(cell)), ""))
        except (ValueError, TypeError):
            return cell
    return cell


def name_score(name: str, known: Sequence[str]) -> float:
    """1 for a usual name (a little less further down the list), 0.6 when it is one word of the name, else 0."""
    plain = name.casefold().strip()
    if plain in known:
        return 1.0 - 0.01 * known.index(plain)
    return 0.6 if any(word in known for word in words_of(name)) else 0.0


def words_of(name: str) -> list[str]:
    """The words of a column's name, without numbers."""
    return re.findall(r"[^\W_\d]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold())


def same_name(name: str, mark: str) -> float:
    """How much of a mark (`Sentence 1`) a column's name says: the Jaccard index of their words and numbers."""
    one, other = (set(re.findall(r"[^\W_\d]+|\d+", text.casefold())) for text in (name, mark))
    return len(one & other) / len(one | other) if one | other else 0.0


def direction(name: str, instruction: str) -> float:
    """What the instruction says of a column by a word of its name: 1 it is given, -1 it is wanted, 0 nothing."""
    said = re.findall(r"[^\W_]+|[.!?:;]", instruction.casefold())
    names = {word for word in words_of(name) if len(word) > 2}
    votes = []
    for place, word in enumerate(said):
        if names & {word, word.removesuffix("s"), f"{word}s"}:
            before = said[max(0, place - _CUE_WORDS) : place]
            cue = next((one for one in reversed(before) if one in _SOURCE_CUES | _TARGET_CUES or not one.isalnum()), "")
            votes.append(1 if cue in _SOURCE_CUES else -1 if cue in _TARGET_CUES else 0)
    counted = [vote for vote in votes if vote]
    return statistics.fmean(counted) if counted else 0.0


def is_named_in(name: str, instruction: str) -> bool:
    """Whether a word of the name stands in the instruction."""
    words = [word for word in words_of(name) if len(word) > 2]
    said = set(re.findall(r"[^\W\d_]+", instruction.casefold()))
    return any(word in said or f"{word}s" in said or word.rstrip("s") in said for word in words)


def relation(pairs: Sequence[tuple[str, str]]) -> tuple[float, float, float]:
    """Of inputs and outputs: the share of the output's words in the input, of the input's in the output, log ratio."""
    kept, used, ratio = [], [], []
    for text, answer in pairs:
        one, other = (set(re.findall(r"\w+", side.casefold())) for side in (text, answer))
        kept.append(len(one & other) / max(len(other), 1))
        used.append(len(one & other) / max(len(one), 1))
        ratio.append(_log_ratio(len(answer), len(text)))
    return statistics.fmean(kept), statistics.fmean(used), statistics.fmean(ratio)


def _log_ratio(one: int, other: int) -> float:
    return math.log((one + 1) / (other + 1))


def likeness(values: Sequence[str], wanted: Sequence[str]) -> float:
    """0 to 1: how near the texts are to the demonstrations' in length and in the kinds of characters."""
    if not values or not wanted:
        return 0.0
    # The longest of the demonstrations' lengths and ours, as a ratio: 1 when equal, 0.1 when ten times apart.
    ours, theirs = (max(statistics.median(map(len, texts)), 1) for texts in (values[:200], wanted))
    length = min(ours, theirs) / max(ours, theirs)
    one, other = _profile(values[:200]), _profile(wanted)
    # Sorted, so that the sum is the same in every process.
    distance = sum(abs(one[kind] - other[kind]) for kind in sorted(one.keys() | other.keys()))
    kinds = 1.0 - 0.5 * distance
    return 0.5 * length + 0.5 * kinds


def _profile(texts: Sequence[str]) -> dict[str, float]:
    """Share of each kind of character: capitals, small letters, other scripts, digits, spaces, each sign itself."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_kind(character) for character in text[:500])
    total = max(counts.total(), 1)
    return defaultdict(float, {kind: count / total for kind, count in counts.items()})


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    if character.isspace():
        return "space"
    if character.isalpha():
        if ord(character) > 0x24F:
            return "other script"
        return "capital" if character.isupper() else "small"
    return character
