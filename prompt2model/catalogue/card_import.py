"""Cards from JSON lines, for hubs that cannot be crawled and data sets that no hub has.

One object a line: `kind` (dataset or model), `id`, and whatever is known of it. A line that is no card is counted and
named; the others are kept.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from prompt2model.catalogue.card_bounds import bounded, is_id
from prompt2model.catalogue.card_file import CardFile, CardKind
from prompt2model.catalogue.card_text import first_sentences, plain_text, text_list
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.model_cards import ModelCard, family_of
from prompt2model.errors import DataFileError
from prompt2model.records import Family

if TYPE_CHECKING:
    from prompt2model.component import Progress

_MOST_LINE = 20_000_000
_BATCH = 1_000
_SPELLINGS: Mapping[str, str] = {
    "license": "licence",
    "language": "languages",
    "pretty_name": "title",
    "lastModified": "last_modified",
}
"""Other names of fields, as the hub has them."""


@dataclass
class Imported:
    """What a file brought: cards by kind, lines that are none as (number, why), names of fields that mean nothing."""

    datasets: int = 0
    models: int = 0
    passed_over: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    unknown_fields: set[str] = field(default_factory=set)

    @property
    def cards(self) -> int:
        """Cards that were written; one that came twice counts twice."""
        return self.datasets + self.models


class _NoTextModelError(Exception):
    """A model's config names no text family."""


def import_cards(source: Path, file: CardFile, kind: CardKind | None, progress: Progress) -> Imported:
    """Read the lines of `source` (UTF-8; `.gz` is unpacked) into `file`; `kind` is that of lines that name none.

    A card with the id of one that is there replaces it. Raises DataFileError where the file cannot be read, or none of
    its lines is a card.
    """
    result = Imported()
    cards: dict[CardKind, list[tuple[Any, str]]] = {"dataset": [], "model": []}
    try:
        with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as stream:
            for number, line in progress.track(_lines(stream), f"reading {source.name}"):
                _take(number, line, kind, cards, result)
                if sum(map(len, cards.values())) >= _BATCH:
                    _store(file, cards, result)
    except (OSError, EOFError) as error:
        _store(file, cards, result)
        said = getattr(error, "strerror", None) or str(error)
        kept = f"; the {result.cards} cards before that are kept" if result.cards else ""
        raise DataFileError(f"{source} cannot be read to its end ({said}){kept}") from error
    _store(file, cards, result)
    if not result.cards and not result.passed_over:
        why = f"line {result.bad[0][0]}: {result.bad[0][1]}" if result.bad else "it is empty"
        raise DataFileError(f"no line of {source} is a card ({why}); `prompt2model index import --help` shows how")
    return result


def _lines(stream: Any) -> Iterator[tuple[int, bytes | None]]:
    """(number, line); None for a line above 20 MB, which is passed over unread."""
    number = 0
    while line := stream.readline(_MOST_LINE):
        number += 1
        whole = line.endswith(b"\n") or len(line) < _MOST_LINE
        while not whole:
            rest = stream.readline(_MOST_LINE)
            whole = rest.endswith(b"\n") or len(rest) < _MOST_LINE
            line = b""
        if not line or line.strip():
            yield number, line or None


def _take(
    number: int,
    line: bytes | None,
    kind: CardKind | None,
    cards: dict[CardKind, list[tuple[Any, str]]],
    result: Imported,
) -> None:
    try:
        if line is None:
            raise ValueError(f"longer than {_MOST_LINE // 10**6} MB")
        facts = _facts(line)
        own_kind = facts.pop("kind", kind)
        if own_kind not in get_args(CardKind):
            raise ValueError("`kind` is neither dataset nor model")
        card, modified = _READERS[own_kind](facts)
    except _NoTextModelError:
        result.passed_over += 1
        return
    except (ValueError, RecursionError) as error:
        result.bad.append((number, " ".join(str(error).split())[:200]))
        return
    result.unknown_fields.update(str(name)[:100] for name in facts)
    card, cut = bounded(card)
    if cut:
        result.cut.append(card.id)
    cards[own_kind].append((card, modified))


