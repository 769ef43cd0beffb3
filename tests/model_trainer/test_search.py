"""A search trains fresh models with other settings, stops the hopeless, and goes on after a kill as if unbroken."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_trainer.killed_training import in_a_process
from model_trainer.tiny_models import colour_rows, colour_task

from prompt2model.artifacts import content_hash
from prompt2model.component import RunContext
from prompt2model.errors import MissingExtraError, NotEnoughDataError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs, jobs
from prompt2model.model_trainer.pruning import Pruned, curve_of, pruning
from prompt2model.model_trainer.recipe import recipe_for
from prompt2model.model_trainer.search_space import ranges_around, with_settings
from prompt2model.predictor import load_predictor
from prompt2model.records import ChosenModel, LossPoint, TrainedModel

# So low a rate, and so few epochs, that other settings do better.
SETTINGS: dict[str, Any] = {"learning_rate": 5e-4, "epochs": 3, "min_steps": 0, "batch_size": 8, "bf16": "off"}


def inputs_of(base: Path, held: int = 36) -> TrainInputs:
    rows, task = colour_rows(), colour_task()
    return TrainInputs(task, rows, rows[:held], task.labels, ChosenModel(str(base), "encoder", (), {}))


@pytest.fixture
def search(base_folder: Callable[..., Path], make_context: Callable[..., RunContext]) -> Callable[..., TrainedModel]:
    def run(trials: int, context: RunContext | None = None, held: int = 36, **settings: Any) -> TrainedModel:
        config = ModelTrainerConfig(**{**SETTINGS, "search_trials": trials, **settings})
        return ModelTrainer(config).run(inputs_of(base_folder("encoder"), held), context or make_context())

    return run


def test_the_best_of_all_trials_is_kept_and_the_first_has_the_configs_settings(search: Any, make_context: Any) -> None:
    context = make_context()
    trained = search(8, context)
    assert [trial.number for trial in trained.trials] == list(range(8))
    first = trained.trials[0]
    assert (first.settings["learning_rate"], first.settings["epochs"], first.settings["batch_size"]) == (
        "0.0005",
        "3",
        "8",
    )
    scores = {trial.number: trial.score for trial in trained.trials if trial.score is not None}
    best = max(scores, key=lambda number: scores[number])
    assert scores[best] > scores[0]
    assert trained.settings == trained.trials[best].settings
    # The student is that trial's: it answers the validation rows as well as the trial did.
    rows = colour_rows()[:36]
    answers = [load_predictor(trained.folder)(row.input).text for row in rows]
    right = sum(answer == row.target for answer, row in zip(answers, rows, strict=True))
    assert right / 36 == pytest.approx(scores[best], abs=1e-6)
    assert [path.parent for path in context.folder.rglob("*.safetensors")] == [trained.folder]
    assert trained.folder == context.folder / "student"


def test_trials_that_lag_behind_are_stopped_and_counted(search: Any, make_context: Any) -> None:
    lines: list[str] = []
    context = make_context()
    context.progress.say = lines.append
    trained = search(14, context, learning_rate=2e-3, epochs=6)
    pruned = [trial for trial in trained.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.score is None and trial.settings for trial in pruned)
    assert len(trained.trials) == 14
    assert any("pruned" in line for line in lines)


def test_a_killed_search_resumes_to_the_same_trials(base_folder: Any, tmp_path: Path) -> None:
    settings = {**SETTINGS, "epochs": 2, "search_trials": 5, "checkpoint_seconds": 0}
    inputs = inputs_of(base_folder("encoder"))
    killed = in_a_process(tmp_path / "killed", inputs, settings, "trial 3, of 5", "epoch 2.0")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = in_a_process(tmp_path / "killed", inputs, settings)
    assert again.returncode == 0, again.stderr
    assert "  trial 2, of 5" not in again.stdout
    assert "going on after step" in again.stdout
    whole = in_a_process(tmp_path / "whole", inputs, settings)
    assert whole.returncode == 0, whole.stderr
    assert content_hash(tmp_path / "whole" / "step") == content_hash(tmp_path / "killed" / "step")


def test_a_trial_that_fails_is_counted_and_the_search_goes_on(search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt2model.errors import TrainingError
    from prompt2model.model_trainer import jobs

    whole = jobs.train_student

    def failing(inputs: Any, config: ModelTrainerConfig, context: RunContext, **rest: Any) -> TrainedModel:
        if context.folder.name == "001":
            raise TrainingError("the training loss is no number any more")
        return whole(inputs, config, context, **rest)

    monkeypatch.setattr(jobs, "train_student", failing)
    trained = search(3)
    assert [trial.state for trial in trained.trials] == ["complete", "failed", "complete"]


def test_a_search_after_a_bake_off_is_for_the_chosen_student(search: Any, base_folder: Any) -> None:
    trained = search(2, students=(str(base_folder("encoder")),))
    assert [candidate.verdict for candidate in trained.candidates] == ["chosen"]
    assert len(trained.trials) == 2
    assert trained.trials[0].score == pytest.approx(trained.candidates[0].score.value)


def test_a_student_that_chooses_its_settings_by_itself_is_trained_once(search: Any) -> None:
    trained = search(3, students=("tfidf",))
    assert trained.family == "tfidf"
    assert trained.trials == ()
    assert load_predictor(trained.folder)("the green car").text == "green"


def test_without_optuna_or_validation_rows_there_is_no_search(search: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotEnoughDataError, match="leave out --search"):
        search(2, held=0)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "optuna" else find(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'prompt2model\[hpo\]'"):
        ModelTrainer(ModelTrainerConfig(search_trials=2)).check(hub_allowed=False)


def test_optuna_is_silent(search: Any, capfd: pytest.CaptureFixture[str]) -> None:
    search(3)
    captured = capfd.readouterr()
    assert "Trial" not in captured.err + captured.out
    assert "study" not in captured.err + captured.out


def curve(*scores: float) -> list[LossPoint]:
    return [LossPoint(number * 10, number, 1.0, 1.0, score) for number, score in enumerate(scores, start=1)]


def test_a_training_is_stopped_below_the_median_at_the_same_share_of_its_steps() -> None:
    rivals = [curve_of(curve(low, low, 0.9, 0.9), epochs=4) for low in (0.3, 0.5, 0.5, 0.7)]
    watch = pruning(rivals)
    assert watch is not None
    watch(0.5, curve(0.4, 0.5))
    watch(0.1, curve(0.0))
    watch(1.0, curve(0.0))
    with pytest.raises(Pruned, match="after 50% of the steps, below the median of 4"):
        watch(0.5, curve(0.3, 0.4))
    # A later fall is forgiven, as the best checkpoint is kept.
    watch(0.6, curve(0.6, 0.1))
    assert pruning(rivals[:3]) is None


def test_a_training_that_ended_early_is_compared_at_the_epochs_it_was_planned_for() -> None:
    # Two of four epochs, and then its patience was at an end: at half of the steps it had 0.9, not at all of them.
    watch = pruning([curve_of(curve(0.3, 0.9), epochs=4)] * 4)
    assert watch is not None
    with pytest.raises(Pruned, match="after 50% of the steps"):
        watch(0.5, curve(0.3, 0.8))


def test_a_student_that_was_trained_before_a_kill_is_not_trained_again(
    base_folder: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    inputs = inputs_of(base_folder("encoder"))
    jobs.share_inputs(inputs, inputs.validation, tmp_path)
    folder = tmp_path / "trials" / "000"
    job = jobs.Job("one training", inputs.base_model.id, "encoder", SETTINGS, 0, False)
    jobs.write_job(job, folder)
    with monkeypatch.context() as killed:
        killed.setattr(jobs, "row_scores", lambda *rest: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            jobs.run_job(str(folder))
    assert jobs.found(folder) is None
    monkeypatch.setattr(jobs, "train_student", lambda *rest, **more: pytest.fail("it was trained again"))
    jobs.run_job(str(folder))
    result = jobs.found(folder)
    assert result is not None
    assert len(result.scores) == 36
    assert load_predictor(result.student.folder)("the green car").text


def test_adapters_keep_their_scale_and_epochs_are_those_proposed() -> None:
    config = with_settings(ModelTrainerConfig(lora_alpha=48, lora_rank=16), {"lora_rank": 8, "epochs": 2})
    assert (config.lora_rank, config.lora_alpha, config.epochs_for(5)) == (8, 24, 2)
    usual, halved = (recipe_for(ModelTrainerConfig(lora_rank=rank), "lora", 10**6) for rank in (None, 8))
    assert (halved.rank, halved.alpha / halved.rank) == (8, usual.alpha / usual.rank)


def test_the_configs_own_settings_lie_in_the_ranges() -> None:
    used = {"learning_rate": "0.00012345", "epochs": "1", "batch_size": "1", "weight_decay": "0.5", "warmup": "0.1"}
    first, ranges = ranges_around(used)
    assert first.keys() == ranges.keys() == used.keys()
    for name, value in first.items():
        assert ranges[name]._contains(ranges[name].to_internal_repr(value))
