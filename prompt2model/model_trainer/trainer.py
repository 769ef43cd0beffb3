"""Dataset + base model → a trained model in a folder that loads anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prompt2model.component import Component, Estimate, RunContext
from prompt2model.model_trainer.base_model import batch_size
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.together import train_together
from prompt2model.model_trainer.training import TrainInputs, train_student
from prompt2model.records import TrainedModel


class ModelTrainer(Component[TrainInputs, TrainedModel]):
    """Fine-tunes the base model; the best checkpoint on validation is kept.

    Best is the latest one whose score is within one standard error of the highest.

    A killed training goes on from its last checkpoint and comes to the same weights.
    Raises ConfigError when the family does not fit the task, NotEnoughDataError without rows or with fewer than two
    labels, TrainingError when the loss is no number any more, WeightsError when the base model cannot be used.
    """

    name = "train"
    produces = "trained"
    Config = ModelTrainerConfig
    Inputs = TrainInputs
    Output = TrainedModel

    config: ModelTrainerConfig

    def run(self, inputs: TrainInputs, context: RunContext) -> TrainedModel:
        """Train and save."""
        if self.config.processes != 1:
            return train_together(inputs, self.config, context)
        return train_student(inputs, self.config, context)

    def estimate(self, inputs: TrainInputs, context: RunContext) -> Estimate:
        """Time, memory and disk from the model's size and the rows' length, where the size is known."""
        from prompt2model.model_trainer.cost import training_cost

        base = inputs.base_model
        rows_per_step = batch_size(self.config, base.family, len(inputs.train))
        cost = training_cost(inputs.train, inputs.validation, base, self.config, rows_per_step)
        makes = TrainedModel(context.folder, base.family, base.id, "full", "", inputs.labels, (), 0, 0)
        return replace(cost, makes=makes)

    def input_files(self) -> Sequence[Path]:
        """None: the base model comes with the inputs."""
        return ()
