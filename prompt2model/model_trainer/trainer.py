"""Dataset + base model → a trained model in a folder that loads anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from prompt2model.component import Component, Estimate, RunContext
from prompt2model.errors import ConfigError
from prompt2model.model_trainer.base_model import batch_size
from prompt2model.model_trainer.candidates import Entrant, entrants, named_entrants, student_folders
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.limits import device_of
from prompt2model.model_trainer.search import check_optuna
from prompt2model.model_trainer.student_choice import train_the_best
from prompt2model.model_trainer.together import train_together
from prompt2model.model_trainer.training import train_student
from prompt2model.records import LINEAR_FAMILIES, ChosenModel, ModelCandidate, TrainedModel


class ModelTrainer(Component[TrainInputs, TrainedModel]):
    """Fine-tunes the base model; the best checkpoint on validation is kept.

    With a bake-off several students are trained and one is chosen, with a search one is trained again and again with
    other settings; `candidates` and `trials` of what it makes say how that went. With both, the search is for the
    chosen student.

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
        if inputs.base_model.family in LINEAR_FAMILIES and not self.config.holds_bake_off:
            self._check_linear(inputs.base_model.family, context)
        if self.config.processes != 1:
            return train_together(inputs, self.config, context)
        if self.config.holds_bake_off or self.config.search_trials:
            return train_the_best(inputs, self.config, context)
        return train_student(inputs, self.config, context)

    def _check_linear(self, family: str, context: RunContext) -> None:
        """Say what a logistic regression has no use for. Raises ConfigError."""
        if self.config.method in ("lora", "qlora"):
            raise ConfigError(
                f"{family} is a logistic regression, for which there is no method {self.config.method}; leave --method "
                "out, or choose another --base-model"
            )
        if self.config.search_trials:
            context.progress.say(f"  nothing to search: {family} chooses its only setting by itself")

    def check(self, hub_allowed: bool) -> None:
        """Refuse students that cannot be had, a device that is not there, and a search without optuna."""
        if self.config.students:
            named_entrants(self.config.students, hub_allowed)
        if self.config.device != "auto":
            device_of(self.config.device)
        if self.config.search_trials:
            check_optuna()
        if self.config.shard and self.config.method == "qlora":
            raise ConfigError("weights in four bits are not divided; take --method lora, or leave shard out of [train]")
        if self.config.processes != 1 and (self.config.holds_bake_off or self.config.search_trials):
            raise ConfigError(
                "processes in [train] is for one training; leave it out for a bake-off or a search, or send their "
                "trainings to a cluster (--cluster)"
            )

    def estimate(self, inputs: TrainInputs, context: RunContext) -> Estimate:
        """Time, memory and disk from the models' sizes and the rows' length, where the sizes are known."""
        base, config = inputs.base_model, self.config
        cost = self._cost_of(inputs, base)
        if config.holds_bake_off:
            found = entrants(inputs, config, context.hub_allowed)
            costs = [self._cost_of(inputs, _as_base(one)) for one in found]
            cost = _together(costs, f"students: {', '.join(one.id for one in found)}")
        if config.search_trials:
            searched = self._cost_of(inputs, base)
            trials = replace(searched, seconds=_times(searched.seconds, config.search_trials))
            parts = [cost, trials] if config.holds_bake_off else [trials]
            cost = _together(parts, f"{config.search_trials} trials of the search")
        makes = TrainedModel(context.folder, base.family, base.id, "full", "", inputs.labels, (), 0, 0)
        return replace(cost, makes=makes)

    def _cost_of(self, inputs: TrainInputs, base: ChosenModel) -> Estimate:
        from prompt2model.model_trainer.cost import training_cost

        rows_per_step = batch_size(self.config, base.family, len(inputs.train))
        return training_cost(inputs.train, inputs.validation, base, self.config, rows_per_step)

    def input_files(self) -> Sequence[Path]:
        """Folders of weights that a bake-off names; the chosen base model comes with the inputs."""
        return student_folders(self.config.students)


def _as_base(entrant: Entrant) -> ChosenModel:
    candidate = ModelCandidate(entrant.base, entrant.family, entrant.parameters, None, None, 0.0, ())
    return ChosenModel(entrant.base, entrant.family, (candidate,), {})


def _together(costs: Sequence[Estimate], what: str) -> Estimate:
    """Trainings one after the other: times add up, the largest memory and disk count."""
    return Estimate(
        seconds=sum(cost.seconds or 0.0 for cost in costs),
        memory=max((cost.memory for cost in costs if cost.memory is not None), default=None),
        disk=sum(cost.disk or 0 for cost in costs),
        assumptions=(what, *dict.fromkeys(line for cost in costs for line in cost.assumptions)),
    )


def _times(seconds: float | None, count: int) -> float | None:
    return None if seconds is None else round(seconds * count, 1)
