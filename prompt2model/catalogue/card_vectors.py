"""Embeddings of cards, kept in the file of cards where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.catalogue.card_file import default_card_file, is_card_file
from prompt2model.text_index.vector_cache import VectorCache
from prompt2model.weights.locate import weight_files

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.component import RunContext
    from prompt2model.inference import Embedder
    from prompt2model.inference.embedder import TextEncoder
    from prompt2model.weights import WeightsLocation

_CARD_TOKENS = 256
"""What is read of a card: its beginning says what it is."""


def card_vectors(context: RunContext, encoder: str | None = None) -> Callable[[Sequence[str]], np.ndarray]:
    """Texts → vectors by the named encoder (a hub id or a folder), by default the packaged one.

    Without a file of cards they are kept in one of their own beside it. Raises WeightsError where the encoder cannot
    be had.
    """
    from prompt2model.weights import EMBEDDED_ENCODER, locate

    location = locate(encoder or EMBEDDED_ENCODER, allow_download=context.hub_allowed)
    cards = default_card_file(context.cache_folder)
    path = cards if is_card_file(cards) else context.cache_folder / "card_vectors.sqlite"
    cache = card_vector_cache(path, location if encoder else None)
    return lambda texts: cache.vectors(texts, context.progress)


def check_encoder(encoder: str | None, hub_allowed: bool) -> None:
    """Refuse a named encoder that cannot be had. One on the hub is fetched: nothing less tells. Raises WeightsError."""
    from prompt2model.weights import locate

    if encoder is not None:
        locate(encoder, allow_download=hub_allowed)


def card_vector_cache(path: Path, encoder: WeightsLocation | None = None) -> VectorCache:
    """Vectors of cards, kept in this file; by the packaged encoder unless another one is given."""
    from prompt2model.weights import EMBEDDED_ENCODER

    if encoder is None:
        return VectorCache(path, f"{EMBEDDED_ENCODER}, first {_CARD_TOKENS} tokens", load_card_embedder)
    return VectorCache(path, _state_of(encoder), lambda: _sentence_encoder(encoder))


def _state_of(encoder: WeightsLocation) -> str:
    """The encoder's name, and of a folder that may change also when its weights did."""
    if encoder.origin != "local":
        return encoder.model_id
    changed = max((file.stat().st_mtime_ns for file in weight_files(encoder.folder)), default=0)
    return f"{encoder.folder.resolve()} of {changed}"


def _sentence_encoder(encoder: WeightsLocation) -> TextEncoder:
    from prompt2model.inference.embedder import SentenceEncoder

    return SentenceEncoder(encoder)


@lru_cache(maxsize=1)
def load_card_embedder() -> Embedder:
    """The packaged encoder as it reads cards. Raises WeightsError."""
    from prompt2model.inference.embedder import load_embedder

    embedder = load_embedder()
    embedder.max_tokens = _CARD_TOKENS
    return embedder
