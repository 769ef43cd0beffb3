"""Model cards say what is known and nothing else."""

import json
from pathlib import Path

import pytest
from safetensors.numpy import save_file

from prompt2model.catalogue.licences import allows_commercial_use
from prompt2model.catalogue.model_cards import family_of, local_models, read_model_cards, starter_models
from prompt2model.errors import ConfigError, DataFileError


def test_starter_models_can_be_read_and_searched() -> None:
    cards = starter_models()
    assert len(cards) >= 100
    assert len({card.id for card in cards}) == len(cards)
    assert {card.family for card in cards} == {"encoder", "encoder_decoder", "decoder"}
    assert cards[0].id in cards[0].searchable_text()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2"),
        ('{"id": "a"}', "family"),
        ('{"id": "a", "family": "robot"}', "robot"),
        ('{"id": "a", "family": "encoder", "colour": 1}', "colour"),
        ('{"id": "first", "family": "encoder"}', "a second time"),
    ],
)
def test_a_damaged_list_is_refused_with_its_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "cards.jsonl"
    path.write_text(f'{{"id": "first", "family": "encoder", "licence": null}}\n{line}\n')
    with pytest.raises(DataFileError, match=said):
        read_model_cards(path)


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, "encoder"),
        ({"model_type": "bert", "architectures": ["BertLMHeadModel"], "is_decoder": True}, "decoder"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "is_encoder_decoder": True},
         "encoder_decoder"),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, "decoder"),
        ({"model_type": "brand_new", "architectures": ["BrandNewForCausalLM"]}, "decoder"),
        ({"model_type": "brand_new", "architectures": ["BrandNewForSequenceClassification"]}, "encoder"),
        ({"model_type": "whisper", "is_encoder_decoder": True}, None),
        ({"model_type": "vit", "architectures": ["ViTForImageClassification"]}, None),
        ({"architectures": None}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_family_is_told_by_the_config(config: dict[str, object], family: str | None) -> None:
    assert family_of(config) == family


def test_local_models(tmp_path: Path) -> None:
    import numpy as np

    def model(name: str, config: dict[str, object]) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(config))
        save_file({"w": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float16)}, folder / "model.safetensors")
        return folder

    encoder = model("small-bert", {"model_type": "bert", "architectures": ["BertModel"]})
    (encoder / "README.md").write_text("---\nlicense: MIT\nlanguage: de\n---\n# Small\n\nReads German.\n")
    model("picture", {"model_type": "vit"})
    (tmp_path / "no-weights").mkdir()
    (tmp_path / "no-weights" / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text("{")
    (card,) = local_models(tmp_path)
    assert card.id == str(encoder)
    assert (card.family, card.parameters, card.licence, card.languages) == ("encoder", 17, "mit", ("de",))
    assert card.bytes == (encoder / "model.safetensors").stat().st_size
    assert card.description == "Reads German."
    assert local_models(encoder) == (card,)
    with pytest.raises(ConfigError, match="does not exist"):
        local_models(tmp_path / "none")


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("mit", True), ("CC-BY-4.0", True), ("cc-by-nc-4.0", False), ("cc-by-nc-sa-3.0", False), ("other", None),
        (None, None), ("mit, cc-by-nc-4.0", False), ("mit, other", None),
    ],
)  # fmt: skip
def test_commercial_use_is_only_what_the_licence_says(licence: str | None, allowed: bool | None) -> None:
    assert allows_commercial_use(licence) is allowed
