"""Training of every family on a task that it can learn in seconds."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import COLOURS, colour_rows, colour_task

from prompt2model.console import SilentProgress
from prompt2model.errors import ConfigError, NotEnoughDataError, TrainingError, WeightsNotFoundError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.predictor import load_predictor, read_spec
from prompt2model.records import ChosenModel, Item, ModelCandidate, Source, make_example

FAMILIES = ("encoder", "encoder_decoder", "decoder")


def accuracy(folder: Path) -> float:
    rows = colour_rows()
    answers = load_predictor(folder).predict(Item(row.input) for row in rows)
    return sum(answer.text == row.target for answer, row in zip(answers, rows, strict=True)) / len(rows)


def weights_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_and_method_learns_the_labels(train: Any, family: Any, method: Any) -> None:
    trained = train(family, method=method, epochs=24, learning_rate=3e-3)
    assert accuracy(trained.folder) >= 0.9
    assert (trained.family, trained.method, trained.labels) == (family, method, COLOURS)
    assert not [path for path in trained.folder.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
    assert not (trained.folder / "adapter_config.json").exists()


@pytest.mark.parametrize("family", ["encoder_decoder", "decoder"])
def test_writing_families_learn_what_to_write_and_where_to_stop(train: Any, family: Any) -> None:
    rows = colour_rows(72, lambda colour, thing: f"a {colour} thing" if colour < "g" else colour)
    trained = train(family, "generation", rows=rows, epochs=24, learning_rate=3e-3, method="full")
    predictor = load_predictor(trained.folder)
    answers = [predictor(row.input).text for row in rows[:12]]
    # So small a model may still take one colour for another; one that had not learned to stop would get none right.
    assert sum(answer == row.target for answer, row in zip(answers, rows, strict=False)) >= 9
    assert predictor.spec.max_new_tokens >= 16


def test_the_curve_says_how_training_went(train: Any) -> None:
    trained = train("encoder", epochs=4, min_steps=0)
    validated = [point for point in trained.curve if point.validation_loss is not None]
    assert [point.epoch for point in validated] == [1, 2, 3, 4]
    assert trained.curve[-1].step == 4 * 9
    assert trained.curve[-1].train_loss < trained.curve[0].train_loss
    assert trained.best_step in [point.step for point in validated]


def test_the_saved_model_is_the_one_of_the_best_validation(train: Any) -> None:
    trained = train("encoder", learning_rate=2e-2, epochs=10, min_steps=0, bf16="off")
    losses = {point.step: point.validation_loss for point in trained.curve if point.validation_loss is not None}
    scores = {point.step: point.validation_score for point in trained.curve if point.validation_score is not None}
    assert scores[trained.best_step] >= max(scores.values()) - 0.2
    held = colour_rows()[:12]
    likely = [
        answer.probabilities[COLOURS.index(row.target)]
        for answer, row in zip(
            load_predictor(trained.folder).predict(Item(row.input) for row in held), held, strict=True
        )
    ]
    assert -sum(map(math.log, likely)) / len(held) == pytest.approx(losses[trained.best_step], rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_weights_and_leaves_torch_as_it_was(
    train: Any, make_context: Any, tmp_path: Path, family: Any
) -> None:
    import torch

    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    first = train(family, context=make_context(folder=tmp_path / "a"), epochs=1)
    assert torch.equal(torch.rand(3), expected)
    torch.rand(100)
    again = train(family, context=make_context(folder=tmp_path / "b"), epochs=1)
    other = train(family, context=make_context(folder=tmp_path / "c", seed=1), epochs=1)
    assert weights_hash(first.folder) == weights_hash(again.folder) != weights_hash(other.folder)
    assert first.curve == again.curve


def test_what_a_killed_attempt_left_changes_nothing(train: Any, make_context: Any, tmp_path: Path) -> None:
    clean = train("encoder", context=make_context(folder=tmp_path / "clean"), epochs=1)
    left = tmp_path / "killed" / "student"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half a file")
    (left / "stray.json").write_text("{}")
    trained = train("encoder", context=make_context(folder=tmp_path / "killed"), epochs=1)
    assert weights_hash(trained.folder) == weights_hash(clean.folder)
    assert not (left / "stray.json").exists()


@pytest.mark.parametrize("held", [0, 1])
def test_training_works_with_hardly_any_validation(train: Any, held: int) -> None:
    trained = train("encoder", validation=colour_rows()[:held])
    assert accuracy(trained.folder) >= 0.9
    if not held:
        assert trained.best_step == trained.curve[-1].step


def test_training_stops_early_when_nothing_gets_better(train: Any) -> None:
    trained = train("encoder", epochs=50, patience=2, min_steps=0)
    assert trained.curve[-1].epoch < 50


def test_few_rows_get_more_epochs(train: Any) -> None:
    assert train("encoder", rows=colour_rows(24), epochs=3, min_steps=0).curve[-1].step == 9


def test_more_epochs_are_explained_and_told_in_a_few_lines(train: Any, make_context: Any) -> None:
    said: list[str] = []

    class Heard(SilentProgress):
        def say(self, message: str) -> None:
            said.append(message)

    context = replace(make_context(), progress=Heard())
    trained = train("encoder", rows=colour_rows(24), epochs=3, min_steps=30, context=context)
    assert trained.curve[-1].step == 30
    assert sum(point.validation_score is not None for point in trained.curve) == 10
    reason, *lines = (line for line in said if not line.startswith("training"))
    assert reason.startswith("10 epochs instead of 3, because the rows are few: a pass over 24 rows has only 3 steps")
    assert "min_steps = 30" in reason
    assert [line.partition(":")[0] for line in lines] == [f"epoch {epoch}.0 of 10" for epoch in (2, 4, 6, 8, 10)]


def test_a_large_batch_is_computed_in_parts_with_the_same_result(train: Any, make_context: Any, tmp_path: Path) -> None:
    whole = train(
        "encoder", context=make_context(folder=tmp_path / "a"), epochs=1, min_steps=0, bf16="off", batch_size=32
    )
    parts = train(
        "encoder",
        context=make_context(folder=tmp_path / "b"),
        epochs=1,
        min_steps=0,
        bf16="off",
        batch_size=32,
        max_tokens_at_once=64,
    )
    for point, same in zip(whole.curve, parts.curve, strict=True):
        assert point.train_loss == pytest.approx(same.train_loss, rel=1e-3)


def test_long_inputs_and_answers_are_cut_and_counted(train: Any) -> None:
    rows = list(colour_rows(24, lambda colour, thing: f"the {colour} {thing}"))
    rows[3] = make_example("the red car " * 40, ("red",), Source("user", row=3))
    rows[5] = make_example("the red car", ("the red car " * 10,), Source("user", row=5))
    trained = train("decoder", "generation", rows=tuple(rows), max_input_tokens=32, max_target_tokens=20)
    assert trained.truncated_rows == 2
    predictor = load_predictor(trained.folder)
    predictor("the red car " * 40)
    predictor("the red car")
    assert predictor.truncated == 1


def test_rare_labels_can_be_weighed(train: Any) -> None:
    labels = ["red"] * 36 + ["blue"] * 4
    rows = tuple(make_example("the car", (label,), Source("user", row=row)) for row, label in enumerate(labels))
    blue = [
        load_predictor(train("encoder", rows=rows, validation=(), class_weights=weigh).folder)("the car").probabilities[
            2
        ]
        for weigh in ("off", "on")
    ]
    assert blue[0] < 0.25 < 0.4 < blue[1] < 0.6


def test_a_student_folder_says_what_it_is_and_how_it_loads(train: Any) -> None:
    trained = train("encoder", epochs=1)
    spec = read_spec(trained.folder)
    assert (spec.kind, spec.labels, spec.input_format) == ("classification", COLOURS, "{input}")
    config = json.loads((trained.folder / "config.json").read_text())
    assert [config["id2label"][str(number)] for number in range(6)] == list(COLOURS)
    card = (trained.folder / "README.md").read_text()
    assert "AutoModelForSequenceClassification" in card
    assert "from prompt2model import load_predictor" in card


def test_a_model_says_which_data_it_was_trained_on_under_which_licence(train: Any) -> None:
    given = colour_rows(24)
    found = Source("retrieved", "ann/colours", "default", "train", 0, "cc-by-4.0")
    rows = tuple(
        replace(row, source=found if place < 18 else Source("generated", teacher="t"))
        for place, row in enumerate(given)
    )
    card = (train("encoder", rows=rows, validation=(), epochs=1).folder / "README.md").read_text()
    assert "| retrieved: ann/colours | cc-by-4.0 | 18 |" in card
    assert "| generated by t |  | 6 |" in card


def test_bad_input_is_one_clear_line(train: Any, base_folder: Any, make_context: Any) -> None:
    with pytest.raises(ConfigError, match="encoder-decoder or a decoder"):
        train("encoder", "generation")
    with pytest.raises(NotEnoughDataError, match="no training row"):
        train("encoder", rows=())
    with pytest.raises(NotEnoughDataError, match="none of the task's 6 labels"):
        train("encoder", rows=(*colour_rows(6), make_example("the car", ("pink",), Source("user"))))
    with pytest.raises(ConfigError, match="reads at most 64"):
        train("encoder", max_input_tokens=100)
    one_label = TrainInputs(
        colour_task(), colour_rows(), (), ("red",), ChosenModel(str(base_folder("encoder")), "encoder", (), {})
    )
    with pytest.raises(NotEnoughDataError, match="two labels"):
        ModelTrainer().run(one_label, make_context())
    missing = TrainInputs(
        colour_task(), colour_rows(), (), COLOURS, ChosenModel("nobody/no-such-model", "encoder", (), {})
    )
    with pytest.raises(WeightsNotFoundError):
        ModelTrainer().run(missing, make_context())


def test_a_loss_that_is_no_number_stops_the_training(base_folder: Any, make_context: Any, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    broken = tmp_path / "broken"
    shutil.copytree(base_folder("encoder"), broken)
    weights = load_file(broken / "model.safetensors")
    weights["embeddings.LayerNorm.weight"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    inputs = TrainInputs(colour_task(), colour_rows(), (), COLOURS, ChosenModel(str(broken), "encoder", (), {}))
    with pytest.raises(TrainingError, match=r"step 1 of .* lower learning_rate"):
        ModelTrainer().run(inputs, make_context())


def test_the_cost_grows_with_the_rows_and_is_unknown_for_a_model_of_unknown_size(make_context: Any) -> None:
    def estimate(rows: int, parameters: int | None) -> Any:
        candidate = ModelCandidate("a/model", "encoder", parameters, None, None, 1.0, ())
        chosen = ChosenModel("a/model", "encoder", (candidate,), {})
        inputs = TrainInputs(colour_task(), colour_rows(rows), (), COLOURS, chosen)
        return ModelTrainer().estimate(inputs, make_context())

    assert estimate(6000, 10**8).seconds > 1.9 * estimate(3000, 10**8).seconds > 1
    assert estimate(60, 10**8).memory > 10**9
    assert estimate(60, None).seconds is None


def test_a_training_on_the_processor_is_estimated_for_it_beside_a_gpu(make_context: Any, monkeypatch: Any) -> None:
    rows = colour_rows()
    candidate = ModelCandidate("some/encoder", "encoder", 10**8, None, None, 1.0, ())
    inputs = TrainInputs(
        colour_task(), rows, rows[:12], ("red",), ChosenModel("some/encoder", "encoder", (candidate,), {})
    )

    def estimate(device: str) -> Any:
        return ModelTrainer(ModelTrainerConfig(device=device)).estimate(inputs, make_context())

    import torch

    alone = estimate("auto")
    monkeypatch.setattr("prompt2model.inference.device.may_have_accelerator", lambda: True)
    monkeypatch.setattr("prompt2model.inference.device.best_device", lambda: torch.device("cuda", 0))
    assert estimate("cpu") == alone
    assert estimate("auto").seconds < alone.seconds


def test_a_config_is_checked() -> None:
    with pytest.raises(ValueError, match="epoch"):
        ModelTrainerConfig(epoch=3)  # type: ignore[call-arg]
    assert ModelTrainerConfig().epochs == 3


def test_importing_the_room_is_cheap() -> None:
    code = "import sys, prompt2model.model_trainer, prompt2model.predictor; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
