"""A training that is killed goes on from its checkpoint and ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_trainer.test_training import weights_hash
from model_trainer.tiny_models import colour_rows, colour_task

from prompt2model.artifacts import save_artifact
from prompt2model.console import SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.records import ChosenModel

SETTINGS = {"learning_rate": 5e-3, "epochs": 6, "min_steps": 54, "batch_size": 8, "checkpoint_seconds": 0.0}

TRAINING = """
import json, sys
from pathlib import Path
from prompt2model.artifacts import load_artifact
from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
import torch

torch.set_num_threads(1)

class Telling(SilentProgress):
    def track(self, items, description, total=None):
        for item in items:
            yield item
            print("step", flush=True)

inputs = load_artifact(TrainInputs, Path(sys.argv[1]))
context = RunContext(Path(sys.argv[2]), 0, Telling(), AutomaticChooser())
ModelTrainer(ModelTrainerConfig(**json.loads(sys.argv[3]))).run(inputs, context)
"""


class Heard(SilentProgress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


class Broken(Heard):
    """The process that ends after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def track(self, items: Any, description: str, total: int | None = None) -> Any:
        for number, item in enumerate(items):
            if number == self.steps:
                raise KeyboardInterrupt
            yield item


@pytest.fixture
def inputs(base_folder: Callable[..., Path]) -> Callable[[Any], TrainInputs]:
    def make(family: Any) -> TrainInputs:
        task, rows = colour_task(), colour_rows()
        return TrainInputs(task, rows, rows[:12], task.labels, ChosenModel(str(base_folder(family)), family, (), {}))

    return make


def run(inputs: TrainInputs, context: Any, **settings: Any) -> Any:
    return ModelTrainer(ModelTrainerConfig(**{**SETTINGS, **settings})).run(inputs, context)


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("encoder", {"method": "lora", "lora_dropout": 0.2}),
        ("encoder_decoder", {}),
        ("decoder", {"lora_dropout": 0.2}),
        ("decoder", {"method": "qlora", "lora_dropout": 0.2}),
    ],
)
def test_a_killed_training_ends_with_the_same_weights_and_the_same_curve(
    inputs: Any, make_context: Any, tmp_path: Path, family: Any, settings: dict[str, Any]
) -> None:
    unbroken = run(inputs(family), make_context(folder=tmp_path / "unbroken"), **settings)
    save_artifact(inputs(family), tmp_path)
    command = [sys.executable, "-c", TRAINING, str(tmp_path), str(tmp_path / "killed")]
    (tmp_path / "killed").mkdir()
    with subprocess.Popen(
        [*command, json.dumps({**SETTINGS, **settings})], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(23):
            assert process.stdout.readline() == "step\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    heard = Heard()
    resumed = run(inputs(family), replace(make_context(folder=tmp_path / "killed"), progress=heard), **settings)
    assert [line for line in heard.lines if line.startswith("going on after step 2")], heard.lines
    assert resumed.curve == unbroken.curve
    assert resumed.best_step == unbroken.best_step
    assert weights_hash(resumed.folder) == weights_hash(unbroken.folder)
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == ["student", "timing.json"]


def test_the_best_weights_survive_a_kill(inputs: Any, make_context: Any, tmp_path: Path) -> None:
    # So high a rate that the model gets worse again: the best validation lies before the kill.
    settings = {"learning_rate": 0.05, "epochs": 8, "min_steps": 0, "batch_size": 36, "warmup": 0.6}
    unbroken = run(inputs("encoder"), make_context(folder=tmp_path / "a"), **settings)
    assert unbroken.best_step < 13
    context = replace(make_context(folder=tmp_path / "b"), progress=Broken(13))
    with pytest.raises(KeyboardInterrupt):
        run(inputs("encoder"), context, **settings)
    resumed = run(inputs("encoder"), make_context(folder=tmp_path / "b"), **settings)
    assert (resumed.best_step, resumed.curve) == (unbroken.best_step, unbroken.curve)
    assert weights_hash(resumed.folder) == weights_hash(unbroken.folder)


@pytest.mark.parametrize("harm", ["cut short", "no json", "other bytes"])
def test_a_damaged_checkpoint_is_said_and_the_training_starts_anew(
    inputs: Any, make_context: Any, tmp_path: Path, harm: str
) -> None:
    unbroken = run(inputs("encoder"), make_context(folder=tmp_path / "a"))
    with pytest.raises(KeyboardInterrupt):
        run(inputs("encoder"), replace(make_context(folder=tmp_path / "b"), progress=Broken(20)))
    tensors = tmp_path / "b" / "checkpoint" / "state.safetensors"
    if harm == "cut short":
        tensors.write_bytes(tensors.read_bytes()[:-100])
    elif harm == "no json":
        (tensors.parent / "state.json").write_text("{")
    else:
        tensors.write_bytes(b"\xff" * tensors.stat().st_size)
    heard = Heard()
    resumed = run(inputs("encoder"), replace(make_context(folder=tmp_path / "b"), progress=heard))
    assert any("is damaged, so the training starts from the beginning" in line for line in heard.lines)
    assert weights_hash(resumed.folder) == weights_hash(unbroken.folder)


def test_a_checkpoint_of_another_training_is_not_taken(inputs: Any, make_context: Any, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(inputs("encoder"), replace(make_context(folder=tmp_path / "b"), progress=Broken(20)), learning_rate=1e-3)
    resumed = run(inputs("encoder"), make_context(folder=tmp_path / "b"))
    unbroken = run(inputs("encoder"), make_context(folder=tmp_path / "a"))
    assert resumed.curve == unbroken.curve
