"""Several processes train one model: the same curve as one alone, also sharded, and after a kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import colour_rows, colour_task

from prompt2model.errors import RunFolderError, StoppedError, TrainingError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer.team import Team
from prompt2model.model_trainer.together import train_shared
from prompt2model.predictor import load_predictor
from prompt2model.records import ChosenModel, TrainedModel

# In float32, so that what differs is only the order of sums.
SETTINGS: dict[str, Any] = {"learning_rate": 3e-3, "epochs": 2, "min_steps": 0, "batch_size": 7, "bf16": "off"}
WORKER = [sys.executable, "-m", "prompt2model.model_trainer.worker"]


@pytest.fixture
def train(base_folder: Callable[..., Path], make_context: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    def run(family: Any, name: str, model: str = "", **settings: Any) -> TrainedModel:
        task, rows = colour_task(), colour_rows(40)
        base = ChosenModel(model or str(base_folder(family)), family, (), {})
        inputs = TrainInputs(task, rows, rows[:11], task.labels, base)
        folder = tmp_path / name / "7_trained.partial"
        folder.mkdir(parents=True, exist_ok=True)
        return ModelTrainer(ModelTrainerConfig(**{**SETTINGS, **settings})).run(inputs, make_context(folder=folder))

    return run


def start_team(run: Path, processes: int = 2) -> list[subprocess.Popen[str]]:
    """Worker processes, each as torchrun or accelerate start it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = str(held.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    shared |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
    return [
        subprocess.Popen(
            [*WORKER, str(run)], env={**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)}, stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(processes)
    ]  # fmt: skip


def assert_same_curve(one: TrainedModel, other: TrainedModel) -> None:
    assert [point.step for point in one.curve] == [point.step for point in other.curve]
    for point, same in zip(one.curve, other.curve, strict=True):
        assert same.train_loss == pytest.approx(point.train_loss, rel=1e-3, abs=1e-4)
        assert (same.validation_loss or 0) == pytest.approx(point.validation_loss or 0, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("family", "settings"), [("encoder_decoder", {}), ("encoder", {"shard": True}), ("decoder", {"shard": True})]
)
def test_two_processes_have_the_curve_of_one(train: Any, family: Any, settings: dict[str, Any]) -> None:
    alone = train(family, "alone")
    together = train(family, "together", processes=2, **settings)
    assert_same_curve(alone, together)
    rows = colour_rows(12)
    texts = [[load_predictor(one.folder)(row.input).text for row in rows] for one in (alone, together)]
    assert sum(text == other for text, other in zip(*texts, strict=True)) >= 11
    assert together.folder.name == "student"


def test_processes_started_by_hand_train_what_stands_ready_and_go_on_after_a_kill(train: Any, tmp_path: Path) -> None:
    alone = train("encoder", "alone", epochs=12)
    run = tmp_path / "run"
    settings = {"processes": 0, "epochs": 12, "checkpoint_seconds": 0.0}
    with pytest.raises(StoppedError, match="accelerate launch -m prompt2model"):
        train("encoder", "run", **settings)
    team = start_team(run)
    checkpoint = run / "7_trained.partial" / "together" / "checkpoint"
    while not checkpoint.exists() and team[0].poll() is None:
        os.sched_yield()
    team[1].send_signal(signal.SIGKILL)
    for process in team:
        process.communicate()
    assert team[0].returncode != 0, "the other one cannot go on alone"
    with pytest.raises(StoppedError):
        train("encoder", "run", **settings)
    said = [process.communicate()[1] for process in start_team(run)]
    assert "going on after step" in said[0]
    assert "trained by 2 processes" in said[0]
    assert_same_curve(alone, train("encoder", "run", **settings))


def test_what_goes_wrong_is_one_line(train: Any, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"no training stands ready .*train.processes=0"):
        train_shared(tmp_path, Team(), None)  # type: ignore[arg-type]
    done = subprocess.run([*WORKER, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no training stands ready")
    with pytest.raises(StoppedError):
        train("encoder", "run", processes=0)
    # The base model is gone by the time the processes start.
    task = tmp_path / "run" / "7_trained.partial" / "together" / "task" / "artifact.json"
    task.write_text(task.read_text().replace("tiny_encoder", "nowhere"))
    done = subprocess.run([*WORKER, str(tmp_path / "run")], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    shutil.rmtree(tmp_path / "run")


def test_a_process_that_fails_ends_the_others(train: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingError, match=r"process \d of the 2 that train together ended"):
        train("encoder", "broken", model="nobody/no-such-model", processes=2)
    said = capfd.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
