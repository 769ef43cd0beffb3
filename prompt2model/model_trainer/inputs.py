"""What training is given, and what of it is refused."""

from __future__ import annotations

import random
from dataclasses import dataclass

from prompt2model.component import RunContext
from prompt2model.errors import ConfigError, NotEnoughDataError
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.records import LINEAR_FAMILIES, ChosenModel, EvidenceCorpus, InputLayout, Rows, TaskSpec


@dataclass(frozen=True)
class TrainInputs:
    """What training needs: the rows, the closed labels (else none), the base model, and how inputs were made.

    `evidence` says where the rows' evidence was found; then there is one passage for each choice.
    """

    task: TaskSpec
    train: Rows
    validation: Rows
    labels: tuple[str, ...]
    base_model: ChosenModel
    layouts: tuple[InputLayout, ...] = ()
    evidence: EvidenceCorpus | None = None


def check_inputs(inputs: TrainInputs) -> None:
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
