"""Gradient checkpointing (arXiv 1604.06174): whether, and how it is switched on."""

from __future__ import annotations

from prompt2model.errors import ConfigError
from prompt2model.inference.device import memory_for_training
from prompt2model.model_trainer.base_model import BaseModel
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.cost import memory_needed
from prompt2model.model_trainer.fitting import Fitting
from prompt2model.model_trainer.plan import Plan
from prompt2model.records import Family


def start_checkpointing(
    base: BaseModel, fitting: Fitting, plan: Plan, family: Family, config: ModelTrainerConfig
) -> bool:
    """Switch it on where it is wanted; whether it is on. Raises ConfigError where a model has none and it must be."""
    wanted = config.gradient_checkpointing == "on" or (
        config.gradient_checkpointing == "auto"
        and (
            (base.method == "qlora" and plan.device.startswith("cuda"))
            or memory_needed(base, fitting, plan, family, checkpointing=False) > memory_for_training(plan.device)
        )
    )
    if not wanted:
        return False
    if not base.model.supports_gradient_checkpointing:
        if config.gradient_checkpointing == "on":
            raise ConfigError(
                f"{base.model.config.model_type} models have no gradient checkpointing; "
                'set gradient_checkpointing = "off" in [train]'
            )
        return False
    base.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return True
