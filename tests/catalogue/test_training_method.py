"""Which method trains a model, and the memory that each takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from prompt2model.catalogue import training_method
from prompt2model.catalogue.training_method import Pass, method_for, training_memory
from prompt2model.records import Method
from prompt2model.weights import EMBEDDED_ENCODER, locate
from prompt2model.weights.model_shape import ModelShape, model_shape

SEVEN_BILLION = ModelShape(6_738_415_616, 262_144_000, 6_000_000, 32, 4096, 11008, 32000, 2)
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")


def test_auto_is_qlora_only_where_lora_does_not_fit(monkeypatch: Any) -> None:
    assert method_for("auto", "encoder", 22_000_000) == "full"
    assert method_for("auto", "decoder", 7 * 10**9, memory=100 * 10**9) == "lora"
    assert method_for("auto", "decoder", 7 * 10**9, memory=16 * 10**9) == "qlora"
    assert method_for("full", "decoder", 7 * 10**9, memory=16 * 10**9) == "full"
    monkeypatch.setattr(training_method, "find_spec", lambda name: None)
    assert method_for("auto", "decoder", 7 * 10**9, memory=16 * 10**9) == "lora"


def test_memory_grows_with_everything_that_takes_some() -> None:
    some = Pass(2048, 64)

    def need(method: Method, shape: ModelShape = SEVEN_BILLION, largest: Pass = some, **more: Any) -> int:
        return training_memory(method, "decoder", shape.parameters, shape, largest, **more)

    assert need("qlora") < need("lora") < need("full")
    for method in METHODS:
        assert need(method) < need(method, largest=Pass(4096, 64)) < need(method, largest=Pass(4096, 4096))
        assert need(method, checkpointing=True) < need(method)
        assert need(method, keeps_best=False) < need(method)
        wider = replace(SEVEN_BILLION, width=8192)
        assert need(method) < need(method, shape=wider)
        larger = replace(SEVEN_BILLION, parameters=2 * SEVEN_BILLION.parameters)
        assert need(method) < need(method, shape=larger)
    for method in ("lora", "qlora"):
        assert need(method, rank=16) < need(method, rank=64)
    # Seven billion weights in four bits, with adapters: the paper trains them on a GPU of 24 GB.
    assert need("qlora", checkpointing=True) < 24 * 10**9


def test_a_models_shape_is_read_from_its_files() -> None:
    shape = model_shape(locate(EMBEDDED_ENCODER))
    assert (shape.layers, shape.width, shape.inner_width, shape.vocabulary) == (6, 384, 1536, 30522)
    assert shape.parameters == 22_713_728
    assert shape.embedded == 30522 * 384
    assert shape.stored_bytes == 4


@pytest.mark.parametrize("family", ["encoder_decoder", "decoder"])
def test_the_shape_of_a_model_is_that_of_the_loaded_one(tmp_path: Any, family: Any) -> None:
    from model_trainer.tiny_models import tiny_model, word_tokenizer

    from prompt2model.weights import save_model
    from prompt2model.weights.quantised import linear_layers

    tokenizer = word_tokenizer(family)
    model = tiny_model(family, len(tokenizer))
    shape = model_shape(locate(str(save_model(model, tokenizer, tmp_path / "base"))))
    assert shape.parameters == model.num_parameters()
    assert shape.layers == (4 if family == "encoder_decoder" else 2)
    # Tables of relative positions are matrices too, the only ones beside the linear layers.
    edges = sum(layer.in_features + layer.out_features for _, layer in linear_layers(model))
    assert edges <= shape.edges <= edges + 100
