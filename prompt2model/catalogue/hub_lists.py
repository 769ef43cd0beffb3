"""The hub's lists of data sets and models, page by page, newest change first, and the texts of their cards.

`HfApi.list_datasets` and `list_models` hide where a list stands; here the query of the next page is seen, so that it
can be kept. It holds the last card's date and number, so it leads on from there whatever changed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from prompt2model.catalogue.card_bounds import is_id
from prompt2model.catalogue.card_file import CardKind
from prompt2model.catalogue.card_text import first_sentences, plain_text, split_card
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.hub import DATASET_FACTS, MODEL_FACTS, dataset_card_of, model_card_of
from prompt2model.catalogue.hub_requests import Answer, HubRequests
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.errors import HubError

Card: TypeAlias = DatasetCard | ModelCard

NAMES: Mapping[CardKind, str] = {"dataset": "data sets", "model": "models"}
"""What a person reads."""

_FACTS: Mapping[CardKind, Sequence[str]] = {"dataset": DATASET_FACTS, "model": MODEL_FACTS}
_MOST_PAGE = 256_000_000
MOST_README = 400_000
"""Bytes of a card's file that are read."""
_MOST_TEXT = 20_000
_NO_LONGER = {400, 404, 410, 416, 422}
"""How a server says that it does not know the place of a list any more."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry of a list. `modified`: the day and time of its last change (UTC, ISO 8601), empty where unknown.

    `card` is None for a model of no text family.
    """

    id: str
    modified: str
    card: Card | None


@dataclass(frozen=True, slots=True)
class ListPage:
    """Entries, the names of those that cannot be read, and where the list goes on (None: it ends here)."""

    listed: tuple[Listed, ...]
    unreadable: tuple[str, ...]
    next: str | None


class PlaceLostError(HubError):
    """The hub does not know this place of a list any more."""


def endpoint() -> str:
    """The hub's address, as `HF_ENDPOINT` or the client library says. Raises HubError for one that is none."""
    from huggingface_hub import HfApi

    address = str(HfApi().endpoint)
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise HubError(f"HF_ENDPOINT is {address!r}; an address begins with https:// or http:// and names a host")
    return address


def fetch_page(requests: HubRequests, kind: CardKind, place: str | None) -> ListPage:
    """One page of a list, from its beginning or a place that an earlier page named.

    Only the query of a next page is followed, never its host: a token goes to the endpoint alone.
    Raises HubError; PlaceLostError where the place is refused.
    """
    first = [("sort", "lastModified"), *(("expand", fact) for fact in ("lastModified", *_FACTS[kind]))]
    query = first if place is None else parse_qsl(place, keep_blank_values=True)

    def read(answer: Answer) -> ListPage:
        if answer.status in _NO_LONGER and place is not None:
            raise PlaceLostError(f"the hub does not know this place of the list of {NAMES[kind]} any more")
        if answer.status in (401, 403):
            raise HubError(f"the hub refuses the list of {NAMES[kind]} (status {answer.status}); check HF_TOKEN")
        if answer.status != 200:
            raise HubError(f"the hub answers with status {answer.status} for {NAMES[kind]}; check HF_ENDPOINT")
        if answer.cut:
            raise HubError(f"the hub sends a page of {NAMES[kind]} of more than {_MOST_PAGE // 10**6} MB")
        if answer.next_query is not None and answer.next_query == place:
            raise HubError(f"the hub's list of {NAMES[kind]} leads from a page to the same page; check HF_ENDPOINT")
        return _page(kind, answer)

    return requests.get(f"{endpoint()}/api/{kind}s", query, f"the list of {NAMES[kind]}", _MOST_PAGE, read)


def _page(kind: CardKind, answer: Answer) -> ListPage:
    """Raises ValueError for what is no list."""
    try:
        items = json.loads(answer.content)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    if not isinstance(items, list):
        raise ValueError("it is no list")
    listed, unreadable = [], []
    for number, item in enumerate(items):
        try:
            listed.append(_listed(kind, item))
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError):
            name = item.get("id") if isinstance(item, dict) else None
            unreadable.append(str(name)[:200] if name else f"entry {number + 1} of a page")
    if items and not listed:
        raise ValueError(f"none of its {len(items)} entries is a card")
    return ListPage(tuple(listed), tuple(unreadable), answer.next_query)


def _listed(kind: CardKind, item: Any) -> Listed:
    from huggingface_hub import DatasetInfo, ModelInfo

    info: Any = (DatasetInfo if kind == "dataset" else ModelInfo)(**item)
    if not isinstance(info.id, str) or not is_id(info.id):
        raise ValueError("no id")
    modified = info.last_modified
    date = modified.astimezone(UTC).isoformat(timespec="milliseconds") if modified else ""
    if kind == "dataset":
        return Listed(info.id, date, dataset_card_of(info))
    card = model_card_of(info)
    today = datetime.now(UTC).date().isoformat()
    return Listed(info.id, date, None if card is None else replace(card, facts_date=today))


def with_text(requests: HubRequests, kind: CardKind, card: Card) -> tuple[Card, bool]:
    """(the card with the text of its README, whether that was cut). A card without one, or a closed one, as it is.

    Raises HubError when the hub does not answer.
    """
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(card.id, "README.md", repo_type=kind)
    answer = requests.get(url, (), f"the card of {card.id}", MOST_README, lambda answer: answer)
    if answer.status != 200:
        return card, False
    body = split_card(answer.content.decode("utf-8", errors="replace"))[1]
    text = plain_text(body)[:_MOST_TEXT]
    if not text:
        return card, answer.cut
    if isinstance(card, DatasetCard):
        return replace(card, text=text, description=card.description or first_sentences(body)), answer.cut
    return replace(card, text=text), answer.cut
