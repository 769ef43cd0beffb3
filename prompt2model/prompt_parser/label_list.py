"""One list of possible answers found in a prompt, and how a label is spelled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_QUOTE_PAIRS = frozenset({'""', "''", "“”", "„“", "„”", "«»", "‘’", "``", "「」", "『』"})

_NO_LABEL = frozenset(
    "the of is are to be one it its this that these those they your you a an following if whether not".split()
)
_NO_ITEM = frozenset(
    """
    the of is are was were be to in on at for from with by as if whether or and not it its this that these those
    they your you my our their his her he she other others another one ones more less than least most output return
    answer write contain contains containing has have had do does done can could should would must may each every
    all any some none no both same following given which what who when where how why input inputs text number numbers
    whatever whichever somewhere something anything everything between neither depending
    """.split()
)
_YES_NO = frozenset(
    frozenset(pair.split("/"))
    for pair in """
    yes/no true/false ja/nein sí/no oui/non sì/no sim/não ja/nee да/нет はい/いいえ 是/否
    positive/negative positive/negative/neutral
    """.split()
)


@dataclass(frozen=True, slots=True)
class LabelList:
    """Answers listed in the prompt. `strength`: 3 announced as the answers, 2 likely so, 1 only a list."""

    labels: tuple[str, ...]
    strength: int
    notes: dict[str, str] = field(default_factory=dict)


def make_list(items: Sequence[str], strength: int, notes: dict[str, str] | None = None) -> LabelList:
    """The list with doubles and empty items left out."""
    labels = tuple(dict.fromkeys(item for item in items if item))
    return LabelList(labels, strength, notes or {})


def clean_label(raw: str) -> str:
    """A label without the quotes, bold marks and final punctuation around it."""
    text = raw.strip().strip("*_").strip()
    while len(text) > 1 and text[0] + text[-1] in _QUOTE_PAIRS:
        text = text[1:-1].strip().rstrip(",;")
    return text.rstrip(".,;:。、，").strip("*").strip()


def is_head(head: str) -> bool:
    """Whether the text is short and plain enough for a label."""
    return 0 < len(head) <= 60 and len(head.split()) <= 6 and not re.search(r"[.!?;]\s|[{}]", head)


def can_be_labels(items: list[str]) -> bool:
    """Whether the items are short names and no parts of a sentence."""
    if is_yes_no(items):
        return True
    plain = [(item if item.isupper() and len(item) > 1 else item.casefold()).split() for item in items]
    if plain[-1][0] in ("not", "non") and len(plain[-1]) > 1:
        plain[-1] = plain[-1][1:]
    if plain[-1] in (["none"], ["other"], ["no"]):
        plain.pop()
    return not any(word in _NO_ITEM for words in plain for word in words)


def is_yes_no(items: Sequence[str]) -> bool:
    """Whether the items are a pair (or triple) that hardly stands in a prompt but as its answers."""
    return frozenset(item.casefold() for item in items) in _YES_NO


def is_filler(word: str) -> bool:
    """Whether no label begins with the word; in capitals, as `IT`, it is a name."""
    return word.casefold() in _NO_LABEL and not (word.isupper() and len(word) > 1)
