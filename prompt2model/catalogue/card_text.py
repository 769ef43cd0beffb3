"""Cards as the hub writes them: YAML front matter between lines of `---`, then text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$\r?\n?", re.S | re.M)
_MOST_FRONT = 200_000
_MOST_TEXT = 200_000


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """(front matter, text below it). Front matter that is no YAML mapping counts as none.

    Both are cut at 200,000 characters: a card is read by people, what is longer is data.
    """
    text = text[: _MOST_FRONT + _MOST_TEXT]
    found = _FRONT.match(text)
    if not found:
        return {}, text[:_MOST_TEXT]
    import yaml

    try:
        front = yaml.safe_load(found.group(1))
    except (yaml.YAMLError, ValueError, RecursionError):
        front = None
    return (front if isinstance(front, dict) else {}), text[found.end() :][:_MOST_TEXT]


def text_list(value: Any) -> tuple[str, ...]:
    """One text or a list of texts as a tuple. YAML reads the language code `no` as False; it is put right."""
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = ("no" if one is False else str(one).strip() for one in values if one is not None and one is not True)
    return tuple(dict.fromkeys(text for text in texts if text))


def licence_of(front: Mapping[str, Any]) -> str | None:
    """The licence id in lower case; None where the card names none or says `unknown`."""
    found = [one.lower() for one in text_list(front.get("license", front.get("licence")))]
    named = [front.get("license_name")] if found == ["other"] and front.get("license_name") else found
    known = [str(one).lower() for one in named if str(one).lower() not in {"unknown", "none", "null", ""}]
    return ", ".join(known) or None


def languages_of(front: Mapping[str, Any]) -> tuple[str, ...]:
    """Language codes in lower case, as the card lists them."""
    return tuple(code.lower() for code in text_list(front.get("language", front.get("languages"))))


def plain_text(body: str) -> str:
    """The card's sentences without code, tables, HTML, links and marks of Markdown."""
    body = re.sub(r"```.*?(?:```|\Z)", " ", body, flags=re.S)
    body = re.sub(r"<!--.*?-->|<[^<>]{1,300}>", " ", body, flags=re.S)
    body = re.sub(r"!\[[^\]]*\]\([^)]*\)", " ", body)
    body = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body)
    lines = (re.sub(r"^\s*(?:#+|[-*+>]|\d+\.)\s+", "", line) for line in body.splitlines())
    kept = (line.replace("`", "").replace("**", "").strip() for line in lines if not line.lstrip().startswith("|"))
    return " ".join(" ".join(line for line in kept if line).split())


def first_sentences(body: str, characters: int = 300) -> str:
    """The start of a card's text below its title, cut at a word."""
    below = re.sub(r"\A\s*#[^\n]*\n", "", body)
    text = plain_text(below) or plain_text(body)
    if len(text) <= characters:
        return text
    return text[:characters].rsplit(" ", 1)[0].rstrip(",;:") + " …"
