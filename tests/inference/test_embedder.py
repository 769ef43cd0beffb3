"""Embeddings put like beside like, and low precision does not change them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from prompt2model.inference import Embedder, load_embedder
from prompt2model.weights import EMBEDDED_ENCODER, load_encoder, load_tokenizer, locate

TEXTS = [
    "How do I reset my password?",
    "I forgot my password, how can I change it?",
    "The train to Lyon leaves at noon.",
    "When does the next train go to Lyon?",
    "word " * 400,
    "",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def test_similar_texts_are_close(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert (vectors.shape, vectors.dtype) == ((6, embedder.size), np.float32)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.7
    assert cosines[2, 3] > 0.6
    assert cosines[:2, 2:4].max() < 0.3


def test_vectors_are_means_of_hidden_states_text_by_text(embedder: Embedder) -> None:
    location = locate(EMBEDDED_ENCODER)
    model, tokenizer = load_encoder(location, torch.float32), load_tokenizer(location)
    for text, vector in zip(TEXTS, embedder.embed(TEXTS), strict=True):
        with torch.no_grad():
            states = model(**tokenizer(text, truncation=True, max_length=256, return_tensors="pt")).last_hidden_state
        mean = states[0].mean(dim=0)
        assert float(mean @ torch.from_numpy(vector) / mean.norm()) > 0.999


def test_bfloat16_and_float32_agree() -> None:
    location = locate(EMBEDDED_ENCODER)
    model, tokenizer = load_encoder(location, torch.float32), load_tokenizer(location)
    low = Embedder(model, tokenizer, dtype=torch.bfloat16).embed(TEXTS)
    high = Embedder(model, tokenizer, dtype=torch.float32).embed(TEXTS)
    assert (low * high).sum(axis=1).min() > 0.999


def test_order_and_duplicates_are_kept(embedder: Embedder) -> None:
    vectors = embedder.embed([TEXTS[2], TEXTS[0], TEXTS[2]])
    assert np.array_equal(vectors[0], vectors[2])
    assert np.allclose(vectors[1], embedder.embed([TEXTS[0]])[0], atol=0.02)
    assert embedder.embed([]).shape == (0, embedder.size)
