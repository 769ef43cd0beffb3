"""Cards of base models: starter facts that ship with the package, local folders, the hub."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from prompt2model.catalogue.card_text import (
    first_sentences,
    languages_of,
    licence_of,
    plain_text,
    split_card,
    text_list,
)
from prompt2model.errors import ConfigError, DataFileError
from prompt2model.records import Family
from prompt2model.text_index.bm25 import Document

MODEL_FIELDS = {"name": 3.0, "tags": 2.0, "body": 1.0}
"""Fields of an index of models, with their weights."""

STARTER_FILE = Path(__file__).with_name("starter_models.jsonl")

_MODALITIES = ("vision", "image", "audio", "speech", "ctc", "video", "clip", "vit", "whisper", "wav2vec", "diffusion")
_DECODERS = {
    "gpt2", "gpt_neo", "gpt_neox", "gptj", "opt", "bloom", "llama", "mistral", "mixtral", "qwen2", "qwen3",
    "qwen2_moe", "qwen3_moe", "phi", "phi3", "gemma", "gemma2", "gemma3_text", "falcon", "stablelm", "olmo",
    "olmo2", "olmo3", "smollm3", "granite", "codegen", "mpt", "mamba", "mamba2", "xglm", "biogpt", "ctrl", "cohere",
    "starcoder2", "gpt_bigcode", "rwkv", "lfm2", "ernie4_5", "openelm", "cerebras", "exaone4",
}  # fmt: skip
_ENCODERS = {
    "bert", "roberta", "distilbert", "albert", "electra", "deberta", "deberta-v2", "xlm-roberta", "xlm-roberta-xl",
    "mpnet", "camembert", "funnel", "longformer", "big_bird", "mobilebert", "squeezebert", "convbert", "rembert",
    "ernie", "nystromformer", "modernbert", "ibert", "luke", "flaubert", "xlm", "eurobert", "nomic_bert",
    "roformer", "megatron-bert",
}  # fmt: skip
_ENCODER_DECODERS = {
    "t5", "mt5", "umt5", "bart", "mbart", "blenderbot", "blenderbot-small", "pegasus", "pegasus_x", "marian",
    "m2m_100", "prophetnet", "led", "longt5", "switch_transformers", "t5gemma", "nllb-moe", "plbart",
    "bigbird_pegasus", "encoder-decoder", "fsmt",
}  # fmt: skip
_BYTES_PER_NUMBER = {
    "F64": 8,
    "I64": 8,
    "F32": 4,
    "I32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "F8_E4M3": 1,
}


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a base model. Unknown is None, never a guess.

    `parameters` counts numbers, `bytes` counts the weight files. `languages` are ISO 639-1 codes, empty where
    unknown, `multilingual` for many. `text` is the card's own text where it was read. `facts_date` is the day of
    which the facts are. A local model's `id` is its folder.
    """

    id: str
    family: Family
    parameters: int | None = None
    bytes: int | None = None
    licence: str | None = None
    languages: tuple[str, ...] = ()
    instruction_tuned: bool | None = None
    gated: bool | None = None
    downloads: int | None = None
    description: str = ""
    facts_date: str = ""
    facts_source: str = ""
    text: str = ""
    origin: Literal["starter", "local", "hub"] = "starter"

    def searchable_text(self) -> str:
        """Everything about the model that a search reads."""
        words = self.id.replace("/", " ").replace("-", " ").replace("_", " ")
        return " ".join(filter(None, (self.id, words, self.description, " ".join(self.languages), self.text)))

    def document(self, stamp: str = "") -> Document:
        """The card as an index keeps it."""
        name = self.id.replace("/", " ").replace("-", " ").replace("_", " ")
        tags = " ".join((self.description, *self.languages)).replace("-", " ").replace("_", " ")
        payload = json.dumps(asdict(self), ensure_ascii=False)
        return Document(self.id, (name, tags, self.text), stamp, payload)


def model_card_from_json(text: str) -> ModelCard:
    """The card that `document` wrote. Raises ValueError, KeyError or TypeError when it is none."""
    content: dict[str, Any] = json.loads(text)
    return ModelCard(**{**content, "languages": tuple(content["languages"])})


@lru_cache(maxsize=1)
def starter_models() -> tuple[ModelCard, ...]:
    """The bare facts that ship with the package. Raises DataFileError when the file is damaged."""
    return read_model_cards(STARTER_FILE)


