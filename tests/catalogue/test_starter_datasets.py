"""The facts on data sets that ship are many, various, dated and bare."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from prompt2model.catalogue.dataset_cards import DatasetCatalogue
from prompt2model.catalogue.starter_datasets import STARTER_DATASETS_FILE, read_dataset_facts, starter_datasets
from prompt2model.errors import DataFileError

FAMILIES = (
    "topic", "sentiment", "intent", "emotion", "hate", "spam", "nli", "paraphrase", "multiple choice",
    "question answering", "summarisation", "translation", "code", "text to SQL", "simplification", "dialogue",
    "extraction", "reasoning", "maths", "instruction following", "grammar correction", "data to text", "fact checking",
)  # fmt: skip


def test_there_are_enough_of_every_family_in_many_languages() -> None:
    cards = starter_datasets()
    assert len(cards) >= 300
    families = Counter(tag for card in cards for tag in card.tags)
    assert {family: families[family] for family in FAMILIES if families[family] < 3} == {}
    languages = Counter(language for card in cards for language in card.languages)
    assert sum(count >= 3 for count in languages.values()) >= 15
    assert all(re.fullmatch("[a-z]{2}", language) for language in languages)


def test_every_card_is_one_of_the_hub_with_date_and_source() -> None:
    for card in starter_datasets():
        assert re.fullmatch(r"[\w.\-]+/[\w.\-]+", card.id), card.id
        assert card.origin == "starter"
        assert re.fullmatch(r"20\d\d(-\d\d)?", card.facts_date)
        assert card.facts_source
        assert card.tags
        assert card.description.endswith(".")
        assert 20 < len(card.description) < 130, card.id
        assert card.rows is None or card.rows > 0


def test_the_file_is_small_and_says_what_is_unknown() -> None:
    text = STARTER_DATASETS_FILE.read_text(encoding="utf-8")
    assert len(text.encode()) < 250_000
    facts = [json.loads(line) for line in text.splitlines()]
    assert len({one["id"].casefold() for one in facts}) == len(facts)
    assert all({"licence", "rows", "columns"} <= set(one) for one in facts)


def test_counts_are_looked_up_and_what_was_not_says_so() -> None:
    cards = starter_datasets()
    assert [card.id for card in cards if card.rows is not None and "rows" not in card.facts_source] == []
    assert all("not looked up" in card.facts_source for card in cards), "descriptions are our own words"
    assert sum(card.facts_source != "general knowledge, not looked up" for card in cards) >= 200


def test_a_search_finds_them() -> None:
    with DatasetCatalogue(None) as catalogue:
        catalogue.put(starter_datasets())
        found = [card for card, _ in catalogue.search("messages to a bank's help desk by intent", 5)]
        assert "PolyAI/banking77" in [card.id for card in found]
        assert found[0].facts_source, "a card comes back from the index whole"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "a/b"}', "description"),
        ("[1]", "no facts"),
        ('{"id": "a/b", "colour": 1}', "colour"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=f"line 2.*{said}"):
        read_dataset_facts(path)
