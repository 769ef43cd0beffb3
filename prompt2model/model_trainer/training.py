"""One student: base model + rows → a trained model in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from prompt2model.artifacts import write_atomically
from prompt2model.component import RunContext
from prompt2model.errors import ConfigError, DiskFullError, TrainingError
from prompt2model.model_trainer.base_model import (
    BaseModel,
    batch_size,
    learning_rate,
    load_base,
    with_adapters,
)
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.checkpoint import Checkpoints
from prompt2model.model_trainer.checkpointing import start_checkpointing
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.cost import Stopwatch, after_training, before_training, expected, linear_expected
from prompt2model.model_trainer.family_fittings import fitting_of, head_labels
from prompt2model.model_trainer.fitting import Fitting
from prompt2model.model_trainer.inputs import TrainInputs, check_inputs, some_validation
from prompt2model.model_trainer.limits import device_of
from prompt2model.model_trainer.linear import train_linear
from prompt2model.model_trainer.loop import Watch, fit, reproducible
from prompt2model.model_trainer.model_card import model_card
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.saving import student_writer
from prompt2model.model_trainer.search_space import used_settings
from prompt2model.model_trainer.team import Team
from prompt2model.model_trainer.updating import put_weights
from prompt2model.predictor import StudentSpec, write_spec
from prompt2model.records import LINEAR_FAMILIES, Family, TrainedModel
from prompt2model.weights import adapters, locate


def train_student(
    inputs: TrainInputs,
    config: ModelTrainerConfig,
    context: RunContext,
    team: Team | None = None,
    watch: Watch | None = None,
) -> TrainedModel:
    """Train and save one student in `context.folder`; `student/` there is the model's folder.

    A killed training goes on from its last checkpoint, in the same folder, to the same weights. In a team every process
    calls it; the first one saves. Raises as `ModelTrainer` says, and what `watch` raises.
    """
    from prompt2model.model_trainer.updating import is_out_of_memory

    check_inputs(inputs)
    try:
        return _train(inputs, config, context, team, watch)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(
            f"memory does not suffice to train {inputs.base_model.id}; choose a smaller --base-model, or --method lora "
            "or qlora"
        ) from error


def _train(
    inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext, team: Team | None, watch: Watch | None
) -> TrainedModel:
    team = team or Team(device_of(config.device))
    stopwatch = Stopwatch(team.device)
    team.is_sharded = team.size > 1 and (team.is_sharded or config.shard)
    if inputs.base_model.family in LINEAR_FAMILIES:
        if team.size > 1:
            raise ConfigError(f"{inputs.base_model.family} is trained by one process; start it without accelerate")
        trained = train_linear(inputs, some_validation(inputs.validation, config, context), config, context)
        estimated, used = linear_expected(inputs, config, stopwatch.in_use), stopwatch.used()
        stopwatch.keep(estimated, used, context.folder)
        return trained
    location = locate(inputs.base_model.id, allow_download=context.hub_allowed)
    seed = config.seed if config.seed is not None else context.rng("train").getrandbits(32)
    with reproducible(seed):
        base = load_base(location, inputs.base_model.family, head_labels(inputs), config, team.device)
        if base.method == "qlora" and team.is_sharded:
            raise ConfigError(
                "qlora is not divided among processes; take --method lora, or processes that hold all of it"
            )
        spec, fitting = fitting_of(inputs, base, some_validation(inputs.validation, config, context), config)
        fitting.model = with_adapters(base, spec.family)
        plan = _plan(base, fitting, inputs.base_model.family, seed, team.device, config)
        plan = replace(plan, checkpointing=start_checkpointing(base, fitting, plan, spec.family, config))
        _tell(inputs, fitting, spec, plan, config, context)
        estimated = expected(base, fitting, plan, spec.family, stopwatch.in_use)
        context.progress.say(before_training(estimated, base.method, plan))
        mark = _mark(spec, plan, team)
        checkpoints = Checkpoints(context.folder / "checkpoint", config.checkpoint_seconds, mark)
        team.start_random_numbers(seed)
        fitted = fit(fitting, plan, context.progress, checkpoints, team, watch)
        folder = context.folder / "student"
        if team.rank == 0:
            if team.is_sharded:
                # The processes hold a part of the weights each; the whole goes into a model that was made like theirs.
                base = load_base(location, inputs.base_model.family, head_labels(inputs), config, "cpu")
                fitting.model = with_adapters(base, spec.family)
                put_weights(fitting.model, fitted.weights)
            if base.method != "full" and not config.merge:
                spec = spec.model_copy(update={"adapter_of": adapters.weights_mark(location)})
            _save(student_writer(fitting, base, spec, location), spec, folder, inputs)
            checkpoints.clear()
            used = stopwatch.used()
            stopwatch.keep(estimated, used, context.folder)
            context.progress.say(after_training(estimated, used))
    team.wait()
    return TrainedModel(
        folder=folder,
        family=spec.family,
        base=spec.base,
        method=base.method,
        input_format=spec.input_format,
        labels=spec.labels,
        curve=fitted.curve,
        best_step=fitted.best_step,
        truncated_rows=fitting.truncated_rows,
        settings=used_settings(config, plan, base.method, inputs.task.kind, base.recipe.rank),
    )


def _plan(
    base: BaseModel, fitting: Fitting, family: Family, seed: int, device: str, config: ModelTrainerConfig
) -> Plan:
    import torch

    from prompt2model.inference import best_dtype

    rows_per_step = batch_size(config, family, len(fitting.lengths))
    steps_per_epoch = steps_in_epoch(len(fitting.lengths), rows_per_step)
    epochs = config.epochs_for(steps_per_epoch)
    return Plan(
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        batch_size=rows_per_step,
        learning_rate=learning_rate(base, family, rows_per_step),
        warmup_steps=int(config.warmup * epochs * steps_per_epoch),
        weight_decay=config.weight_decay,
        max_grad_norm=base.recipe.max_grad_norm,
        validate_every=config.validate_every,
        patience=config.patience,
        max_tokens_at_once=config.max_tokens_at_once,
        bf16=config.bf16 == "auto" and best_dtype(torch.device(device)) == torch.bfloat16,
        seed=seed,
        device=device,
        constant_rate=base.recipe.constant_rate,
        paged=base.method == "qlora" and device.startswith("cuda"),
    )


def _mark(spec: StudentSpec, plan: Plan, team: Team) -> str:
    """What a checkpoint must have in common with the training that goes on from it."""
    # Each process has a GPU of its own, and all must take up the same step.
    plan = replace(plan, device=plan.device.partition(":")[0])
    return f"{spec.base}|{spec.method}|{spec.input_format}|{plan}|{team.size} processes"


def _tell(
    inputs: TrainInputs,
    fitting: Fitting,
    spec: StudentSpec,
    plan: Plan,
    config: ModelTrainerConfig,
    context: RunContext,
) -> None:
    """What a person should know before it starts: cut rows, more epochs than asked for."""
    if fitting.truncated_rows:
        context.progress.say(
            f"{fitting.truncated_rows} of {len(inputs.train)} training rows were longer than the limits "
            f"({spec.max_input_tokens} input tokens) and were cut; see max_input_tokens in [train]"
        )
    if plan.epochs > config.epochs:
        context.progress.say(
            f"{plan.epochs} epochs instead of {config.epochs}, because the rows are few: a pass over "
            f"{len(inputs.train)} rows has only {plan.steps_per_epoch} steps, and min_steps = "
            f"{config.min_steps} in [train] asks for more"
        )


def _save(write: Callable[[Path], object], spec: StudentSpec, folder: Path, inputs: TrainInputs) -> Path:
    from safetensors import SafetensorError

    if folder.exists():  # left by a killed attempt
        shutil.rmtree(folder)
    try:
        write(folder)
    except SafetensorError as error:  # its own kind, which has no errno
        if "os error 28" not in str(error) and "os error 122" not in str(error):
            raise
        raise DiskFullError(f"the disk is full: {folder} could not be written; free some space and resume") from error
    write_atomically(folder / "README.md", model_card(spec, inputs.train, inputs.validation))
    write_spec(spec, folder)
    return folder
