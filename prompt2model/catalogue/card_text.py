"""Cards as the hub writes them: YAML front matter between lines of `---`, then text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*$\r?\n?", re.S | re.M)
_BLOCK = re.compile(r"^(?=[^\s#-][^\n]*:)", re.M)
_MOST_FRONT = 1_000_000
_MOST_TEXT = 200_000


def split_card(text: str) -> tuple[dict[str, Any], str]:
    """(front matter, text below it). Front matter that is no YAML mapping counts as none; its values are texts.

    A card is read by people, what is longer is data: the text is cut at 200,000 characters, and of front matter above
    1,000,000 the longest entries are left out until the rest is below.
    """
    found = _FRONT.match(text)
    if not found:
        return {}, text[:_MOST_TEXT]
    import yaml

    try:
        front = yaml.load(_bounded(found.group(1)), Loader=_text_loader())  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        front = None
    return (front if isinstance(front, dict) else {}), text[found.end() : found.end() + _MOST_TEXT]


def _bounded(front: str) -> str:
    """Front matter without its longest entries (`dataset_info` of thousands of configurations, mostly)."""
    if len(front) <= _MOST_FRONT:
        return front
    blocks = _BLOCK.split(front)
    kept, left = set[int](), _MOST_FRONT
    for number in sorted(range(len(blocks)), key=lambda number: len(blocks[number])):
        left -= len(blocks[number])
        if left < 0:
            break
        kept.add(number)
    return "".join(block for number, block in enumerate(blocks) if number in kept)


@cache
def _text_loader() -> Any:
    """Leaves every value but null as the text that stands there: the language `no` and the label `yes` are words."""
    import yaml

    # The one in C reads a megabyte in a second, the other in ten.
    safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    kept = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
    resolvers = {
        sign: [(tag, pattern) for tag, pattern in pairs if tag in kept]
        for sign, pairs in safe.yaml_implicit_resolvers.items()
    }
    return type("TextLoader", (safe,), {"yaml_implicit_resolvers": resolvers})


def text_list(value: Any) -> tuple[str, ...]:
    """One text or a list of texts as a tuple. The language code `no`, which YAML reads as False, is put right."""
    values = value if isinstance(value, (list, tuple)) else [value]
    known = (one for one in values if one is not None and one is not True and not isinstance(one, (list, dict)))
    texts = ("no" if one is False else str(one).strip() for one in known)
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
