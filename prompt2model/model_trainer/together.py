"""One training by several processes, on one machine or on many: the run folder is where they meet.

The step leaves the rows and the settings in `together/` of its folder; `worker.py`, started as often as wanted by
accelerate, trains from there and leaves the student; the step takes it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prompt2model.artifacts import ARTIFACT_FILE, load_artifact, save_artifact
from prompt2model.component import Progress, RunContext
from prompt2model.console import AutomaticChooser
from prompt2model.errors import RunFolderError, StoppedError, TrainingError
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs, check_inputs
from prompt2model.model_trainer.team import Team
from prompt2model.model_trainer.training import train_student
from prompt2model.records import TrainedModel

_FOLDER = "together"


@dataclass(frozen=True)
class SharedTraining:
    """What the processes are told."""

    inputs: TrainInputs
    settings: Mapping[str, Any]
    seed: int
    hub_allowed: bool

    @property
    def config(self) -> ModelTrainerConfig:
        """The settings of the training."""
        return ModelTrainerConfig(**self.settings)


def train_together(inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext) -> TrainedModel:
    """Train by `config.processes` processes of this machine, or take what processes started by hand have trained.

    Raises StoppedError where these are still to be started, TrainingError where they fail.
    """
    check_inputs(inputs)
    folder, run = context.folder / _FOLDER, context.folder.parent
    if not (folder / ARTIFACT_FILE).is_file():
        (folder / "task").mkdir(parents=True, exist_ok=True)
        shared = SharedTraining(inputs, config.model_dump(mode="json"), context.seed, context.hub_allowed)
        save_artifact(shared, folder / "task")
        if not config.processes:
            raise StoppedError(
                f"the rows are ready; start `accelerate launch -m prompt2model.model_trainer.worker {run}` on every "
                f"machine (torchrun where there are processors only), then `prompt2model resume {run}`"
            )
        _launch(run, folder, config.processes)
    trained = load_artifact(TrainedModel, folder)
    student = context.folder / "student"
    if trained.folder.is_dir():
        shutil.rmtree(student, ignore_errors=True)
        trained.folder.rename(student)
    shutil.rmtree(folder / "task", ignore_errors=True)  # the rows stand in the run as well
    return replace(trained, folder=student)


def train_shared(run: Path, team: Team, progress: Progress) -> Path:
    """What one process of the team does: its part in the training that stands ready in a run's folder.

    Returns the folder of the training. Raises RunFolderError where none stands ready, and as `ModelTrainer` says.
    """
    found = sorted(run.glob(f"*.partial/{_FOLDER}/task/{ARTIFACT_FILE}"))
    if not found:
        raise RunFolderError(
            f"no training stands ready in {run}; run it with --set train.processes=0 first, which stops before the "
            "training"
        )
    folder = found[0].parents[1]
    if (folder / ARTIFACT_FILE).is_file():
        return folder
    with _alone(folder) if team.rank == 0 else nullcontext():
        shared = load_artifact(SharedTraining, folder / "task")
        context = RunContext(folder, shared.seed, progress, AutomaticChooser(), hub_allowed=shared.hub_allowed)
        trained = train_student(shared.inputs, shared.config, context, team=team)
        if team.rank == 0:
            save_artifact(trained, folder)
        team.wait()
    return folder


def _launch(run: Path, folder: Path, processes: int) -> None:
    """Start the processes on this machine and wait for them; they end when this one is interrupted."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port()), "WORLD_SIZE": str(processes)}
    threads = {"OMP_NUM_THREADS": str(max(1, cores // processes))}
    command = [sys.executable, "-m", "prompt2model.model_trainer.worker", str(run)]
    team: list[subprocess.Popen[bytes]] = []
    stack = ExitStack()

    def said(rank: int) -> Path:
        return folder / f"process_{rank}.log"

    try:
        for rank in range(processes):
            place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(processes)}
            environment = {**threads, **os.environ, **meeting, **place}
            # The first one speaks for all; what another one says is told where it fails.
            stderr = None if rank == 0 else stack.enter_context(said(rank).open("wb"))
            team.append(subprocess.Popen(command, env=environment, stderr=stderr))  # noqa: S603
        while team and all(process.poll() in (None, 0) for process in team):
            with suppress(subprocess.TimeoutExpired):
                next((process for process in team if process.poll() is None), team[0]).wait(1)
            if all(process.poll() == 0 for process in team):
                return
        rank = next(rank for rank, process in enumerate(team) if process.poll() not in (None, 0))
        last = said(rank).read_text(errors="replace").splitlines()[-1:] if rank else []
        raise TrainingError(
            f"process {rank} of the {processes} that train together ended ({team[rank].returncode})"
            f"{': ' + last[0].removeprefix('error: ') if last else ''}; after mending what it said, "
            f"`prompt2model resume {run}` goes on from the last checkpoint"
        )
    finally:
        stack.close()
        for process in team:
            if process.poll() is None:
                process.terminate()
        for process in team:
            process.wait()


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two teams must not train in one folder. Raises RunFolderError."""
    import fcntl

    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunFolderError(f"{folder} is being trained in already; wait for that, or stop it") from error
        yield
