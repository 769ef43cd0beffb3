"""The base models that are named and never ranked: tfidf, embedding, embedding:MODEL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from prompt2model.component import RunContext
from prompt2model.config import folder_or_id
from prompt2model.errors import ConfigError, Prompt2ModelError, WeightsNotFoundError
from prompt2model.model_retriever import ModelRetriever, ModelRetrieverConfig
from prompt2model.model_retriever.retriever import ModelRetrieverInputs
from prompt2model.records import TaskSpec

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SMOLLM = "HuggingFaceTB/SmolLM2-135M-Instruct"
Maker = Callable[..., RunContext]


def inputs(kind: Any = "classification") -> ModelRetrieverInputs:
    labels = ("good", "bad") if kind == "classification" else ()
    return ModelRetrieverInputs(TaskSpec("Judge it.", (), kind, labels, "en", "Judge it."), labels)


def named(model: str, **settings: Any) -> ModelRetriever:
    return ModelRetriever(ModelRetrieverConfig(model=model, **settings))


@pytest.mark.parametrize(
    ("model", "id", "family"),
    [
        ("tfidf", "tfidf", "tfidf"),
        ("embedding", MINILM, "embedding"),
        (f"embedding:{MINILM}", MINILM, "embedding"),
        (MINILM, MINILM, "encoder"),
    ],
)
def test_a_named_one_is_taken_and_planned(make_context: Maker, model: str, id: str, family: str) -> None:
    retriever = named(model, use="commercial")
    retriever.check(hub_allowed=False)
    chosen = retriever.run(inputs(), make_context())
    assert (chosen.id, chosen.family) == (id, family)
    (candidate,) = chosen.candidates
    assert candidate.reasons
    estimate = retriever.estimate(inputs(), make_context())
    assert (estimate.makes.id, estimate.makes.family) == (id, family)  # type: ignore[union-attr]
    assert estimate.disk == 0


@pytest.mark.parametrize("kind", ["generation", "multiple_choice"])
@pytest.mark.parametrize("model", ["tfidf", "embedding"])
def test_without_fixed_labels_they_are_refused(make_context: Maker, model: str, kind: str) -> None:
    with pytest.raises(ConfigError, match="fixed labels"):
        named(model).run(inputs(kind), make_context())


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (f"embedding:{SMOLLM}", ConfigError, "is a decoder, and embedding needs an encoder"),
        ("embedding:nobody/nothing", WeightsNotFoundError, "nobody/nothing"),
        ("embedding:./nowhere", Prompt2ModelError, "nowhere"),
    ],
)
def test_what_is_no_encoder_is_refused_before_anything_is_spent(model: str, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        named(model).check(hub_allowed=False)


def test_they_are_not_ranked_among_others(make_context: Maker) -> None:
    chosen = ModelRetriever(ModelRetrieverConfig(ranking="bm25")).run(inputs(), make_context())
    assert {candidate.family for candidate in chosen.candidates} == {"encoder"}
    with pytest.raises(ValidationError, match="--base-model tfidf"):
        ModelRetrieverConfig(families=("encoder", "tfidf"))


def test_the_size_of_one_that_is_not_here_is_not_known(make_context: Maker) -> None:
    estimate = named("embedding:nobody/nothing").estimate(inputs(), make_context())
    assert "not known" in estimate.assumptions[0]


def test_an_encoders_folder_is_taken_from_where_the_config_stands(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert folder_or_id("embedding:mine", tmp_path) == f"embedding:{tmp_path / 'mine'}"
    assert folder_or_id("embedding", tmp_path) == "embedding"
