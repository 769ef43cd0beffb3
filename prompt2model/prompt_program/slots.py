"""`{{slots}}` in a prompt, filled literally and once: nothing in a value is read as a slot or a template."""

from __future__ import annotations

import re
from collections.abc import Mapping

NAME = r"[a-z][a-z0-9_]*"
"""How a slot and a block are called."""

_SLOT = re.compile(rf"\{{\{{[^\S\n]*({NAME})[^\S\n]*\}}\}}")
_BRACES = re.compile(r"\{(?=\{)")


def slots_in(text: str) -> tuple[str, ...]:
    """The different names that the text has slots for, in their order."""
    return tuple(dict.fromkeys(_SLOT.findall(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with every slot replaced by its value as it is. Raises KeyError for a slot without a value."""
    return _SLOT.sub(lambda slot: values[slot[1]], text)


def without_slots(text: str) -> str:
    """The text with doubled braces parted, for texts of others that become part of a prompt."""
    return _BRACES.sub("{ ", text)
