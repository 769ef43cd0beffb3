"""Crawling the hub's lists into a file of cards: resumed at the last stored page, updated by what changed since.

A list runs from the newest change to the oldest. A full crawl takes all of it, then once more what changed while it
went on (a card that is changed moves to the front, past the place of the crawl). An update takes the front down to the
newest change that is known. Every page is stored with the place of the next one in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from prompt2model.catalogue.card_bounds import bounded
from prompt2model.catalogue.card_file import CardFile, CardKind, CrawlState
from prompt2model.catalogue.hub_lists import (
    NAMES,
    Card,
    Listed,
    ListPage,
    PlaceLostError,
    endpoint,
    fetch_page,
    with_text,
)
from prompt2model.catalogue.hub_requests import FEW_TRIES, BrokenAnswerError, HubRequests
from prompt2model.errors import CardFileError, HubError

if TYPE_CHECKING:
    from prompt2model.component import Progress

_READERS = 8
_AT_ONCE = 100
"""Cards whose texts are fetched before they are stored."""


@dataclass
class Crawled:
    """What one command brought of one kind of card. Names are ids.

    `passed_over` counts the models of no text family that a full crawl came by. `without_text`: the hub broke down when
    their text was asked for. `found_complete`: there was nothing to
    do.
    """

    kind: CardKind
    new: int = 0
    changed: int = 0
    passed_over: int = 0
    unreadable: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    without_text: list[str] = field(default_factory=list)
    found_complete: bool = False


def build(file: CardFile, kinds: Sequence[CardKind], with_texts: bool | None, progress: Progress) -> list[Crawled]:
    """Crawl everything, or go on with a crawl that did not come to its end. One that did is left as it is.

    `with_texts` None: as the crawl was begun. Raises HubError, with everything stored so far kept; CardFileError where
    another process crawls, or the file holds cards of another hub.
    """
    with file.crawling():
        return [_build(file, kind, with_texts, progress) for kind in kinds]


def update(file: CardFile, kinds: Sequence[CardKind], progress: Progress) -> list[Crawled]:
    """Fetch what was added or changed since the last crawl. Raises as `build`, and where there is nothing to update."""
    states = {kind: file.crawl(kind) for kind in kinds}
    begun = {kind: state for kind, state in states.items() if state is not None}
    if not begun:
        raise CardFileError(
            f"{file.path} holds no crawled {' and no '.join(NAMES[kind] for kind in kinds)}; "
            "`prompt2model index build` crawls them"
        )
    for kind, state in begun.items():
        if not state.ended:
            raise CardFileError(
                f"the crawl of {NAMES[kind]} into {file.path} is not finished; go on with `prompt2model index build`"
            )
    with file.crawling():
        return [_update(file, kind, progress) for kind in begun]


def _build(file: CardFile, kind: CardKind, with_texts: bool | None, progress: Progress) -> Crawled:
    state = file.crawl(kind)
    if state is None:
        state = CrawlState(endpoint(), bool(with_texts), _now())
    else:
        _check(file, kind, state, with_texts)
    if state.ended:
        return Crawled(kind, found_complete=True)
    crawl = _Crawl(file, kind, state, progress)
    if not state.since:
        crawl.run(f"crawling {NAMES[kind]}")
    if not crawl.state.ended:
        crawl.run(f"catching up on {NAMES[kind]}")
    return crawl.result


def _update(file: CardFile, kind: CardKind, progress: Progress) -> Crawled:
    state = file.crawl(kind)
    if state is None:
        raise CardFileError(f"the crawl of {NAMES[kind]} is gone from {file.path}; crawl again")
    _check(file, kind, state, None)
    crawl = _Crawl(file, kind, state, progress)
    if state.running:
        # An update that was stopped; what changed since then is in front of where it began.
        crawl.run(f"going on with the update of {NAMES[kind]}")
    crawl.begin(since=crawl.state.ended)
    crawl.run(f"updating {NAMES[kind]}")
    return crawl.result


def _check(file: CardFile, kind: CardKind, state: CrawlState, with_texts: bool | None) -> None:
    if state.endpoint != endpoint():
        raise CardFileError(
            f"{file.path} holds {NAMES[kind]} crawled from {state.endpoint}, and HF_ENDPOINT is {endpoint()}; "
            "give another --file, or set HF_ENDPOINT to that"
        )
    if with_texts is not None and with_texts != state.with_texts:
        begun = "with" if state.with_texts else "without"
        raise CardFileError(
            f"the {NAMES[kind]} in {file.path} are crawled {begun} texts; give another --file, or delete that one"
        )


class _Crawl:
    """The passes over one list. `state` is what the file says."""

    def __init__(self, file: CardFile, kind: CardKind, state: CrawlState, progress: Progress) -> None:
        self.state = state
        self.result = Crawled(kind)
        self._file, self._kind, self._progress = file, kind, progress
        self._cards = file.of(kind)
        self._lists = HubRequests(progress.say)
        self._texts = HubRequests(progress.say, FEW_TRIES)
        self._last = ""

    def begin(self, since: str) -> None:
        """Start a pass over what changed since a time; nothing is written before its first page."""
        self.state = replace(self.state, place=None, since=since, newest="", begun=_now(), running=True)
        self._last = ""

    def run(self, description: str) -> None:
        """One pass from its place to its end, with a bar that counts cards."""
        for _ in self._progress.track(self._entries(), description):
            pass

    def _entries(self) -> Iterator[Listed]:
        going = True
        while going:
            page = self._page()
            listed = self._wanted(page)
            # Of an update, a page with an older entry is the last one.
            last = page.next is None or len(listed) < len(page.listed)
            self._store(listed, page, last)
            yield from listed
            going = not last

    def _page(self) -> ListPage:
        try:
            return fetch_page(self._lists, self._kind, self.state.place)
        except PlaceLostError as error:
            self._progress.say(f"  {error}; it is read again from its beginning, the cards that are here stay")
            self.state = replace(self.state, place=None, newest="", passed_over=0, unreadable=0)
            self._last = ""
            return fetch_page(self._lists, self._kind, None)

    def _wanted(self, page: ListPage) -> list[Listed]:
        """The entries of a page that belong to this pass."""
        if not self.state.since:
            return list(page.listed)
        dates = [*([self._last] if self._last else []), *(one.modified for one in page.listed)]
        if any(later > earlier for earlier, later in pairwise(dates)):
            raise HubError(
                f"{self.state.endpoint} does not list its {NAMES[self._kind]} by their last change, so nobody can tell "
                "what is new; crawl again into another --file"
            )
        self._last = dates[-1] if dates else self._last
        return [one for one in page.listed if one.modified >= self.state.since]

    def _store(self, listed: Sequence[Listed], page: ListPage, last: bool) -> None:
        """A page in one transaction; with texts in several, of which the last one moves the place."""
        changed = [one for one in listed if one.card is None or not self._is_here(one)]
        step = _AT_ONCE if self.state.with_texts else max(len(changed), 1)
        parts = [changed[start : start + step] for start in range(0, len(changed), step)] or [[]]
        for part in parts[:-1]:
            self._write(part, None)
        self._write(parts[-1], self._after(listed, page, last))

    def _is_here(self, one: Listed) -> bool:
        return bool(one.modified) and self._cards.modified(one.id) == one.modified

    def _after(self, listed: Sequence[Listed], page: ListPage, last: bool) -> CrawlState:
        """The state once a page is stored."""
        state = replace(self.state, place=page.next, on=_now())
        if self.state.place is None:
            state = replace(state, newest=max((one.modified for one in page.listed), default="") or state.newest)
        if not state.since:
            passed_over = sum(one.card is None for one in listed)
            self.result.passed_over += passed_over
            state = replace(
                state,
                passed_over=state.passed_over + passed_over,
                unreadable=state.unreadable + len(page.unreadable),
            )
        self.result.unreadable += page.unreadable
        if not last:
            return state
        if not state.since and state.newest:
            return replace(state, place=None, since=state.newest, newest="")
        return replace(state, place=None, ended=max(state.newest, state.ended) or state.on, running=False)

    def _write(self, part: Sequence[Listed], after: CrawlState | None) -> None:
        cards = self._complete(part)
        gone = [one.id for one in part if one.card is None]
        new = sum(self._cards.modified(card.id) is None for card, _ in cards)
        with self._file.writing():
            self._cards.put(cards)
            # A model whose config names no text family any more.
            self._cards.index.remove(gone)
            if after is not None:
                self._file.keep_crawl(self._kind, after)
        self.state = after or self.state
        self.result.new += new
        self.result.changed += len(cards) - new

    def _complete(self, part: Sequence[Listed]) -> list[tuple[Card, str]]:
        """(card, time of its last change) as they are kept: with their texts where these are wanted, within bounds."""
        cards = [(one.card, one.modified) for one in part if one.card is not None]
        read = (
            self._read([card for card, _ in cards]) if self.state.with_texts else [(card, False) for card, _ in cards]
        )
        kept = [(*bounded(card), cut) for card, cut in read]
        self.result.cut += [card.id for card, bound, cut in kept if bound or cut]
        return [(card, modified) for (card, *_), (_, modified) in zip(kept, cards, strict=True)]

    def _read(self, cards: Sequence[Card]) -> list[tuple[Card, bool]]:
        """Cards with their texts, several fetched at once."""
        pool = ThreadPoolExecutor(_READERS)
        try:
            return list(pool.map(self._read_one, cards))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _read_one(self, card: Card) -> tuple[Card, bool]:
        """One broken repository must not hold up all others: its card is kept without its text."""
        try:
            return with_text(self._texts, self._kind, card)
        except BrokenAnswerError:
            self.result.without_text.append(card.id)
            return card, False


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
