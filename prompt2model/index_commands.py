"""`prompt2model index`: cards of data sets and models in a file of one's own, crawled from the hub or imported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prompt2model.errors import HubError, StoppedError

if TYPE_CHECKING:
    from prompt2model.catalogue.card_file import CardFile, CardKind, KindInfo
    from prompt2model.catalogue.crawling import Crawled

_NAMED = 5

index_app = typer.Typer(
    help="Keep the hub's cards in a file of your own, so that everything there is can be searched at once.",
    short_help="Keep the hub's cards in a file of your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_BUILD_HELP = """Crawl the hub's cards of data sets and models into a file.

\b
prompt2model index build
prompt2model index build --kind models --with-texts

It can be stopped at any time: the same command goes on at the last page that was stored. HF_ENDPOINT names another
hub; HF_TOKEN is used where it is set, and not needed.
"""

_IMPORT_HELP = """Add cards from JSON lines: one object a line, UTF-8, `.gz` is unpacked.

\b
{"kind": "dataset", "id": "ann/mails", "licence": "mit", "languages": ["de"], "text": "Mails that …"}
{"kind": "model", "id": "ann/reader", "family": "encoder", "bytes": 90000000, "languages": ["en"]}

\b
kind            dataset or model; --kind for lines that name none
id              as the hub has it: owner/name
licence         an id such as mit or cc-by-4.0; `license` too
languages       codes: ["en", "de"]; `language` too
tags            a list of words; for a data set `task_categories` too
text            the card's text; Markdown is taken out
description     one or two sentences
bytes           of the data files, or of the weights
downloads       how often it was fetched
gated           true where terms have to be accepted first
last_modified   date of the last change; `lastModified` too
title, rows, columns, sample               of a data set
family                                     of a model: encoder, encoder_decoder or decoder
config                                     of a model, in place of family: {"model_type": "bert"}
parameters, instruction_tuned, facts_date, facts_source   of a model

Only `kind` and `id` are needed, and a model's `family` or `config`. Unknown stays unknown: leave it out. A card
replaces the one with its id. Lines that are no card are counted and named; the others are kept.
"""


class Kinds(StrEnum):
    """Which cards."""

    datasets = "datasets"
    models = "models"


File = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="The file of cards; one in the runs folder when absent.", show_default=False),
]
Runs = Annotated[Path, typer.Option(metavar="FOLDER", help="Where run folders are kept.")]
Kind = Annotated[Kinds | None, typer.Option(help="Only these cards; both when absent.", show_default=False)]


@index_app.command("build", help=_BUILD_HELP, short_help="Crawl the hub's cards, or go on with a crawl.")
def build_command(
    kind: Kind = None,
    with_texts: Annotated[
        bool | None,
        typer.Option(
            "--with-texts/--without-texts",
            help="Fetch each card's own text too: one request a card. Without when absent, or as it was begun.",
            show_default=False,
        ),
    ] = None,
    file: File = None,
    runs: Runs = Path("runs"),
) -> None:
    """See `_BUILD_HELP`."""
    from prompt2model.catalogue.card_file import CardFile
    from prompt2model.catalogue.crawling import build
    from prompt2model.console import ConsoleProgress

    with _kept("build"), CardFile(_place(file, runs), make=True) as cards:
        _say_notes(cards)
        _show_crawled(build(cards, _kinds(kind), with_texts, ConsoleProgress()), cards)


@index_app.command("update", short_help="Fetch what changed on the hub since the crawl.")
def update_command(kind: Kind = None, file: File = None, runs: Runs = Path("runs")) -> None:
    """Fetch the cards that were added or changed on the hub since the last crawl, by their date.

    What a card's date does not tell stays as it was: downloads, and cards that are gone from the hub.
    """
    from prompt2model.catalogue.card_file import CardFile
    from prompt2model.catalogue.crawling import update
    from prompt2model.console import ConsoleProgress

    with _kept("update"), CardFile(_place(file, runs)) as cards:
        _say_notes(cards)
        _show_crawled(update(cards, _kinds(kind), ConsoleProgress()), cards)


@index_app.command("info", short_help="Say how old, how big and how complete the file is.")
def info_command(file: File = None, runs: Runs = Path("runs")) -> None:
    """Say where the file of cards is, how old and how big, and how many cards of which kind it holds."""
    from prompt2model.catalogue.card_file import CardFile

    with CardFile(_place(file, runs)) as cards:
        _say_notes(cards)
        info = cards.info()
    print(f"{info.path}, {info.bytes / 1e6:,.1f} MB")
    _show_kind("data sets", info.datasets)
    _show_kind("models", info.models)
    kept = "; ".join(f"{count:,} by {encoder}" for encoder, count in info.vectors.items()) or "none yet"
    print(f"embeddings: {kept} (a search computes those of the cards that it shortlists, and keeps them)")


@index_app.command("import", help=_IMPORT_HELP, short_help="Add cards from a file of JSON lines.")
def import_command(
    source: Annotated[Path, typer.Argument(metavar="JSONL", help="The file to read.", show_default=False)],
    kind: Kind = None,
    file: File = None,
    runs: Runs = Path("runs"),
) -> None:
    """See `_IMPORT_HELP`."""
    from prompt2model.catalogue.card_file import CardFile
    from prompt2model.catalogue.card_import import import_cards
    from prompt2model.console import ConsoleProgress
    from prompt2model.errors import DataFileError

    if not source.is_file():
        raise DataFileError(f"there is no file {source}; give one of JSON lines")
    with _kept("import"), CardFile(_place(file, runs), make=True) as cards:
        _say_notes(cards)
        done = import_cards(source, cards, _kinds(kind)[0] if kind else None, ConsoleProgress())
    print(f"{done.datasets:,} data sets and {done.models:,} models imported into {cards.path}")
    if done.passed_over:
        print(f"{done.passed_over:,} models left out: their config names no text family")
    if done.bad:
        named = [f"line {number} ({why})" for number, why in done.bad]
        print(f"{_lines_are(len(done.bad))} no card and left out: {_some(named)}")
    if done.unknown_fields:
        print(f"fields without a meaning here were passed over: {_some(sorted(done.unknown_fields))}")
    _show_cut(done.cut)


def _kinds(kind: Kinds | None) -> Sequence[CardKind]:
    return {None: ("dataset", "model"), Kinds.datasets: ("dataset",), Kinds.models: ("model",)}[kind]


def _place(file: Path | None, runs: Path) -> Path:
    from prompt2model.catalogue.card_file import default_card_file
    from prompt2model.run_store import cache_folder_of

    return file if file is not None else default_card_file(cache_folder_of(runs))


@contextmanager
def _kept(command: str) -> Iterator[None]:
    """However it ends, a person is told that what was stored stays, and how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise StoppedError(f"stopped; everything stored is kept: go on with `prompt2model index {command}`") from error
    except HubError as error:
        raise HubError(f"{error}; what was stored is kept, `prompt2model index {command}` goes on there") from error


