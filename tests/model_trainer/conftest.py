"""Fixtures that train tiny models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import colour_rows, colour_task, one_thread, tiny_model, word_tokenizer

from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.records import ChosenModel, Example, Family, TrainedModel

one_thread = pytest.fixture(autouse=True)(one_thread)


@pytest.fixture(scope="session")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Family], Path]:
    """The folder of a tiny base model of a family."""
    from prompt2model.weights import save_model

    folders: dict[Family, Path] = {}

    def make(family: Family) -> Path:
        if family not in folders:
            tokenizer = word_tokenizer(family)
            folder = tmp_path_factory.mktemp(f"tiny_{family}")
            folders[family] = save_model(tiny_model(family, len(tokenizer)), tokenizer, folder)
        return folders[family]

    return make


@pytest.fixture
def train(base_folder: Callable[[Family], Path], make_context: Callable[..., Any]) -> Callable[..., TrainedModel]:
    """Train a tiny model of a family on the colour task."""

    def run(
        family: Family,
        kind: str = "classification",
        rows: tuple[Example, ...] | None = None,
        validation: tuple[Example, ...] | None = None,
        folder: Path | None = None,
        context: Any = None,
        **config: Any,
    ) -> TrainedModel:
        task = colour_task(kind)
        everything = colour_rows() if rows is None else rows
        held = everything[:12] if validation is None else validation
        base = "tfidf" if family == "tfidf" else str(base_folder(family))
        chosen = ChosenModel(base, family, (), {})
        inputs = TrainInputs(task, everything, held, task.labels, chosen)
        settings = {"learning_rate": 5e-3, "epochs": 6, "min_steps": 54, "batch_size": 8, **config}
        context = context or (make_context(folder=folder) if folder else make_context())
        return ModelTrainer(ModelTrainerConfig(**settings)).run(inputs, context)

    return run
