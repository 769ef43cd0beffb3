"""Students that are a logistic regression on fixed features: TF-IDF weights, or the vectors of a frozen encoder."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from prompt2model.artifacts import write_atomically
from prompt2model.catalogue.input_layouts import shown_layouts
from prompt2model.component import RunContext
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.limits import device_of
from prompt2model.model_trainer.model_card import model_card
from prompt2model.model_trainer.row_weights import row_weights
from prompt2model.model_trainer.rows import item_of
from prompt2model.model_trainer.targets import LabelTargets
from prompt2model.predictor import StudentSpec, input_format_for, write_spec
from prompt2model.predictor.logistic import LabelledFeatures, LogisticFit, fit_logistic, mean_loss
from prompt2model.records import Example, Item, LossPoint, Rows, TrainedModel
from prompt2model.weights import locate

if TYPE_CHECKING:
    from prompt2model.model_trainer.inputs import TrainInputs
    from prompt2model.predictor.linear_head import LinearHead


class FixedFeatures(Protocol):
    """What makes numbers of inputs and is not trained. `truncated` counts the inputs so far that were cut.

    `max_input_tokens` is the longest input in tokens, 0 where there is no limit.
    """

    max_input_tokens: int
    truncated: int

    def of(self, items: Sequence[Item]) -> Any:
        """Float32 [len(items), width], sparse or dense."""

    def save(self, head: LinearHead, folder: Path) -> None:
        """All that the predictor needs, but for prompt2model.json."""


def train_linear(
    inputs: TrainInputs, validation: Rows, config: ModelTrainerConfig, context: RunContext
) -> TrainedModel:
    """Train and save one student in `context.folder`; `student/` there is the model's folder.

    C is chosen for the lowest cross-entropy on the validation rows; without any, on every fifth training row, after
    which all rows are fitted. The curve has one point, at the passes over the rows that the chosen fit took.
    Raises NotEnoughDataError for a label that is none of the task's, WeightsError where an encoder cannot be used.
    """
    input_format = input_format_for(inputs.base_model.family, "")
    rows, held_rows = list(inputs.train), list(validation)
    goals = _targets(rows, inputs.labels, inputs.task.labels if config.soft_labels else ())
    held_goals = _targets(held_rows, inputs.labels, ())
    features = _features(inputs, rows, input_format, config, context)
    train = _labelled(features, rows, goals, config.label_smoothing)
    truncated = features.truncated
    held = _labelled(features, held_rows, held_goals) if held_rows else None
    weights = row_weights(goals.numbers, config.class_weights)
    _tell(truncated, len(rows), features, context)
    fitted = fit_logistic(train, weights, held)
    spec = StudentSpec(
        format=1,
        family=inputs.base_model.family,
        base=inputs.base_model.id,
        method="linear",
        kind=inputs.task.kind,
        instruction=inputs.task.instruction,
        input_format=input_format,
        labels=inputs.labels,
        max_input_tokens=features.max_input_tokens,
        max_new_tokens=1,
        language=inputs.task.language,
        layouts=tuple(dict.fromkeys((*inputs.layouts, *shown_layouts(inputs.task)))),
        adapter_of=None,
    )
    folder = _save(features, fitted, spec, context.folder / "student", inputs)
    point = _point(fitted, train, held)
    context.progress.say(f"  {train.features.shape[1]:,} features, C = {fitted.strength:g}")
    return TrainedModel(
        folder=folder,
        family=spec.family,
        base=spec.base,
        method=spec.method,
        input_format=spec.input_format,
        labels=spec.labels,
        curve=(point,),
        best_step=point.step,
        truncated_rows=truncated,
        settings={"C": f"{fitted.strength:g}"},
    )


def _targets(rows: Sequence[Example], labels: Sequence[str], soft_order: Sequence[str]) -> LabelTargets:
    goals = LabelTargets(labels, soft_order)
    for row in rows:
        goals.add(row)
    return goals


def _features(
    inputs: TrainInputs, rows: Sequence[Example], input_format: str, config: ModelTrainerConfig, context: RunContext
) -> FixedFeatures:
    if inputs.base_model.family == "embedding":
        from prompt2model.model_trainer.embedding import EmbeddingReader

        location = locate(inputs.base_model.id, allow_download=context.hub_allowed)
        return EmbeddingReader(location, input_format, config, device_of(config.device), context.progress)
    from prompt2model.model_trainer.tfidf import TfidfReader

    return TfidfReader([item_of(row) for row in rows], input_format, len(inputs.labels))


def _labelled(
    features: FixedFeatures, rows: Sequence[Example], goals: LabelTargets, smoothing: float = 0.0
) -> LabelledFeatures:
    targets = goals.probabilities(range(len(rows)))
    if smoothing:
        targets = (1 - smoothing) * targets + smoothing / targets.shape[1]
    return LabelledFeatures(features.of([item_of(row) for row in rows]), targets)


def _tell(truncated: int, rows: int, features: FixedFeatures, context: RunContext) -> None:
    if truncated:
        context.progress.say(
            f"{truncated} of {rows} training rows were longer than the limit ({features.max_input_tokens} input "
            "tokens) and were cut; see max_input_tokens in [train]"
        )


def _point(fitted: LogisticFit, train: LabelledFeatures, held: LabelledFeatures | None) -> LossPoint:
    point = LossPoint(fitted.steps, float(fitted.steps), mean_loss(fitted.head, train))
    if held is None:
        return point
    right = fitted.head.scores(held.features).argmax(axis=1) == held.targets.argmax(axis=1)
    return LossPoint(point.step, point.epoch, point.train_loss, mean_loss(fitted.head, held), float(right.mean()))


def _save(features: FixedFeatures, fitted: LogisticFit, spec: StudentSpec, folder: Path, inputs: TrainInputs) -> Path:
    if folder.exists():  # left by a killed attempt
        shutil.rmtree(folder)
    features.save(fitted.head, folder)
    write_atomically(folder / "README.md", model_card(spec, inputs.train, inputs.validation))
    write_spec(spec, folder)
    return folder