def _store(file: CardFile, cards: dict[CardKind, list[tuple[Any, str]]], result: Imported) -> None:
    with file.writing():
        file.datasets.put(cards["dataset"], imported=True)
        file.models.put(cards["model"], imported=True)
    result.datasets += len(cards["dataset"])
    result.models += len(cards["model"])
    for kept in cards.values():
        kept.clear()


def _facts(line: bytes) -> dict[str, Any]:
    """The line's object with our names of fields, without those that are null. Raises ValueError."""
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is no UTF-8") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ValueError(f"no JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    facts: dict[str, Any] = {}
    for name, value in content.items():
        if value is not None:
            facts.setdefault(_SPELLINGS.get(str(name), str(name)), value)
    return facts


def _dataset(facts: dict[str, Any]) -> tuple[DatasetCard, str]:
    name, text = _id(facts), _text(facts, "text")
    title, description = _text(facts, "title"), _text(facts, "description")
    card = DatasetCard(
        id=name,
        origin="hub",
        title=title or name,
        description=description or first_sentences(text),
        text=plain_text(text[:200_000]) if text else description,
        licence=_text(facts, "licence").lower() or None,
        languages=tuple(code.lower() for code in _texts(facts, "languages")),
        tags=(*_texts(facts, "task_categories"), *_texts(facts, "tags")),
        rows=_count(facts, "rows"),
        bytes=_count(facts, "bytes"),
        gated=_flag(facts, "gated"),
        downloads=_count(facts, "downloads"),
        columns=_texts(facts, "columns"),
        sample=_text(facts, "sample"),
    )
    return card, _text(facts, "last_modified")


def _model(facts: dict[str, Any]) -> tuple[ModelCard, str]:
    name, text = _id(facts), _text(facts, "text")
    family = _family(facts)
    tags, description = _texts(facts, "tags"), _text(facts, "description")
    card = ModelCard(
        id=name,
        family=family,
        parameters=_count(facts, "parameters"),
        bytes=_count(facts, "bytes"),
        licence=_text(facts, "licence").lower() or None,
        languages=tuple(code.lower() for code in _texts(facts, "languages")),
        instruction_tuned=_flag(facts, "instruction_tuned"),
        gated=_flag(facts, "gated"),
        downloads=_count(facts, "downloads"),
        description=" ".join((description, *tags)).strip(),
        facts_date=_text(facts, "facts_date"),
        facts_source=_text(facts, "facts_source") or "imported",
        text=plain_text(text[:200_000]),
        origin="hub",
    )
    return card, _text(facts, "last_modified")


_READERS: Mapping[CardKind, Callable[[dict[str, Any]], tuple[Any, str]]] = {"dataset": _dataset, "model": _model}


def _id(facts: dict[str, Any]) -> str:
    name = _text(facts, "id").strip()
    if not name:
        raise ValueError("no `id`")
    if not is_id(name):
        raise ValueError("`id` is no name")
    return name


def _family(facts: dict[str, Any]) -> Family:
    """The family that is named, or that the config names; never a guess."""
    named, config = facts.pop("family", None), facts.pop("config", None)
    if named is not None:
        if named not in get_args(Family):
            raise ValueError(f"`family` is none of {', '.join(get_args(Family))}")
        return named
    if not isinstance(config, dict):
        raise ValueError("a model needs `family`, or `config` with its model_type")
    family = family_of(config)
    if family is None:
        raise _NoTextModelError
    return family


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.pop(name, "")
    if name == "licence" and isinstance(value, list):
        value = ", ".join(text_list(value))
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is no text")
    return value


def _texts(facts: dict[str, Any], name: str) -> tuple[str, ...]:
    value = facts.pop(name, [])
    if not isinstance(value, (str, list)) or not all(isinstance(one, (str, bool)) for one in value):
        raise ValueError(f"`{name}` is neither a text nor a list of texts")
    return text_list(value)


def _count(facts: dict[str, Any], name: str) -> int | None:
    value = facts.pop(name, None)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError(f"`{name}` is no count")
    return value


def _flag(facts: dict[str, Any], name: str) -> bool | None:
    value = facts.pop(name, None)
    # The hub says `auto` or `manual` of how access is granted.
    if value in ("auto", "manual"):
        return True
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"`{name}` is neither true nor false")
    return value
