"""What a training of each family begins with: the model with its tokenised rows."""

from __future__ import annotations

from typing import Any

from prompt2model.catalogue.input_layouts import shown_layouts
from prompt2model.errors import ConfigError
from prompt2model.model_trainer.base_model import BaseModel, longest_texts
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.fitting import Fitting
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.row_weights import row_weights
from prompt2model.predictor import StudentSpec, input_format_for
from prompt2model.records import Rows

_SHORT_INSTRUCTION = 64
"""Tokens up to which `instruction = "auto"` keeps the instruction."""


def fitting_of(
    inputs: TrainInputs, base: BaseModel, validation: Rows, config: ModelTrainerConfig
) -> tuple[StudentSpec, Fitting]:
    """What the student's folder will say of it, and its model with the tokenised rows.

    Raises ConfigError when the instruction leaves too little room for inputs.
    """
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
        evidence=inputs.evidence,
    )
    return spec, fitting


def _instruction(instruction: str, tokenizer: Any, config: ModelTrainerConfig) -> str:
    if config.instruction == "never":
        return ""
    if config.instruction == "always":
        return instruction
    return instruction if len(tokenizer(instruction)["input_ids"]) <= _SHORT_INSTRUCTION else ""


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
            own_evidence=inputs.evidence is not None,
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


def head_labels(inputs: TrainInputs) -> tuple[str, ...]:
    """What the logits of an encoder's head are called; one score where each row has options of its own."""
    from prompt2model.predictor.choice_pairs import SCORE

    return SCORE if inputs.task.kind == "multiple_choice" else inputs.labels


def _answer_weights(rows: Rows, config: ModelTrainerConfig) -> Any:
    number_of: dict[str, int] = {}
    return row_weights([number_of.setdefault(row.target, len(number_of)) for row in rows], config.class_weights)
