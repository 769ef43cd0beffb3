"""The best of several trainings: of several students, of several settings, or of one after the other."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from prompt2model.artifacts import ARTIFACT_FILE, add_timing, load_artifact, load_timing, save_artifact
from prompt2model.component import RunContext
from prompt2model.model_trainer.bake_off import bake_off
from prompt2model.model_trainer.candidate_table import candidate_lines
from prompt2model.model_trainer.config import ModelTrainerConfig
from prompt2model.model_trainer.inputs import TrainInputs, some_validation
from prompt2model.model_trainer.jobs import share_inputs, take_student
from prompt2model.model_trainer.search import search
from prompt2model.records import ChosenModel, TrainedModel

_OF_THE_WAY = ("candidates", "trials", "inputs")


def train_the_best(inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext) -> TrainedModel:
    """Train what the bake-off and the search of the config ask for; the best student is in `student/`.

    The weights of the others are removed; what they were like stays in the record, and times in `timing.json`.
    A killed one goes on with everything that it had finished. Raises as `bake_off` and `search` say.
    """
    if not (context.folder / ARTIFACT_FILE).is_file():
        _make(inputs, config, context)
    for name in _OF_THE_WAY:
        shutil.rmtree(context.folder / name, ignore_errors=True)
    return load_artifact(TrainedModel, context.folder)


def _make(inputs: TrainInputs, config: ModelTrainerConfig, context: RunContext) -> None:
    validation = some_validation(inputs.validation, config, context)
    share_inputs(inputs, validation, context.folder)
    timing: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    defaults = None
    if config.holds_bake_off:
        contest = bake_off(inputs, validation, config, context)
        chosen, timing["candidates"] = contest.chosen, contest.timing
        for line in candidate_lines(contest.candidates, timing):
            context.progress.say(f"  {line}")
        best, defaults = chosen.result, chosen.folder
        changes["candidates"] = contest.candidates
        inputs = replace(inputs, base_model=ChosenModel(chosen.entrant.base, chosen.entrant.family, (), {}))
    if config.search_trials:
        searched = search(inputs, validation, config, context, defaults)
        best, timing["trials"] = searched.best, searched.timing
        changes["trials"] = searched.trials
    of_best = load_timing(best.student.folder.parent)
    timing |= {name: of_best[name] for name in ("estimated", "used") if name in of_best}
    add_timing(context.folder, timing)
    folder = take_student(best.student.folder, context.folder)
    save_artifact(replace(best.student, folder=folder, **changes), context.folder)
