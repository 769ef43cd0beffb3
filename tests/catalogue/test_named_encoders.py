"""An encoder that a person names ranks by meaning instead of the packaged one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from prompt2model.catalogue.card_vectors import card_vectors
from prompt2model.component import RunContext
from prompt2model.dataset_retriever import DatasetRetriever, DatasetRetrieverConfig
from prompt2model.errors import WeightsError, WeightsNotFoundError
from prompt2model.model_retriever import ModelRetriever, ModelRetrieverConfig
from prompt2model.weights import EMBEDDED_ENCODER, locate

Maker = Callable[..., RunContext]
TEXTS = ["A letter about a late parcel.", "Boats and their sails."]


@pytest.fixture(scope="module")
def first_token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder as sentence-transformers saves it, whose vectors are the first token's."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer

    words = Transformer(str(locate(EMBEDDED_ENCODER).folder))
    folder = tmp_path_factory.mktemp("encoder") / "first-token"
    SentenceTransformer(modules=[words, Pooling(words.get_word_embedding_dimension(), "cls")], device="cpu").save(
        str(folder)
    )
    return folder


def test_a_named_encoder_pools_as_its_folder_says(first_token: Path, make_context: Maker) -> None:
    from sentence_transformers import SentenceTransformer

    context = make_context()
    named = card_vectors(context, str(first_token))(TEXTS)
    assert np.linalg.norm(named, axis=1) == pytest.approx([1, 1], abs=1e-5)
    wanted = SentenceTransformer(str(first_token), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert (named * wanted).sum(axis=1) == pytest.approx([1, 1], abs=1e-4)
    # The vectors of both encoders lie in one file and are never mixed.
    packaged = card_vectors(context)(TEXTS)
    assert (named * packaged).sum(axis=1).max() < 0.99
    assert card_vectors(context, str(first_token))(TEXTS) == pytest.approx(named)


def test_an_encoder_that_cannot_be_had_is_refused_before_anything_is_spent() -> None:
    for component in (
        DatasetRetriever(DatasetRetrieverConfig(encoder="nobody/no-such-encoder")),
        ModelRetriever(ModelRetrieverConfig(encoder="nobody/no-such-encoder")),
    ):
        with pytest.raises(WeightsNotFoundError, match="nobody/no-such-encoder"):
            component.check(hub_allowed=False)


def test_a_folder_that_is_no_encoder_is_one_clear_line(tmp_path: Path, make_context: Maker) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "config.json").write_text('{"model_type": "nonsense"}')
    save_file({"w": np.zeros(2, dtype="float32")}, tmp_path / "model.safetensors")
    vectors = card_vectors(make_context(), str(tmp_path))
    with pytest.raises(WeightsError, match="cannot be loaded as an encoder of sentences") as caught:
        vectors(TEXTS)
    assert "\n" not in str(caught.value)