def _say_notes(cards: CardFile) -> None:
    for note in cards.notes:
        typer.echo(note, err=True)


def _show_crawled(crawled: Iterable[Crawled], cards: CardFile) -> None:
    from prompt2model.catalogue.hub_lists import NAMES

    for one in crawled:
        name = NAMES[one.kind]
        total = f"{len(cards.of(one.kind)):,} {name} in {cards.path}"
        if one.found_complete:
            print(f"{total}: crawled already; `prompt2model index update` fetches what changed")
            continue
        print(f"{total}: {one.new:,} new, {one.changed:,} changed")
        if one.passed_over:
            print(f"  {one.passed_over:,} models left out: their config names no text family")
        if one.unreadable:
            print(f"  {_entries_are(len(one.unreadable))} no card and left out: {_some(one.unreadable)}")
        if one.without_text:
            print(
                f"  {len(one.without_text):,} cards kept without their texts, which the hub could not send: "
                f"{_some(one.without_text)}"
            )
        _show_cut(one.cut)


def _show_cut(names: Sequence[str]) -> None:
    if names:
        print(f"  {len(names):,} cards were longer than what is kept of one, and cut: {_some(names)}")


def _show_kind(name: str, info: KindInfo) -> None:
    print(f"{info.cards:,} {name}" + (f", {info.imported:,} of them imported" if info.imported else ""))
    crawl = info.crawl
    if crawl is None:
        print("  not crawled")
        return
    texts = "with texts" if crawl.with_texts else "without texts"
    if crawl.ended:
        known = f"complete up to {_day(crawl.ended)}, looked at last on {_day(crawl.on)} ({_age(crawl.on)})"
        if crawl.running:
            known += "; an update is not finished, `prompt2model index update` goes on"
    else:
        known = f"not complete, last page on {_day(crawl.on)}; `prompt2model index build` goes on"
    print(f"  crawled from {crawl.endpoint} {texts}: {known}")
    if crawl.passed_over:
        print(f"  left out by the full crawl: {crawl.passed_over:,} models whose config names no text family")
    if crawl.unreadable:
        print(f"  left out by the full crawl: {crawl.unreadable:,} entries that could not be read")


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _lines_are(count: int) -> str:
    return "1 line is" if count == 1 else f"{count:,} lines are"


def _entries_are(count: int) -> str:
    return "1 entry of the list is" if count == 1 else f"{count:,} entries of the list are"


def _day(time: str) -> str:
    return time[:10] or "no day"


def _age(time: str) -> str:
    days = (datetime.now(UTC) - datetime.fromisoformat(time)).days
    return "today" if days == 0 else "yesterday" if days == 1 else f"{days:,} days ago"
