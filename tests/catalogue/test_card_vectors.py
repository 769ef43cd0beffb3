"""One file holds cards, their words and their embeddings; what is no file of cards is not written to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from prompt2model.catalogue.card_file import CardFile, default_card_file
from prompt2model.catalogue.card_vectors import card_vectors
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.component import RunContext
from prompt2model.index_commands import info_command
from prompt2model.sqlite_file import open_database

Make = Callable[..., RunContext]
OWN = "card_vectors.sqlite"
CARD = DatasetCard("ann/mails", "hub", "Mails", text="Mails of customers about parcels")


def test_one_file_holds_cards_words_and_embeddings(make_context: Make, capsys: pytest.CaptureFixture[str]) -> None:
    context = make_context()
    place = default_card_file(context.cache_folder)
    with CardFile(place, make=True) as file:
        file.datasets.put([(CARD, "")])
    info_command(file=place)
    assert "embeddings: none yet (a search computes those of the cards" in capsys.readouterr().out
    first = card_vectors(context)(["mails", "parcels"])
    assert (card_vectors(context)(["parcels"]) == first[1:]).all()
    info_command(file=place)
    lines = capsys.readouterr().out.splitlines()
    assert "1 data sets" in lines
    assert lines[-1].startswith("embeddings: 2 by sentence-transformers/all-MiniLM-L6-v2, first 256 tokens")
    with CardFile(place) as file:
        assert file.notes == []
        assert [card for card, _ in file.datasets.search("parcels", 3)] == [CARD]
    assert [path.name for path in context.cache_folder.iterdir()] == ["catalogue"]


def write_text(path: Path) -> None:
    path.write_text("my notes\n" * 100)


def write_database(path: Path) -> None:
    with closing(open_database(path)) as connection:
        connection.execute("CREATE TABLE accounts (name TEXT)")


def write_newer(path: Path) -> None:
    CardFile(path, make=True).close()
    with closing(open_database(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")


@pytest.mark.parametrize("write", [write_text, write_database, write_newer, Path.touch, Path.mkdir])
def test_what_is_no_file_of_cards_stays_as_it_is(make_context: Make, write: Callable[[Path], None]) -> None:
    context = make_context()
    place = default_card_file(context.cache_folder)
    place.parent.mkdir(parents=True)
    write(place)
    before = place.read_bytes() if place.is_file() else b""
    assert card_vectors(context)(["mails"]).shape == (1, 384)
    assert (place.read_bytes() if place.is_file() else b"") == before
    assert (context.cache_folder / OWN).is_file()


def test_a_file_of_cards_may_be_made_where_embeddings_came_first(make_context: Make) -> None:
    """Somebody deletes the file of cards while a search is at work."""
    context = make_context()
    place = default_card_file(context.cache_folder)
    CardFile(place, make=True).close()
    embed = card_vectors(context)
    place.unlink()
    embed(["mails"])
    with CardFile(place, make=True) as file:
        assert sum(file.info().vectors.values()) == 1


CRAWLER = """
import sys
from pathlib import Path
from prompt2model.catalogue.card_file import CardFile
from prompt2model.catalogue.dataset_cards import DatasetCard
with CardFile(Path(sys.argv[1])) as file:
    for page in range(40):
        with file.writing():
            cards = [DatasetCard(f"x/{page} {n}", "hub", "Mails", text=f"parcel {n} " * 20) for n in range(50)]
            file.datasets.put([(card, "") for card in cards])
"""


def test_embeddings_are_kept_while_another_process_crawls(make_context: Make) -> None:
    context = make_context()
    place = default_card_file(context.cache_folder)
    CardFile(place, make=True).close()
    embed, kept = card_vectors(context), 0
    crawler = subprocess.Popen([sys.executable, "-c", CRAWLER, str(place)])
    while crawler.poll() is None:
        embed([f"mail {kept}"])
        kept += 1
    assert crawler.returncode == 0
    with CardFile(place) as file:
        assert (len(file.datasets), sum(file.info().vectors.values())) == (2000, kept)
        assert len(file.datasets.search("parcel", 5)) == 5
    assert not (context.cache_folder / OWN).exists()
