"""What a training will cost in time and memory, by plan and when its rows are known; and what it took."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from prompt2model.artifacts import add_timing
from prompt2model.catalogue.training_method import Pass, method_for, training_memory
from prompt2model.component import Estimate
from prompt2model.console import gigabytes, minutes
from prompt2model.errors import WeightsError
from prompt2model.inference.device import device_kind, memory_for_training
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.linear_cost import embedding_cost, tfidf_cost
from prompt2model.model_trainer.memory import give_back_freed, memory_in_use, peak_memory, start_peak
from prompt2model.model_trainer.recipe import recipe_for
from prompt2model.records import ChosenModel, Family, Method, Rows
from prompt2model.weights import locate
from prompt2model.weights.model_shape import ModelShape, model_shape

if TYPE_CHECKING:
    from prompt2model.model_trainer.base_model import BaseModel
    from prompt2model.model_trainer.fitting import Fitting
    from prompt2model.model_trainer.inputs import TrainInputs
    from prompt2model.model_trainer.plan import Plan

_LETTERS_PER_TOKEN = 4
_OPERATIONS_PER_SECOND = {"cuda": 4e13, "mps": 2e12, "cpu": 5e10}
"""Training throughput of small models, per device, and per core of a processor."""
_BF16_GAIN = 2.4
"""How much faster a processor core is that multiplies in bfloat16."""
_OPERATIONS = {"full": 6, "lora": 4, "qlora": 4, "linear": 0}
"""Per weight and token: forward, backward to the inputs, and to the weights where these are trained."""
LIBRARIES = 550_000_000
"""Bytes that a process takes with torch, transformers and peft loaded, on a processor."""
_START = 8.0
"""Seconds in which libraries and weights are loaded and a small student is written."""
_SAMPLE = 200
_NAMES = {"full": "all weights", "lora": "LoRA", "qlora": "QLoRA", "linear": "a linear layer"}


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, and bytes at the peak: of the process, or of the GPU. None where the system does not tell."""

    seconds: float
    memory: int | None


