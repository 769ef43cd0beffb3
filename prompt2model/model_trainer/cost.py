"""What a training will cost in time and memory, before it starts."""

from __future__ import annotations

from prompt2model.catalogue.training_method import method_for, training_memory
from prompt2model.component import Estimate
from prompt2model.model_trainer.batching import steps_in_epoch
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.records import ChosenModel, Rows

_LETTERS_PER_TOKEN = 4
_OPERATIONS_PER_SECOND = {"cuda": 4e13, "mps": 2e12, "cpu": 5e10}
"""Training throughput of small models, per device, and per core of a processor."""
_BF16_GAIN = 2.4
"""How much faster a processor core is that multiplies in bfloat16."""
_SAMPLE = 200


def training_cost(
    train: Rows, validation: Rows, base_model: ChosenModel, config: ModelTrainerConfig, batch_size: int
) -> Estimate:
    """Seconds from 6 operations per parameter and token, 4 with LoRA; bytes on disk from the student's weights.

    Unknown where the size of the model is.
    """
    parameters = next(
        (candidate.parameters for candidate in base_model.candidates if candidate.id == base_model.id), None
    )
    if parameters is None or not len(train):
        return Estimate(assumptions=("the size of the base model is not known",))
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


def _mean_tokens(rows: Rows) -> float:
    from itertools import islice

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
