"""How many other documents name a document: what people build on is named by many.

Links from other pages as a measure of worth are HITS (doi 10.1145/324133.324140), counted there, as here, among the
pages that a query brings up. Ours has no links to follow; the names themselves are looked for in the texts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"[^\s,.;:()\[\]\"'/]+")
_LONGEST_NAME = 6
"""Tokens of a name; what is longer is a title that nobody repeats."""


def mention_counts(names: Sequence[str], texts: Sequence[str]) -> list[int]:
    """For each document the number of other documents whose text holds its name.

    Names are compared without regard to case, as whole tokens; but only what is written like a name counts: as the
    name itself where that has a capital or a digit, or with a digit or a capital inside ("SQuAD" names `squad`,
    "squad" does not). Of documents with equal names the first has the mentions.
    """
    owners: dict[tuple[str, ...], int] = {}
    lengths: dict[str, set[int]] = {}
    for number, name in enumerate(names):
        tokens = tuple(_TOKEN.findall(name.casefold()))
        if 0 < len(tokens) <= _LONGEST_NAME:
            owners.setdefault(tokens, number)
            lengths.setdefault(tokens[0], set()).add(len(tokens))
    counts = [0] * len(names)
    for number, text in enumerate(texts):
        written = _TOKEN.findall(text)
        folded = [token.casefold() for token in written]
        named = set()
        for place, token in enumerate(folded):
            for length in lengths.get(token, ()):
                owner = owners.get(tuple(folded[place : place + length]))
                if owner is None or owner == number or owner in named:
                    continue
                if _is_a_name(written[place : place + length], names[owner]):
                    named.add(owner)
        for owner in named:
            counts[owner] += 1
    return counts


def _is_a_name(written: Sequence[str], name: str) -> bool:
    if written == _TOKEN.findall(name) and any(char.isupper() or char.isdigit() for char in name):
        return True
    return any(char.isupper() or char.isdigit() for token in written for char in token[1:])
