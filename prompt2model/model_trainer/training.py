"""One student: base model + rows → a trained model in a folder."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.input_layouts import shown_layouts
from prompt2model.component import RunContext
from prompt2model.errors import ConfigError, DiskFullError, NotEnoughDataError, TrainingError
from prompt2model.model_trainer.base_model import (
    BaseModel,
    batch_size,
    learning_rate,
    load_base,
    longest_texts,
    with_adapters,
)
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.checkpoint import Checkpoints
from prompt2model.model_trainer.checkpointing import start_checkpointing
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.cost import Stopwatch, after_training, before_training, expected, linear_expected
from prompt2model.model_trainer.fitting import Fitting
from prompt2model.model_trainer.limits import device_of
from prompt2model.model_trainer.linear import LINEAR_FAMILIES, train_linear
from prompt2model.model_trainer.loop import Watch, fit, reproducible
from prompt2model.model_trainer.model_card import model_card
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.row_weights import row_weights
from prompt2model.model_trainer.saving import student_writer
from prompt2model.model_trainer.search_space import used_settings
from prompt2model.model_trainer.team import Team
from prompt2model.model_trainer.updating import put_weights
from prompt2model.predictor import StudentSpec, input_format_for, write_spec
from prompt2model.records import ChosenModel, Family, InputLayout, Rows, TaskSpec, TrainedModel
from prompt2model.weights import adapters, locate

_SHORT_INSTRUCTION = 64
"""Tokens up to which `instruction = "auto"` keeps the instruction."""


@dataclass(frozen=True)
class TrainInputs:
    """What training needs: the rows, the closed labels (else none), the base model, and how inputs were made."""

    task: TaskSpec
    train: Rows
    validation: Rows
    labels: tuple[str, ...]
    base_model: ChosenModel
    layouts: tuple[InputLayout, ...] = ()


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

    check_inputs(inputs, config)
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
    stopwatch = Stopwatch()
    team = team or Team(device_of(config.device))
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
        base = load_base(location, inputs.base_model.family, _head_labels(inputs), config, team.device)
        if base.method == "qlora" and team.is_sharded:
            raise ConfigError(
                "qlora is not divided among processes; take --method lora, or processes that hold all of it"
            )
        spec, fitting = _fitting(inputs, base, some_validation(inputs.validation, config, context), config)
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
                base = load_base(location, inputs.base_model.family, _head_labels(inputs), config, "cpu")
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


def _fitting(
    inputs: TrainInputs, base: BaseModel, validation: Rows, config: ModelTrainerConfig
) -> tuple[StudentSpec, Fitting]:
    family = inputs.base_model.family
    max_input_tokens, max_target_tokens = longest_texts(config, base, family)
    input_format = input_format_for(family, _instruction(inputs.task.instruction, base.tokenizer, config))
    taken = len(base.tokenizer(input_format)["input_ids"])
    if taken * 2 > max_input_tokens and family != "encoder":
        raise ConfigError(
            f"the instruction takes {taken} of the {max_input_tokens} input tokens; "
            'set instruction = "never" or raise max_input_tokens in [train]'
        )
    limits = (input_format, max_input_tokens, max_target_tokens)
    fitting = _family_fitting(inputs, base, validation, limits, config)
    spec = StudentSpec(
        format=1,
        family=family,
        base=inputs.base_model.id,
        method=base.method,
        kind=inputs.task.kind,
        instruction=inputs.task.instruction,
        input_format=input_format,
        labels=inputs.labels if inputs.task.kind == "classification" else (),
        max_input_tokens=max_input_tokens,
        max_new_tokens=fitting.max_new_tokens,
        language=inputs.task.language,
        layouts=tuple(dict.fromkeys((*inputs.layouts, *shown_layouts(inputs.task)))),
        adapter_of=None,
    )
    return spec, fitting


def _instruction(instruction: str, tokenizer: Any, config: ModelTrainerConfig) -> str:
    if config.instruction == "never":
        return ""
    if config.instruction == "always":
        return instruction
    return instruction if len(tokenizer(instruction)["input_ids"]) <= _SHORT_INSTRUCTION else ""


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


def check_inputs(inputs: TrainInputs, config: ModelTrainerConfig) -> None:
    """Refuse a family that does not fit the task, and too few rows or labels."""
    family, kind = inputs.base_model.family, inputs.task.kind
    if family in LINEAR_FAMILIES and kind != "classification":
        raise ConfigError(
            f"{family} can only choose among fixed labels, but the task is {kind.replace('_', ' ')}; choose another "
            "--base-model"
        )
    if family == "encoder" and kind == "generation":
        raise ConfigError(
            f"{inputs.base_model.id} is an encoder, which can only choose among labels or options, but the task is "
            "generation; choose an encoder-decoder or a decoder"
        )
    if not len(inputs.train):
        raise NotEnoughDataError("there is no training row; retrieve, generate or give some (--data)")
    if kind == "classification" and len(inputs.labels) < 2:
        raise NotEnoughDataError(
            f"a classifier needs at least two labels and the data has {len(inputs.labels)}; add rows of another label"
        )


def some_validation(validation: Rows, config: ModelTrainerConfig, context: RunContext) -> Rows:
    """The validation rows, or as many of them, drawn once, as the config allows."""
    if len(validation) <= config.max_validation_rows:
        return validation
    rng: random.Random = context.rng("train", "validation")
    kept = set(rng.sample(range(len(validation)), config.max_validation_rows))
    return tuple(row for number, row in enumerate(validation) if number in kept)


def _family_fitting(
    inputs: TrainInputs,
    base: BaseModel,
    validation: Rows,
    limits: tuple[str, int, int],
    config: ModelTrainerConfig,
) -> Fitting:
    """`limits`: the input format, most input tokens, most answer tokens."""
    if inputs.base_model.family == "encoder" and inputs.task.kind == "multiple_choice":
        from prompt2model.model_trainer.encoder_choices import EncoderChoicesFitting

        return EncoderChoicesFitting(
            base.model,
            base.tokenizer,
            inputs.train,
            validation,
            input_format=limits[0],
            max_input_tokens=limits[1],
            max_tokens_at_once=config.max_tokens_at_once,
            label_smoothing=config.label_smoothing,
        )
    if inputs.base_model.family == "encoder":
        from prompt2model.model_trainer.encoder import EncoderFitting

        fitting = EncoderFitting(
            base.model,
            base.tokenizer,
            inputs.labels,
            inputs.train,
            validation,
            input_format=limits[0],
            max_input_tokens=limits[1],
            max_tokens_at_once=config.max_tokens_at_once,
            class_weights=config.class_weights,
            soft_order=inputs.task.labels if config.soft_labels else (),
            label_smoothing=config.label_smoothing,
        )
        fitting.start_head()
        return fitting
    from prompt2model.model_trainer.rows import answer_rows

    decoder = inputs.base_model.family == "decoder"
    train_rows = answer_rows(inputs.train, base.tokenizer, *limits, continued=decoder)
    held_rows = answer_rows(validation, base.tokenizer, *limits, continued=decoder)
    closed = inputs.task.kind != "generation"
    weights = _answer_weights(inputs.train, config) if inputs.task.kind == "classification" else None
    settings = (closed, config.max_tokens_at_once, weights, config.label_smoothing)
    if decoder:
        from prompt2model.model_trainer.decoder import DecoderFitting

        return DecoderFitting(base.model, base.tokenizer, train_rows, held_rows, *settings)
    from prompt2model.model_trainer.encoder_decoder import EncoderDecoderFitting

    return EncoderDecoderFitting(base.model, base.tokenizer, train_rows, held_rows, *settings)


def _head_labels(inputs: TrainInputs) -> tuple[str, ...]:
    """What the logits of an encoder's head are called; one score where each row has options of its own."""
    from prompt2model.predictor.choice_pairs import SCORE

    return SCORE if inputs.task.kind == "multiple_choice" else inputs.labels


def _answer_weights(rows: Rows, config: ModelTrainerConfig) -> Any:
    number_of: dict[str, int] = {}
    return row_weights([number_of.setdefault(row.target, len(number_of)) for row in rows], config.class_weights)


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