def read_model_cards(path: Path) -> tuple[ModelCard, ...]:
    """Model facts from JSON lines. Raises DataFileError with the line that is not a card."""
    cards: dict[str, ModelCard] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(f"{path}: the model cards cannot be read ({error})") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                card = _card_from_facts(json.loads(line))
            except (ValueError, TypeError, KeyError) as error:
                raise DataFileError(f"{path}: line {number} is not a model card ({error})") from error
            if card.id in cards:
                raise DataFileError(f"{path}: line {number} names {card.id} a second time")
            cards[card.id] = card
    return tuple(cards.values())


def _card_from_facts(facts: Mapping[str, Any]) -> ModelCard:
    known = {field.name for field in fields(ModelCard)} - {"text", "origin"}
    if unknown := sorted(set(facts) - known):
        raise ValueError(f"unknown field {unknown[0]}")
    if facts["family"] not in get_args(Family):
        raise ValueError(f"family {facts['family']!r} is none of {', '.join(get_args(Family))}")
    values = {name: value for name, value in facts.items() if value is not None}
    return ModelCard(**{**values, "languages": tuple(facts.get("languages") or ())})


def local_models(folder: Path) -> tuple[ModelCard, ...]:
    """Models in `folder` itself or in its direct subfolders: each has a config.json beside safetensors files.

    Folders whose family cannot be told from config.json are left out. Raises ConfigError when `folder` is missing.
    """
    if not folder.is_dir():
        raise ConfigError(f"the model folder {folder} does not exist; give a folder that holds models")
    candidates = [folder, *sorted(child for child in folder.iterdir() if child.is_dir())]
    cards = (local_model(candidate) for candidate in candidates)
    return tuple(card for card in cards if card is not None)


def local_model(folder: Path) -> ModelCard | None:
    """The card of one model folder; None when it holds no model of a known family."""
    weights = sorted(folder.glob("*.safetensors"))
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    family = family_of(config) if isinstance(config, dict) else None
    if family is None or not weights:
        return None
    readme = folder / "README.md"
    front, body = split_card(readme.read_text(encoding="utf-8", errors="replace")) if readme.is_file() else ({}, "")
    return ModelCard(
        id=str(folder),
        family=family,
        parameters=_parameters(weights),
        bytes=sum(path.stat().st_size for path in weights),
        licence=licence_of(front),
        languages=languages_of(front),
        gated=False,
        description=first_sentences(body),
        text=plain_text(body)[:20_000],
        facts_source="local folder",
        origin="local",
    )


def _parameters(weights: list[Path]) -> int | None:
    """Numbers in safetensors files, from their headers alone; None when a header cannot be read.

    Format: 8 bytes of length, little endian, then a JSON header (https://github.com/huggingface/safetensors).
    """
    total = 0
    for path in weights:
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, 100_000_000)))
            total += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
    return total


def family_of(config: Mapping[str, Any]) -> Family | None:
    """The family that a transformers config names, from its fields, never from the model's id.

    None for what is neither of the three text families.
    """
    model_type = str(config.get("model_type", "")).lower()
    architectures = text_list(config.get("architectures"))
    spoken = f"{model_type} {' '.join(architectures)}".lower()
    if any(word in spoken for word in _MODALITIES):
        return None
    if config.get("is_encoder_decoder") is True or model_type in _ENCODER_DECODERS:
        return "encoder_decoder"
    if model_type in _DECODERS or (model_type not in _ENCODERS and any(_writes_text(one) for one in architectures)):
        return "decoder"
    if config.get("is_decoder") is True:
        return "decoder"
    encodes = any(one.endswith(("ForMaskedLM", "ForSequenceClassification")) for one in architectures)
    return "encoder" if model_type in _ENCODERS or encodes else None


def _writes_text(architecture: str) -> bool:
    return architecture.endswith(("ForCausalLM", "LMHeadModel"))


def bytes_of(parameters_by_type: Mapping[str, int]) -> int | None:
    """Bytes of weights from the count of numbers of each type (`F32`, `BF16`, …); None with an unknown type."""
    if not parameters_by_type or any(kind not in _BYTES_PER_NUMBER for kind in parameters_by_type):
        return None
    return sum(_BYTES_PER_NUMBER[kind] * count for kind, count in parameters_by_type.items())
