"""Open places in a prompt: `{{text}}`, `<message>`, `[INPUT]`, `...`. A slot is never a demonstration."""

from __future__ import annotations

import re

from prompt2model.prompt_parser.words import is_input_name, is_output_name

# `{{ text }}`, `{text}`, `${text}`, `{}`, `%s`: never ordinary text when they stand alone.
_BRACES = re.compile(r"\{\{\s{0,8}[^{}\n]{0,60}\s{0,8}\}\}|\$?\{\s*[^\W\d][\w .-]{0,40}\}|\{\}|%s|%\(\w{1,40}\)s")
# `<text>`, `[text]`, `<<text>>`, `$text`, `__text__`: slots only when the word is one for an input or output.
_NAMED = re.compile(
    r"<{1,3}([^<>\n]{1,60})>{1,3}|\[{1,2}([^\[\]\n]{1,60})\]{1,2}|\$([A-Za-z_]\w{0,40})|"
    r"_{1,2}([A-Za-z][A-Za-z ]{0,40})_{1,2}"
)
_BLANK = re.compile(r"(?:\s*|\.{3,}|…+|_{2,}|\?+)$")
_INSERTION = re.compile(
    r"(?:please )?(?:insert|paste|put|enter|add|your|user'?s?|the|new|actual|hier|here|some|any)\b", re.IGNORECASE
)
_CERTAIN = re.compile(r"\{\{\s{0,8}[^{}\n]{0,60}\s{0,8}\}\}|\$?\{\s*[a-zA-Z_][\w.-]{0,40}\s*\}")
_CERTAIN_QUOTED = re.compile(rf"[\"'“„«`(\[]?(?:{_CERTAIN.pattern})[\"'”“»`)\]]?")
_QUOTES = "\"'“”„«»‘’`「」『』*"


def is_slot(value: str, name: str = "") -> bool:
    """Whether the value of field `name` is an open place: nothing, dots, or a placeholder alone."""
    bare = value.strip().strip(_QUOTES).strip()
    if _BLANK.fullmatch(bare):
        return True
    if len(bare) > 300:
        return False
    without = _BRACES.sub("", bare).strip().strip(_QUOTES).strip()
    if without != bare and not re.search(r"\w", without):
        return True
    named = _NAMED.fullmatch(bare)
    return named is not None and _names_a_slot(next(group for group in named.groups() if group is not None), name)


def has_placeholder(text: str) -> bool:
    """Whether a placeholder of the unmistakable kind stands in the text."""
    return _CERTAIN.search(text) is not None


def drop_placeholders(text: str) -> str:
    """The text without `{{text}}` and `{text}`, and without the quotes or brackets that held nothing else."""
    return _CERTAIN_QUOTED.sub("", text)


def _names_a_slot(word: str, name: str) -> bool:
    key = re.sub(r"[\s_]+", " ", word).strip().casefold().rstrip("0123456789 ")
    if not key or key.startswith("/"):
        return False
    if key == name.casefold() or _INSERTION.match(key):
        return True
    return is_input_name(key) or is_output_name(key)
