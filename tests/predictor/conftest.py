"""Students of tiny models, trained once for all tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from model_trainer.tiny_models import choice_rows, colour_rows, colour_task, one_thread, tiny_model, word_tokenizer

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.records import ChosenModel, Family, Kind
from prompt2model.weights import save_model

one_thread = pytest.fixture(autouse=True)(one_thread)


@pytest.fixture(scope="session")
def student(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a student of a family that has learned the colour task."""
    folders: dict[tuple[Family, Kind], Path] = {}

    def make(family: Family, kind: Kind = "classification") -> Path:
        if (family, kind) not in folders:
            shape: Family = "encoder" if family in ("tfidf", "embedding") else family
            tokenizer = word_tokenizer(shape)
            base = save_model(tiny_model(shape, len(tokenizer)), tokenizer, tmp_path_factory.mktemp("base"))
            base_id = "tfidf" if family == "tfidf" else str(base)
            task, rows = colour_task(kind), choice_rows() if kind == "multiple_choice" else colour_rows()
            inputs = TrainInputs(task, rows, rows[:12], task.labels, ChosenModel(base_id, family, (), {}))
            context = RunContext(tmp_path_factory.mktemp("step"), 0, SilentProgress(), AutomaticChooser())
            config = ModelTrainerConfig(learning_rate=3e-3, epochs=24, batch_size=8, method="full")
            folders[family, kind] = ModelTrainer(config).run(inputs, context).folder
        return folders[family, kind]

    return make
