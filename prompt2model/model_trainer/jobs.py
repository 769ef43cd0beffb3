"""Trainings as jobs: one student each, in a folder of its own that survives a kill.

A job's folder has `job.json` (what to train), `timing.json` (what it took), the student, and last `artifact.json`
(what came of it): a job that has one is finished and is never run again. All jobs of a step share the rows in
`inputs/`. A job reads nothing but these folders, so it may run in another process or on another machine.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from prompt2model.artifacts import (
    ARTIFACT_FILE,
    add_timing,
    decode_record,
    encode_record,
    load_artifact,
    load_timing,
    save_artifact,
    write_atomically,
)
from prompt2model.component import Progress, RunContext
from prompt2model.console import AutomaticChooser, SilentProgress
from prompt2model.errors import ClusterError, DiskFullError, Prompt2ModelError, RunFolderError, StoppedError
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.limits import device_of, folder_bytes
from prompt2model.model_trainer.memory import peak_memory, start_peak
from prompt2model.model_trainer.pruning import Curve, Pruned, pruning
from prompt2model.model_trainer.rows import item_of
from prompt2model.model_trainer.training import train_student
from prompt2model.model_trainer.validation_scores import row_scores
from prompt2model.records import ChosenModel, Family, LossPoint, Rows, TrainedModel

JOB_FILE = "job.json"
_INPUTS, _TRAINED = "inputs", "trained"
_STOPS_ALL = (ClusterError, DiskFullError, RunFolderError, StoppedError)
"""Errors that are no fault of the one student."""


@dataclass(frozen=True)
class Job:
    """One training. `title` is what a person knows it by, `settings` those of its config that are no defaults.

    `rivals`: the curves of finished trainings; one that does worse than their median is stopped.
    """

    title: str
    base: str
    family: Family
    settings: Mapping[str, Any]
    seed: int
    hub_allowed: bool
    rivals: tuple[Curve, ...] = ()

    @property
    def config(self) -> ModelTrainerConfig:
        """The settings of the training."""
        return ModelTrainerConfig(**self.settings)


@dataclass(frozen=True)
class JobResult:
    """What came of a job. `scores` are those of the validation rows, one each; `loss` is the kept checkpoint's.

    `points` is the curve of a training that was stopped; a trained student has its own.
    """

    state: Literal["trained", "pruned", "failed"]
    trained: TrainedModel | None = None
    scores: tuple[float, ...] = ()
    loss: float | None = None
    bytes: int = 0
    points: tuple[LossPoint, ...] = ()
    reason: str = ""

    @property
    def student(self) -> TrainedModel:
        """What was trained. Raises RunFolderError where nothing was."""
        if self.trained is None:
            raise RunFolderError(f"a training that was {self.state} has left no student; resume the run")
        return self.trained

    @property
    def curve(self) -> tuple[LossPoint, ...]:
        """The curve, of whichever kind."""
        return self.trained.curve if self.trained is not None else self.points


def share_inputs(inputs: TrainInputs, validation: Rows, folder: Path) -> None:
    """Put the rows where all jobs of a step's folder find them; `validation` are those that jobs are measured on."""
    target = folder / _INPUTS
    if not (target / ARTIFACT_FILE).is_file():
        target.mkdir(exist_ok=True)
        save_artifact(replace(inputs, validation=validation), target)


def write_job(job: Job, folder: Path) -> None:
    """Make the job's folder, two below the step's; what a killed attempt left there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / JOB_FILE).is_file():
        write_atomically(folder / JOB_FILE, json.dumps(encode_record(job), ensure_ascii=False, indent=1) + "\n")


def read_job(folder: Path) -> Job:
    """The job of a folder. Raises RunFolderError when it is missing or damaged."""
    try:
        return decode_record(Job, json.loads((folder / JOB_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{folder / JOB_FILE} cannot be read ({error}); delete {folder} and resume") from error


def found(folder: Path) -> JobResult | None:
    """What came of a job, None when it is not finished."""
    return load_artifact(JobResult, folder) if (folder / ARTIFACT_FILE).is_file() else None


def run_jobs(folders: Sequence[Path], context: RunContext) -> Iterator[tuple[int, JobResult | Prompt2ModelError]]:
    """Number and result of each job as it finishes; what makes one job fail alone comes in place of its result.

    Raises what stops all of them: a full disk, a lost cluster, a fault of the program.
    """
    workers = context.workers
    # What shows progress stays in this process.
    run = run_job if workers.distributed else partial(run_job, progress=context.progress)
    for number, error in workers.map(run, [str(folder.resolve()) for folder in folders]):
        if not isinstance(error, Exception):
            result = found(folders[number])
            if result is None:
                raise RunFolderError(f"{folders[number]} came to no result; resume the run")
            yield number, result
        elif isinstance(error, Prompt2ModelError) and not isinstance(error, _STOPS_ALL):
            yield number, error
        else:
            raise error


def run_job(name: str, progress: Progress | None = None) -> None:
    """Train the student of a job's folder and answer the validation rows with it. A finished job does nothing.

    Raises as `ModelTrainer` says.
    """
    folder = Path(name)
    if (folder / ARTIFACT_FILE).is_file():
        return
    job = read_job(folder)
    inputs = load_artifact(TrainInputs, folder.parents[1] / _INPUTS)
    inputs = replace(inputs, base_model=ChosenModel(job.base, job.family, (), {}))
    progress = progress or SilentProgress()
    context = RunContext(folder, job.seed, progress, AutomaticChooser(), hub_allowed=job.hub_allowed)
    progress.say(f"  {job.title}")
    device = device_of(job.config.device)
    started = time.perf_counter()
    start_peak(device)
    try:
        trained = _trained_once(inputs, job, context)
    except Pruned as stopped:
        shutil.rmtree(folder / "checkpoint", ignore_errors=True)
        result = JobResult("pruned", points=stopped.points, reason=str(stopped))
    else:
        scores = _answer_validation(trained, inputs, device)
        result = JobResult("trained", trained, scores, _kept_loss(trained), folder_bytes(trained.folder))
    seconds = load_timing(folder).get("seconds", 0.0) + time.perf_counter() - started
    add_timing(folder, {"seconds": round(seconds, 1), "memory": peak_memory(device)})
    save_artifact(result, folder)


def take_student(source: Path, folder: Path) -> Path:
    """Move a job's student into the step's folder; returns where it is. Nothing happens where that was done before."""
    target = folder / "student"
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
    return target


def _trained_once(inputs: TrainInputs, job: Job, context: RunContext) -> TrainedModel:
    """The job's student; one that was trained before the job was killed is taken as it is."""
    done = context.folder / _TRAINED
    if (done / ARTIFACT_FILE).is_file():
        return load_artifact(TrainedModel, done)
    trained = train_student(inputs, job.config, context, watch=pruning(job.rivals))
    done.mkdir(exist_ok=True)
    save_artifact(trained, done)
    return trained


def _answer_validation(trained: TrainedModel, inputs: TrainInputs, device: str) -> tuple[float, ...]:
    from prompt2model.predictor import load_predictor

    rows = tuple(inputs.validation)
    predictor = load_predictor(trained.folder, device)
    answers = [prediction.text for prediction in predictor.predict(item_of(row) for row in rows)]
    return row_scores(inputs.task.kind, rows, answers)


def _kept_loss(trained: TrainedModel) -> float | None:
    """The validation loss of the kept checkpoint, None where the family has none."""
    return next((point.validation_loss for point in trained.curve if point.step == trained.best_step), None)
