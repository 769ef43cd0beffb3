"""What a training will cost in time and memory, before it starts."""

from __future__ import annotations

from itertools import islice

from prompt2model.catalogue.training_method import method_for, training_memory
from prompt2model.component import Estimate
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.records import ChosenModel, Rows
from prompt2model.weights import PACKAGED

_LETTERS_PER_TOKEN = 4
_OPERATIONS_PER_SECOND = {"cuda": 4e13, "mps": 2e12, "cpu": 5e10}
"""Training throughput of small models, per device, and per core of a processor."""
_BF16_GAIN = 2.4
"""How much faster a processor core is that multiplies in bfloat16."""
_SAMPLE = 200
_LABEL_SAMPLE = 2000
_TERMS_PER_LETTER, _NEW_TERMS_PER_LETTER = 2.0, 0.1
_SECONDS_PER_TERM = 1e-6
_PASSES, _LABELS_AT_ONCE = 150, 500
"""Passes of a search for C over all terms, and labels for which one pass takes as long as finding the terms."""


def training_cost(
    train: Rows, validation: Rows, base_model: ChosenModel, config: ModelTrainerConfig, batch_size: int
) -> Estimate:
    """Seconds from 6 operations per parameter and token, 4 with LoRA; bytes on disk from the student's weights.

    Unknown where the size of the model is.
    """
    if base_model.family == "tfidf" and len(train):
        return _tfidf_cost(train)
    parameters = next(
        (candidate.parameters for candidate in base_model.candidates if candidate.id == base_model.id), None
    )
    if parameters is None and base_model.id in PACKAGED:
        parameters = PACKAGED[base_model.id].parameters
    if parameters is None or not len(train):
        return Estimate(assumptions=("the size of the base model is not known",))
    if base_model.family == "embedding":
        return _embedding_cost(train, validation, base_model, config, parameters)
    epochs = config.epochs_for(steps_in_epoch(len(train), batch_size))
    lora = method_for(config.method, base_model.family, parameters) == "lora"
    passes = epochs * (len(train) + len(validation) / 3)
    operations = (4 if lora else 6) * parameters * _mean_tokens(train) * passes
    return Estimate(
        seconds=round(operations / _speed(), 1),
        memory=training_memory(config.method, base_model.family, parameters),
        disk=parameters * 4,
        assumptions=(f"{epochs} epochs over {len(train)} rows", "4 letters a token"),
    )


def _embedding_cost(
    train: Rows, validation: Rows, base_model: ChosenModel, config: ModelTrainerConfig, parameters: int
) -> Estimate:
    """Each row is read once: 2 operations per parameter and token; the regression itself is next to nothing."""
    rows = len(train) + min(len(validation), config.max_validation_rows)
    return Estimate(
        seconds=round(2 * parameters * _mean_tokens(train) * rows / _speed(), 1),
        memory=training_memory(config.method, base_model.family, parameters),
        disk=parameters * 4,
        assumptions=(f"{rows} rows are read once", "4 letters a token"),
    )


def _tfidf_cost(train: Rows) -> Estimate:
    """Seconds from the terms of all rows and the labels, which are read off some of the rows."""
    from prompt2model.model_trainer.tfidf import MOST_FEATURES, MOST_WEIGHTS

    sample = list(islice(train, _LABEL_SAMPLE))
    labels = max(2, len({row.target for row in sample}))
    letters = len(train) * sum(len(row.input) for row in sample) / len(sample)
    terms = _TERMS_PER_LETTER * letters
    features = min(MOST_FEATURES, MOST_WEIGHTS // labels, int(_NEW_TERMS_PER_LETTER * letters))
    return Estimate(
        seconds=round(_SECONDS_PER_TERM * terms * (1 + labels * _PASSES / _LABELS_AT_ONCE), 1),
        memory=int(24 * terms) + 100 * features * labels,
        disk=4 * features * labels,
        assumptions=(f"a logistic regression on {len(train)} rows and {labels} labels",),
    )


def _mean_tokens(rows: Rows) -> float:
    sample = list(islice(rows, _SAMPLE))
    letters = sum(len(row.input) + len(row.target) for row in sample)
    return 4 + letters / len(sample) / _LETTERS_PER_TOKEN


def _speed() -> float:
    """Operations a second. A machine without an accelerator is known as such without loading torch."""
    import os

    from prompt2model.inference.device import best_device, may_have_accelerator, multiplies_bf16

    device = best_device().type if may_have_accelerator() else "cpu"
    if device != "cpu":
        return _OPERATIONS_PER_SECOND[device]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return _OPERATIONS_PER_SECOND[device] * cores * (_BF16_GAIN if multiplies_bf16() else 1)
