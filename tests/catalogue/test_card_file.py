"""The file of cards is taken over from older versions and refuses, untouched, what is none of ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from prompt2model.catalogue.card_file import VERSION, CardFile, CrawlState
from prompt2model.catalogue.dataset_cards import DatasetCard
from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.errors import CardFileError
from prompt2model.text_index.index_tables import SCHEMA_VERSION

MAILS = DatasetCard("ann/mails", "hub", "Mails", text="Mails of customers about parcels", licence="mit", tags=("mail",))
READER = ModelCard("ann/reader", "encoder", parameters=7, languages=("de", "en"), description="reads tickets")
STATE = CrawlState("http://hub", False, "2026-01-01", ended="2026-01-02", running=False)


def full(path: Path) -> Path:
    with CardFile(path, make=True) as file, file.writing():
        file.datasets.put([(MAILS, "2026-01-02")])
        file.models.put([(READER, "2026-01-02")])
        file.keep_crawl("dataset", STATE)
    return path


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_cards_come_back_as_they_were(tmp_path: Path) -> None:
    path = full(tmp_path / "sub" / "cards.sqlite")
    with CardFile(path) as file:
        assert file.notes == []
        assert [card for card, _ in file.datasets.search("parcels", 3)] == [MAILS]
        assert [card for card, _ in file.models.search("tickets de", 3)] == [READER]
        assert file.models.search("parcels", 3) == []
        assert file.crawl("dataset") == STATE
        assert file.crawl("model") is None
        assert (file.datasets.modified("ann/mails"), file.datasets.modified("ann/other")) == ("2026-01-02", None)


def test_all_of_a_batch_is_written_or_nothing(tmp_path: Path) -> None:
    path = full(tmp_path / "cards.sqlite")
    with CardFile(path) as file:
        with pytest.raises(ZeroDivisionError), file.writing():
            file.datasets.put([(DatasetCard("ann/new", "hub", "New"), "")])
            file.keep_crawl("model", STATE)
            raise ZeroDivisionError
        assert file.datasets.ids() == ("ann/mails",)
        assert file.crawl("model") is None


@pytest.mark.parametrize(
    "statement", ["UPDATE text_indices SET version = 2", "UPDATE text_indices SET weights = '1.0,1.0'"]
)
def test_an_index_of_an_older_version_is_made_anew_from_its_cards(tmp_path: Path, statement: str) -> None:
    path = full(tmp_path / "cards.sqlite")
    change(path, statement, "DELETE FROM datasets_lists", "DELETE FROM models_lists")
    with CardFile(path) as file:
        assert file.notes == [f"{path} was made by an older version; its cards are indexed anew"]
        assert [card for card, _ in file.datasets.search("parcels", 3)] == [MAILS]
        assert [card for card, _ in file.models.search("tickets", 3)] == [READER]
        assert file.crawl("dataset") == STATE
        assert file.datasets.modified("ann/mails") == "2026-01-02"
    with CardFile(path) as file:
        assert file.notes == []


@pytest.mark.parametrize(
    "statements",
    [
        ("UPDATE text_indices SET fields = 'title' WHERE name = 'datasets'",),
        (
            "UPDATE text_indices SET version = 2 WHERE name = 'datasets'",
            "UPDATE datasets_documents SET texts = 'in another form'",
        ),
    ],
    ids=["other fields", "unreadable"],
)
def test_cards_that_an_older_version_kept_otherwise_are_crawled_again(
    tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = full(tmp_path / "cards.sqlite")
    change(path, *statements)
    with CardFile(path) as file:
        (note,) = file.notes
        assert f"{path} kept its dataset cards in a form that cannot be read any more" in note
        assert "`prompt2model index build` or `index import` brings them again" in note
        assert (file.datasets.ids(), file.crawl("dataset")) == ((), None)
        assert file.models.ids() == ("ann/reader",)
        file.datasets.put([(MAILS, "2026-01-02")])
        assert [card for card, _ in file.datasets.search("parcels", 3)] == [MAILS]


def write_text(path: Path) -> None:
    path.write_text("my notes, not to be lost\n" * 100)


def write_database(path: Path) -> None:
    change(path, "CREATE TABLE accounts (name TEXT)", "INSERT INTO accounts VALUES ('ann')")


def write_versioned_database(path: Path) -> None:
    change(path, "CREATE TABLE accounts (name TEXT)", "PRAGMA user_version = 1")


def write_newer(path: Path) -> None:
    full(path)
    change(path, f"PRAGMA user_version = {VERSION + 1}")


def write_newer_index(path: Path) -> None:
    full(path)
    change(path, f"UPDATE text_indices SET version = {SCHEMA_VERSION + 1} WHERE name = 'models'")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (write_text, "is no card index"),
        (write_database, "a database of something else"),
        (write_versioned_database, "a database of something else"),
        (write_newer, "made by a newer version"),
        (write_newer_index, "made by a newer version"),
        (Path.mkdir, "is a folder"),
    ],
)
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, write: object, said: str) -> None:
    path = tmp_path / "other"
    write(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(CardFileError, match=said):
        CardFile(path, make=True)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_missing_file_is_not_made_by_looking(tmp_path: Path) -> None:
    with pytest.raises(CardFileError, match=r"no card index .* `prompt2model index build`"):
        CardFile(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    path = full(tmp_path / "cards.sqlite")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x07" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(CardFileError, match=r"is damaged .* delete it and crawl again"), CardFile(path) as file:
        file.datasets.search("parcels", 3)


def test_one_crawl_at_a_time_and_readers_all_the_while(tmp_path: Path) -> None:
    path = full(tmp_path / "cards.sqlite")
    with CardFile(path) as one, CardFile(path) as other, one.crawling():
        with pytest.raises(CardFileError, match="another process is crawling into"), other.crawling():
            pass
        with one.writing():
            one.datasets.put([(DatasetCard("ann/new", "hub", "New"), "")])
            assert other.datasets.ids() == ("ann/mails",)
        assert len(other.datasets) == 2
    with CardFile(path) as file, file.crawling():
        assert len(file.datasets) == 2
