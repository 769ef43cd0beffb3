"""The two base models that are no weights to fine-tune: `tfidf`, and `embedding` (or `embedding:MODEL`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from prompt2model.catalogue.model_cards import ModelCard
from prompt2model.errors import ConfigError
from prompt2model.records import LINEAR_FAMILIES, Kind
from prompt2model.weights import EMBEDDED_ENCODER

EMBEDDING_PREFIX = "embedding:"
_TFIDF = ModelCard(
    "tfidf",
    "tfidf",
    parameters=0,
    bytes=0,
    licence="apache-2.0",
    languages=("multilingual",),
    gated=False,
    description="A logistic regression on TF-IDF weights of words and characters.",
)
"""Nothing of it comes from elsewhere; what is trained is the user's own, and the licence is this package's."""


def is_linear(model: str) -> bool:
    """Whether a name stands for one of them."""
    return model in LINEAR_FAMILIES or model.startswith(EMBEDDING_PREFIX)


def linear_card(model: str, encoder_card: Callable[[str], ModelCard]) -> ModelCard:
    """The card of a name that `is_linear`; `encoder_card` gives the one of an encoder.

    Raises ConfigError where the model is no encoder.
    """
    if model == "tfidf":
        return _TFIDF
    encoder = model.partition(":")[2] or EMBEDDED_ENCODER
    card = encoder_card(encoder)
    if card.family != "encoder":
        raise ConfigError(
            f"{encoder} is {'an' if card.family[0] in 'aeiou' else 'a'} {card.family.replace('_', '-')}, and embedding "
            f"needs an encoder; write --base-model {encoder} to fine-tune it, or name an encoder"
        )
    return replace(card, family="embedding")


def refuse_other_kinds(card: ModelCard, kind: Kind) -> None:
    """Raises ConfigError for one of them on a task whose answers are no fixed labels."""
    if card.family in LINEAR_FAMILIES and kind != "classification":
        raise ConfigError(
            f"{card.family} can only choose among fixed labels, but the task is {kind.replace('_', ' ')}; choose "
            "another --base-model"
        )
