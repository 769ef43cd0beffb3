"""The starter facts of models: complete enough to retrieve from, honest about what is unknown."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from prompt2model.catalogue.model_cards import STARTER_FILE, ModelCard, starter_models
from prompt2model.weights.packaged import PACKAGED, verify_packaged

FIELDS = {
    "id", "family", "parameters", "bytes", "licence", "languages", "instruction_tuned", "gated", "downloads",
    "description", "facts_date", "facts_source",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in STARTER_FILE.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def cards() -> tuple[ModelCard, ...]:
    return starter_models()


def test_there_are_enough_models_of_each_family(cards: tuple[ModelCard, ...]) -> None:
    families = Counter(card.family for card in cards)
    assert len(cards) >= 150
    assert {family: count for family, count in families.items() if count >= 25}.keys() == {
        "encoder",
        "encoder_decoder",
        "decoder",
    }


def test_every_row_has_exactly_the_fields(rows: list[dict[str, Any]]) -> None:
    assert {frozenset(row) for row in rows} == {frozenset(FIELDS)}


def test_ids_are_unique_hub_ids(rows: list[dict[str, Any]]) -> None:
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)
    assert [one for one in ids if not re.fullmatch(r"[\w.-]+/[\w.-]+", one)] == []


@pytest.mark.parametrize("field", ["parameters", "bytes", "downloads"])
def test_numbers_are_positive_or_unknown(rows: list[dict[str, Any]], field: str) -> None:
    known = [(row["id"], row[field]) for row in rows if row[field] is not None]
    assert [name for name, number in known if type(number) is not int or number <= 0] == []


@pytest.mark.parametrize("field", ["instruction_tuned", "gated"])
def test_flags_are_true_false_or_unknown(rows: list[dict[str, Any]], field: str) -> None:
    assert [row["id"] for row in rows if not isinstance(row[field], bool | None)] == []


def test_weights_hold_between_two_and_eight_bytes_a_parameter(rows: list[dict[str, Any]]) -> None:
    known = [row for row in rows if row["parameters"] and row["bytes"]]
    assert len(known) >= 200
    assert [row["id"] for row in known if not 2 <= row["bytes"] / row["parameters"] <= 8] == []


def test_languages_are_iso_codes_or_multilingual(rows: list[dict[str, Any]]) -> None:
    stated = [(row["id"], row["languages"]) for row in rows if row["languages"] is not None]
    assert [one for one in stated if not one[1] or len(set(one[1])) != len(one[1])] == []
    codes = [(name, codes) for name, codes in stated if codes != ["multilingual"]]
    assert [name for name, codes in codes if not all(re.fullmatch("[a-z]{2}", code) for code in codes)] == []


def test_many_languages_are_covered(cards: tuple[ModelCard, ...]) -> None:
    made_for_one = {card.languages[0] for card in cards if len(card.languages) == 1} - {"multilingual"}
    assert len(made_for_one) >= 15
    multilingual = Counter(card.family for card in cards if card.languages == ("multilingual",))
    assert min(multilingual[family] for family in ("encoder", "encoder_decoder", "decoder")) >= 5


def test_licences_are_hub_tags(rows: list[dict[str, Any]]) -> None:
    assert [row["licence"] for row in rows if row["licence"] and not re.fullmatch(r"[a-z0-9.-]+", row["licence"])] == []


def test_descriptions_are_one_line_and_not_repeated(rows: list[dict[str, Any]]) -> None:
    descriptions = [row["description"] for row in rows]
    assert [text for text, count in Counter(descriptions).items() if count > 1] == []
    assert [text for text in descriptions if not 15 <= len(text) <= 120 or "\n" in text or not text.endswith(".")] == []


def test_every_fact_has_its_date_and_source(rows: list[dict[str, Any]]) -> None:
    assert [row["id"] for row in rows if not re.fullmatch(r"20\d\d(-(0[1-9]|1[0-2]))?", row["facts_date"])] == []
    assert [row["id"] for row in rows if not row["facts_source"]] == []
    assert [row["id"] for row in rows if row["downloads"] and "downloads" not in row["facts_source"]] == []


def test_terms_that_must_be_accepted_are_marked(cards: tuple[ModelCard, ...]) -> None:
    behind_terms = [card for card in cards if card.licence in ("gemma", "llama3.2")]
    assert behind_terms
    assert [card.id for card in behind_terms if card.gated is not True] == []


def test_the_packaged_models_are_among_them(cards: tuple[ModelCard, ...]) -> None:
    by_id = {card.id: card for card in cards}
    assert set(PACKAGED) <= set(by_id)
    assert by_id["sentence-transformers/all-MiniLM-L6-v2"].family == "encoder"
    assert by_id["HuggingFaceTB/SmolLM2-135M-Instruct"].family == "decoder"


def test_facts_of_the_packaged_encoder_agree_with_its_weights(cards: tuple[ModelCard, ...]) -> None:
    from safetensors import safe_open

    model_id = "sentence-transformers/all-MiniLM-L6-v2"
    weights = verify_packaged(model_id) / "model.safetensors"
    card = next(card for card in cards if card.id == model_id)
    with safe_open(weights, framework="np") as file:
        sizes = [file.get_tensor(name).size for name in file.keys() if not name.endswith("position_ids")]  # noqa: SIM118
    assert card.parameters == sum(sizes)
    assert card.bytes == weights.stat().st_size


def test_facts_of_the_packaged_decoder_agree_with_its_weights(cards: tuple[ModelCard, ...]) -> None:
    from gguf import GGUFReader

    model_id = "HuggingFaceTB/SmolLM2-135M-Instruct"
    (weights,) = verify_packaged(model_id).glob("*.gguf")
    card = next(card for card in cards if card.id == model_id)
    assert card.parameters == sum(int(tensor.n_elements) for tensor in GGUFReader(weights).tensors)
