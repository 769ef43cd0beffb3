"""The settings that a search may choose: those that a training used, and the ranges around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.plan import Plan
from prompt2model.model_trainer.recipe import USUAL_RANK
from prompt2model.records import Kind, Method

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Settings: TypeAlias = dict[str, float | int | str]

_UP_TO = {"warmup": 0.3, "weight_decay": 0.1, "label_smoothing": 0.2}
"""Settings that are searched from 0 up."""
_SEARCHED = {"learning_rate", "epochs", "batch_size", "class_weights", "lora_rank", *_UP_TO}
_DIGITS = 3
_MOST = {"epochs": 1000, "lora_rank": 512}
"""What the config allows."""


def used_settings(config: ModelTrainerConfig, plan: Plan, method: Method, kind: Kind, rank: int) -> dict[str, str]:
    """What a training used of the settings that a search may choose, as text; defaults are given as they came out."""
    used: Settings = {
        "learning_rate": plan.learning_rate,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "warmup": config.warmup,
        "weight_decay": config.weight_decay,
        "label_smoothing": config.label_smoothing,
    }
    if kind == "classification":
        used["class_weights"] = config.class_weights
    if method in ("lora", "qlora"):
        used["lora_rank"] = rank
    return {name: f"{value:.12g}" if isinstance(value, float) else str(value) for name, value in used.items()}


def ranges_around(used: Mapping[str, str]) -> tuple[Settings, dict[str, BaseDistribution]]:
    """The settings of a first training as values, and for each of them the range that is searched around it.

    Learning rates from a quarter to four times the first one; from half to twice the epochs, the rows per step and the
    rank of adapters. Empty where the family has nothing to search.
    """
    around = {name: _range(name, text) for name, text in used.items() if name in _SEARCHED}
    return {name: value for name, (value, _) in around.items()}, {name: known for name, (_, known) in around.items()}


def _range(name: str, text: str) -> tuple[float | int | str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if name == "class_weights":
        return text, CategoricalDistribution(("auto", "on", "off"))
    if name == "learning_rate":
        rate = float(text)
        return rate, FloatDistribution(_rounded(rate / 4), _rounded(min(1.0, rate * 4)), log=True)
    if name in _UP_TO:
        share = float(text)
        return share, FloatDistribution(0.0, max(_UP_TO[name], _rounded(share * 1.01)))
    count = int(text)
    half = max(1, count // 2)
    if name == "epochs":
        return count, IntDistribution(half, min(count * 2, _MOST[name]))
    return count, CategoricalDistribution(sorted({half, count, min(count * 2, _MOST.get(name, count * 2))}))


def suggested(trial: Any, ranges: Mapping[str, BaseDistribution]) -> Settings:
    """The settings of an optuna trial, fractions in three digits so that what is written down is what was used."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    settings: Settings = {}
    for name, known in ranges.items():
        if isinstance(known, FloatDistribution):
            settings[name] = _rounded(trial.suggest_float(name, known.low, known.high, log=known.log))
        elif isinstance(known, IntDistribution):
            settings[name] = trial.suggest_int(name, known.low, known.high)
        elif isinstance(known, CategoricalDistribution):
            settings[name] = trial.suggest_categorical(name, known.choices)
    return settings


def with_settings(config: ModelTrainerConfig, settings: Mapping[str, float | int | str]) -> ModelTrainerConfig:
    """A training's config with settings of the search; the scale of adapters follows their rank."""
    changes: dict[str, Any] = dict(settings)
    if "epochs" in changes:
        changes["min_steps"] = 0
    if "lora_rank" in changes and config.lora_alpha is not None:
        # alpha/rank stays, so that the learning rate keeps its meaning.
        rank = config.lora_rank or USUAL_RANK
        changes["lora_alpha"] = max(1, round(config.lora_alpha * int(changes["lora_rank"]) / rank))
    return config.model_copy(update=changes)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