def training_cost(
    train: Rows, validation: Rows, base_model: ChosenModel, config: ModelTrainerConfig, batch_size: int
) -> Estimate:
    """Seconds from operations per parameter and token, memory from method, model and rows; disk from the student's.

    Unknown where the size of the model is. Nothing is loaded; the form of a model is read where its files are here.
    """
    if base_model.family == "tfidf" and len(train):
        return tfidf_cost(train)
    shape = _shape_here(base_model.id)
    parameters = next(
        (candidate.parameters for candidate in base_model.candidates if candidate.id == base_model.id),
        None if shape is None else shape.parameters,
    )
    if parameters is None or not len(train):
        return Estimate(assumptions=("the size of the base model is not known",))
    kind = device_kind(config.device)
    if base_model.family == "embedding":
        return embedding_cost(train, validation, config, parameters, _token_counts(train, config)[0], _speed(kind))
    epochs = config.epochs_for(steps_in_epoch(len(train), batch_size))
    method = method_for(config.method, base_model.family, parameters, memory_for_training(config.device))
    mean, longest, answer = _token_counts(train, config)
    passes = epochs * (len(train) + len(validation) / 3)
    tokens = min(config.max_tokens_at_once, batch_size * longest)
    memory = training_memory(
        method,
        base_model.family,
        parameters,
        shape,
        Pass(tokens, max(1, tokens // longest) * answer),
        rank=recipe_for(config, method, parameters).rank,
        checkpointing=config.gradient_checkpointing == "on",
        on_processor=kind == "cpu",
    )
    return Estimate(
        seconds=round(_START + _OPERATIONS[method] * parameters * mean * passes / _speed(kind), 1),
        memory=memory + _in_process(0, kind),
        disk=parameters * 4,
        assumptions=(f"{method}, {epochs} epochs over {len(train)} rows", "4 letters a token"),
    )


def expected(base: BaseModel, fitting: Fitting, plan: Plan, family: Family, in_use: int) -> Figures:
    """What a training is going to take, all rows known. `in_use`: bytes that the process had before it began."""
    tokens = int(fitting.lengths.sum()) * plan.epochs
    held = fitting.validation_rows * (tokens / plan.epochs / len(fitting.lengths))
    operations = _OPERATIONS[base.method] + (2 if plan.checkpointing else 0)
    work = base.shape.parameters * (operations * tokens + 2 * held * plan.validations)
    memory = memory_needed(base, fitting, plan, family, plan.checkpointing) + _in_process(in_use, plan.device)
    return Figures(round(_START + work / _speed(device_kind(plan.device)), 1), memory)


def linear_expected(inputs: TrainInputs, config: ModelTrainerConfig, in_use: int) -> Figures:
    """The same of a logistic regression."""
    cost = training_cost(inputs.train, inputs.validation, inputs.base_model, config, 1)
    return Figures(cost.seconds or 0.0, (cost.memory or 0) + in_use)


def memory_needed(base: BaseModel, fitting: Fitting, plan: Plan, family: Family, checkpointing: bool) -> int:
    """Bytes of the training alone, at its peak."""
    return training_memory(
        base.method,
        family,
        base.shape.parameters,
        base.shape,
        largest_pass(fitting, plan),
        rank=base.recipe.rank,
        checkpointing=checkpointing,
        on_processor=plan.device == "cpu",
        keeps_best=fitting.validation_rows > 0 and plan.validations > 1,
    )


def largest_pass(fitting: Fitting, plan: Plan) -> Pass:
    """The most that is computed at once: a batch of the longest rows, as far as they are computed together."""
    longest = int(fitting.lengths.max())
    rows = min(plan.batch_size, len(fitting.lengths), max(1, plan.max_tokens_at_once // longest))
    return Pass(rows * longest, rows * fitting.longest_answer)


def before_training(estimated: Figures, method: Method, plan: Plan) -> str:
    """The estimate in one line; for qlora also what it does here."""
    where = "GPU memory" if plan.device.startswith("cuda") else "memory"
    line = (
        f"training ({_NAMES[method]}) takes about {gigabytes(estimated.memory)} of {where} and "
        f"{minutes(estimated.seconds)}; there are {gigabytes(memory_for_training(plan.device))}"
    )
    if plan.checkpointing:
        line += "; gradient checkpointing is on, which saves memory and costs a third more time"
    if method == "qlora" and not plan.paged:
        line += "; moments of adapters stay in memory, because a paged optimizer needs CUDA"
    return line


def after_training(estimated: Figures, used: Figures) -> str:
    """What it took beside what was expected, in one line."""
    return (
        f"training took {gigabytes(used.memory)} of memory and {minutes(used.seconds)}; estimated were "
        f"{gigabytes(estimated.memory)} and {minutes(estimated.seconds)}"
    )


class Stopwatch:
    """What a training takes. Begun before anything is loaded; `keep` writes it beside what was expected."""

    def __init__(self, device: str) -> None:
        self._device, self._started = device, time.perf_counter()
        give_back_freed()
        self.in_use = memory_in_use() or 0
        start_peak(device)

    def used(self) -> Figures:
        """Until now."""
        return Figures(round(time.perf_counter() - self._started, 1), peak_memory(self._device))

    def keep(self, estimated: Figures, used: Figures, folder: Path) -> None:
        """Add both to the folder's timing.json."""
        add_timing(folder, {"estimated": asdict(estimated), "used": asdict(used)})


def _in_process(in_use: int, device: str) -> int:
    """What the process has beside the training; a GPU holds the training alone."""
    return 0 if device.startswith("cuda") else max(in_use, LIBRARIES)


def _shape_here(model_id: str) -> ModelShape | None:
    try:
        return model_shape(locate(model_id))
    except WeightsError:
        return None


def _token_counts(rows: Rows, config: ModelTrainerConfig) -> tuple[float, int, int]:
    """Mean and largest number of tokens of a row, and the largest of an answer, guessed from letters of some rows."""
    from itertools import islice

    most_read, most_written = config.max_input_tokens or 512, config.max_target_tokens
    sample = list(islice(rows, _SAMPLE))
    letters = [len(row.input) + sum(map(len, dict.fromkeys(row.evidence))) for row in sample]
    read = [min(most_read, 4 + count // _LETTERS_PER_TOKEN) for count in letters]
    written = [min(most_written, 2 + len(row.target) // _LETTERS_PER_TOKEN) for row in sample]
    whole = [one + other for one, other in zip(read, written, strict=True)]
    return sum(whole) / len(whole), max(whole), max(written)


def _speed(kind: str) -> float:
    """Operations a second on a kind of device."""
    import os

    from prompt2model.inference.device import multiplies_bf16

    if kind != "cpu":
        return _OPERATIONS_PER_SECOND[kind]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _OPERATIONS_PER_SECOND[kind] * cores * (_BF16_GAIN if multiplies_bf16() else 1)
