"""Embeddings of cards by the packaged encoder, kept in the file of cards where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.catalogue.card_file import default_card_file, is_card_file
from prompt2model.text_index.vector_cache import VectorCache

if TYPE_CHECKING:
    import numpy as np

    from prompt2model.component import RunContext
    from prompt2model.inference import Embedder

_CARD_TOKENS = 256
"""What is read of a card: its beginning says what it is."""


def card_vectors(context: RunContext) -> Callable[[Sequence[str]], np.ndarray]:
    """Texts → vectors. Without a file of cards they are kept in one of their own beside it.

    Raises WeightsError where the encoder is not installed.
    """
    from prompt2model.weights import EMBEDDED_ENCODER, locate

    locate(EMBEDDED_ENCODER)
    cards = default_card_file(context.cache_folder)
    cache = card_vector_cache(cards if is_card_file(cards) else context.cache_folder / "card_vectors.sqlite")
    return lambda texts: cache.vectors(texts, context.progress)


def card_vector_cache(path: Path) -> VectorCache:
    """Vectors of cards, kept in this file."""
    from prompt2model.weights import EMBEDDED_ENCODER

    return VectorCache(path, f"{EMBEDDED_ENCODER}, first {_CARD_TOKENS} tokens", load_card_embedder)


@lru_cache(maxsize=1)
def load_card_embedder() -> Embedder:
    """The packaged encoder as it reads cards. Raises WeightsError."""
    from prompt2model.inference.embedder import load_embedder

    embedder = load_embedder()
    embedder.max_tokens = _CARD_TOKENS
    return embedder
