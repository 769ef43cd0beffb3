"""Loading the base model for training, with adapters where they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prompt2model.catalogue.training_method import method_for
from prompt2model.errors import ConfigError, WeightsError
from prompt2model.inference.device import memory_for_training
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.recipe import Recipe, recipe_for
from prompt2model.records import Family, Method
from prompt2model.weights import (
    WeightsLocation,
    adapters,
    load_causal_lm,
    load_encoder_classifier,
    load_seq2seq,
    load_tokenizer,
)
from prompt2model.weights.model_shape import ModelShape, model_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch


_USUAL_LONGEST_INPUT = 512
_T5_TYPES = frozenset({"t5", "mt5", "umt5", "longt5", "byt5", "switch_transformers"})
_LARGE_BATCH, _SMALL_BATCH = 32, 16
_FEW_ROWS = 1000
_PLAIN_RATE = 5e-5
_PLAIN_WIDTH = 768
_T5_RATE, _T5_WIDTH = 1e-3, 512


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A loaded base model. `stored_dtype` is the number format of its weights, in which a decoder is saved again."""

    model: Any
    tokenizer: Any
    method: Method
    stored_dtype: torch.dtype
    shape: ModelShape
    recipe: Recipe


def load_base(
    location: WeightsLocation, family: Family, labels: Sequence[str], config: ModelTrainerConfig, device: str
) -> BaseModel:
    """The base model on `device`: in float32 where all of it is trained, in its stored format or 4 bits under adapters.

    Raises WeightsError for a tokenizer that cannot mark the end of an answer, MissingExtraError for qlora without
    bitsandbytes.
    """
    import torch

    from prompt2model.inference import best_dtype

    tokenizer: Any = load_tokenizer(location)
    if family != "encoder" and tokenizer.eos_token_id is None:
        raise WeightsError(
            f"the tokenizer of {location.model_id} has no end-of-sequence token, so a model could not learn to stop; "
            "choose another base model"
        )
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token_id is None:
            raise WeightsError(f"the tokenizer of {location.model_id} has no padding token; choose another base model")
        # Padding is masked everywhere, so any token will do; the one at hand leaves the vocabulary as it is.
        tokenizer.pad_token = tokenizer.eos_token
    shape = model_shape(location)
    method = method_for(config.method, family, shape.parameters, memory_for_training(config.device))
    if method == "qlora" and config.method == "auto" and config.shard:
        method = "lora"  # what does not fit in the memory of one process is divided among them
    recipe = recipe_for(config, method, shape.parameters)
    if method != "full":
        compute = best_dtype(torch.device(device))
        model: Any = adapters.load_base_for_adapters(location, family, labels, device, method == "qlora", compute)
    elif family == "encoder":
        model = load_encoder_classifier(location, labels, dtype=torch.float32)
    elif family == "encoder_decoder":
        model = load_seq2seq(location, dtype=torch.float32)
    else:
        model = load_causal_lm(location)
    if family == "encoder":
        # Of a single score transformers takes no problem type but regression, and none is needed to read it back.
        model.config.problem_type = "single_label_classification" if len(labels) > 1 else None
    stored_dtype = next(model.parameters()).dtype
    if method == "full":
        model = model.float().to(device)
    return BaseModel(model, tokenizer, method, stored_dtype, shape, recipe)


def with_adapters(base: BaseModel, family: Family) -> Any:
    """The base frozen, with adapters on all of its linear layers; as it is where all of it is trained."""
    if base.method == "full":
        return base.model
    recipe = base.recipe
    return adapters.with_adapters(base.model, family, recipe.rank, recipe.alpha, recipe.dropout)


def merged(model: Any, base: BaseModel, family: Family) -> Any:
    """A trained model as plain weights: adapters added in float32, decoders in their stored format."""
    if base.method == "lora":
        return adapters.merged(model)
    if family == "decoder":
        model = model.to(base.stored_dtype)
    return model.eval()


def batch_size(config: ModelTrainerConfig, family: Family, rows: int) -> int:
    """The configured rows per step, or the family's; fewer where there are few rows, so that there are more steps."""
    if config.batch_size is not None:
        return config.batch_size
    return _LARGE_BATCH if family == "encoder" and rows >= _FEW_ROWS else _SMALL_BATCH


def learning_rate(base: BaseModel, family: Family, rows_per_step: int) -> float:
    """The configured peak rate, or the family's; an encoder's is halved with the small batch (arXiv 1706.02677)."""
    if base.recipe.learning_rate is not None:
        return base.recipe.learning_rate
    width: int = getattr(base.model.config, "hidden_size", None) or _PLAIN_WIDTH
    if base.model.config.model_type in _T5_TYPES:  # trained with Adafactor's relative steps, they bear large rates
        return min(_T5_RATE, _T5_RATE * _T5_WIDTH / width)
    rate = min(3e-4, max(1e-5, _PLAIN_RATE * (_PLAIN_WIDTH / width) ** 2))
    return rate / 2 if family == "encoder" and rows_per_step < _LARGE_BATCH else rate


def longest_texts(config: ModelTrainerConfig, base: BaseModel, family: Family) -> tuple[int, int]:
    """Most tokens of an input and of an answer: what is configured or usual, within what the model can read.

    A decoder reads both in one text; an answer takes half of its room at most. Raises ConfigError when a longer input
    is asked for than the model can read.
    """
    positions = getattr(base.model.config, "max_position_embeddings", None)
    stated = getattr(base.tokenizer, "model_max_length", None)
    room = min([limit for limit in (positions, stated) if isinstance(limit, int) and 0 < limit < 10**9] or [10**9])
    answer = config.max_target_tokens
    if family == "decoder":
        answer = min(answer, room // 2)
        room -= answer
    if config.max_input_tokens is None:
        return min(_USUAL_LONGEST_INPUT, room), answer
    # Without position embeddings (T5) the tokenizer's figure is what the model was trained with, not a limit.
    if isinstance(positions, int) and config.max_input_tokens > room:
        raise ConfigError(
            f"max_input_tokens is {config.max_input_tokens}, but the model reads at most {room} beside an answer; "
            "lower it in [train] or choose another base model"
        )
    return config.max_input_tokens, answer
