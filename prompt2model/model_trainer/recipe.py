"""What lora and qlora train with where the settings leave it open."""

from __future__ import annotations

from dataclasses import dataclass

from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.records import Method

_PAPERS_SMALLEST, _PAPERS_LARGE = 10**9, 30 * 10**9
"""QLoRA's models begin at 7 billion parameters; from 33 billion on its rate and dropout are halved."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Adapters and how they are trained. `learning_rate` None: by family, as without adapters."""

    rank: int
    alpha: int
    dropout: float
    learning_rate: float | None
    max_grad_norm: float
    constant_rate: bool


USUAL_RANK = 16
_PLAIN = Recipe(USUAL_RANK, 32, 0.0, None, 1.0, False)
_LORA = Recipe(USUAL_RANK, 32, 0.0, 5e-4, 1.0, False)
_QLORA = Recipe(64, 16, 0.1, 2e-4, 0.3, True)
_LARGE_QLORA = Recipe(64, 16, 0.05, 1e-4, 0.3, True)


def recipe_for(config: ModelTrainerConfig, method: Method, parameters: int) -> Recipe:
    """The configured values, the others by method and size.

    From a billion parameters up qlora takes the values of its paper (arXiv 2305.14314, appendix B), made for models of
    7 billion on and some thousand steps. Below, where a hundred steps at those rates would hardly move a model, it
    takes those of lora.
    """
    usual = _PLAIN if method == "full" else _LORA
    if method == "qlora" and parameters >= _PAPERS_SMALLEST:
        usual = _LARGE_QLORA if parameters >= _PAPERS_LARGE else _QLORA
    rank = config.lora_rank or usual.rank
    return Recipe(
        rank=rank,
        # alpha/rank stays, so that the learning rate keeps its meaning.
        alpha=config.lora_alpha or max(1, round(usual.alpha * rank / usual.rank)),
        dropout=usual.dropout if config.lora_dropout is None else config.lora_dropout,
        learning_rate=config.learning_rate or usual.learning_rate,
        max_grad_norm=config.max_grad_norm or usual.max_grad_norm,
        constant_rate=usual.constant_rate if config.schedule == "auto" else config.schedule == "constant",
    )
