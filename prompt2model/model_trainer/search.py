"""A search for better settings: fresh trainings with settings that optuna proposes, judged on the validation rows.

The study is the folders of its trials: settings before a training, its curve and scores after. From these, optuna's TPE
sampler (Bergstra et al. 2011, arXiv 2304.11127) proposes the settings of the next trial, seeded by the run's seed and
the trial's number. So a killed search goes on as if nothing had happened: finished trials are not run again, the one
that was running goes on with the same settings from its own checkpoint, and what is proposed after it is the same.

The rows that choose among the trials are the validation's, never the test's; the best score of many is a little too
high for that reason, and only the test says what was won.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt2model.artifacts import load_timing, save_artifact
from prompt2model.component import RunContext
from prompt2model.errors import MissingExtraError, NotEnoughDataError, Prompt2ModelError
from prompt2model.model_trainer.candidate_table import trial_words
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs
from prompt2model.model_trainer.jobs import JOB_FILE, Job, JobResult, found, read_job, run_jobs, write_job
from prompt2model.model_trainer.pruning import Curve, curve_of
from prompt2model.model_trainer.search_space import Settings, ranges_around, suggested, with_settings
from prompt2model.records import Rows, SearchTrial

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_MOST_RANDOM = 10


@dataclass(frozen=True)
class Search:
    """What came of it: all trials, the best one's result, and time and memory of each trial by its number."""

    trials: tuple[SearchTrial, ...]
    best: JobResult
    timing: Mapping[str, Mapping[str, Any]]


def check_optuna() -> None:
    """Raises MissingExtraError where optuna is not installed."""
    import importlib.util

    if importlib.util.find_spec("optuna") is None:
        raise MissingExtraError("--search needs optuna; install it with: pip install 'prompt2model[hpo]'")


def search(
    inputs: TrainInputs,
    validation: Rows,
    config: ModelTrainerConfig,
    context: RunContext,
    defaults: Path | None = None,
) -> Search:
    """Run the trials that are not finished yet and choose the best.

    Trial 0 has the settings of the config; `defaults` is the folder of a finished job with just these. Best is the
    highest validation score, of equal ones the lower validation loss, then the earlier trial.
    Raises NotEnoughDataError without validation rows, MissingExtraError without optuna, and what the training with the
    config's own settings fails with.
    """
    if not len(validation):
        raise NotEnoughDataError(
            "a search is decided on validation rows and there are none; give more rows, or leave out --search"
        )
    check_optuna()
    study = _Study(inputs, config, context, defaults)
    study.first()
    for number in range(1, config.search_trials):
        study.trial(number)
    return study.outcome()


class _Study:
    """The trials so far."""

    def __init__(
        self, inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext, defaults: Path | None
    ) -> None:
        self.base, self.config, self.context = inputs.base_model, config, context
        self._defaults = defaults
        self.results: list[JobResult] = []
        self.settings: list[Settings] = []
        self.ranges: dict[str, BaseDistribution] = {}

    def first(self) -> None:
        """The trial with the config's own settings, around which the others are searched."""
        folder = self._folder(0)
        if self._defaults is None:
            write_job(self._job(0, self.config.of_one_training()), folder)
        result = self._result(folder)
        if isinstance(result, Prompt2ModelError):
            raise result
        settings, self.ranges = ranges_around(result.student.settings)
        self._enter(settings, result)
        if not self.ranges:
            self.context.progress.say(
                f"  nothing to search: a student of the family {self.base.family} chooses its settings by itself"
            )

    def trial(self, number: int) -> None:
        """One trial: found finished, gone on with, or new."""
        if not self.ranges:
            return
        folder = self._folder(number)
        if not (folder / JOB_FILE).is_file():
            config = with_settings(self.config.of_one_training(), self._proposed(number))
            write_job(self._job(number, config), folder)
        begun = read_job(folder).config
        settings: Settings = {name: getattr(begun, name) for name in self.ranges}
        result = found(folder) or self._result(folder)
        if isinstance(result, Prompt2ModelError):
            result = JobResult("failed", reason=str(result))
            save_artifact(result, folder)
        self._enter(settings, result)

    def outcome(self) -> Search:
        """The best of the trials; none are told of where there was nothing to search."""
        if not self.ranges:
            return Search((), self.results[0], {})
        best = self._best()
        result = self.results[best]
        self.context.progress.say(
            f"  best of {len(self.results)} trials: {trial_words(self._record(best))}; "
            f"the config's own settings: score {_score(self.results[0]):.4g}"
        )
        numbers = range(len(self.results))
        timing = {str(number): load_timing(self._folder(number)) for number in numbers}
        return Search(tuple(self._record(number) for number in numbers), result, timing)

    def _enter(self, settings: Settings, result: JobResult) -> None:
        self.settings.append(settings)
        self.results.append(result)
        number = len(self.results) - 1
        self.context.progress.say(f"  {trial_words(self._record(number))}")
        best = self._best()
        for other in range(len(self.results)):
            # Weights of one trial only are kept; those of a bake-off are not the search's to remove.
            if other != best and self._folder(other) != self._defaults:
                shutil.rmtree(self._folder(other) / "student", ignore_errors=True)

    def _best(self) -> int:
        complete = [number for number, result in enumerate(self.results) if result.state == "trained"]
        return max(complete, key=lambda number: (_value(self.results[number]), -number))

    def _proposed(self, number: int) -> Settings:
        """What optuna proposes after the trials before this one."""
        import optuna

        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        try:
            seed = self.context.rng("search", number).getrandbits(32)
            random = min(_MOST_RANDOM, max(3, self.config.search_trials // 3))
            sampler = optuna.samplers.TPESampler(n_startup_trials=random, seed=seed)
            study = optuna.create_study(direction="maximize", sampler=sampler)
            for settings, result in zip(self.settings, self.results, strict=True):
                study.add_trial(_as_optuna(settings, self.ranges, result))
            return suggested(study.ask(), self.ranges)
        finally:
            optuna.logging.set_verbosity(verbosity)

    def _result(self, folder: Path) -> JobResult | Prompt2ModelError:
        ((_, result),) = run_jobs([folder], self.context)
        return result

    def _job(self, number: int, config: ModelTrainerConfig) -> Job:
        rivals: list[Curve] = [
            curve_of(result.curve, int(settings["epochs"]))
            for settings, result in zip(self.settings, self.results, strict=True)
            if result.state == "trained" and "epochs" in settings
        ]
        title = f"trial {number}, of {self.config.search_trials} in all"
        settings = config.model_dump(mode="json", exclude_defaults=True)
        context = self.context
        return Job(title, self.base.id, self.base.family, settings, context.seed, context.hub_allowed, tuple(rivals))

    def _folder(self, number: int) -> Path:
        if number == 0 and self._defaults is not None:
            return self._defaults
        return self.context.folder / "trials" / f"{number:03d}"

    def _record(self, number: int) -> SearchTrial:
        result = self.results[number]
        words = {"trained": "complete", "pruned": "pruned", "failed": "failed"}
        settings = {name: _word(value) for name, value in self.settings[number].items()}
        score = _score(result) if result.state == "trained" else None
        return SearchTrial(number, settings, words[result.state], score)  # type: ignore[arg-type]


def _word(value: float | int | str) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _score(result: JobResult) -> float:
    return round(sum(result.scores) / len(result.scores), 6)


def _value(result: JobResult) -> float:
    """What is searched for: the sum of the rows' scores; among equal ones the lower loss, which takes less than 1."""
    loss = result.loss or 0.0
    return sum(result.scores) - loss / (1 + loss)


def _as_optuna(settings: Settings, ranges: dict[str, BaseDistribution], result: JobResult) -> Any:
    from optuna.trial import TrialState, create_trial

    states = {"trained": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}
    state = states[result.state]
    curve = curve_of(result.curve, int(settings["epochs"])) if result.state == "pruned" else ()
    return create_trial(
        state=state,
        params=settings,
        distributions=ranges,
        value=_value(result) if state == TrialState.COMPLETE else None,
        intermediate_values={round(100 * share): score for share, score in curve},
    )
