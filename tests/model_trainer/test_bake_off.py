"""Of several students on the same rows, the simplest that is as good as the best is taken, within the limits."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_trainer.killed_training import in_a_process
from model_trainer.tiny_models import colour_rows, colour_task, tiny_model, word_tokenizer

from prompt2model.artifacts import content_hash
from prompt2model.component import RunContext
from prompt2model.config import validate
from prompt2model.errors import ConfigError, NotEnoughDataError, TrainingError, WeightsError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer.bake_off import Standing, choose
from prompt2model.model_trainer.candidates import Entrant, entrants
from prompt2model.model_trainer.jobs import JobResult
from prompt2model.model_trainer.validation_scores import clearly_worse, row_scores, score_of
from prompt2model.predictor import load_predictor
from prompt2model.records import ChosenModel, ModelCandidate, TrainedModel

SETTINGS: dict[str, Any] = {"learning_rate": 5e-3, "epochs": 10, "min_steps": 0, "batch_size": 8, "bf16": "off"}


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Encoders by name: a small and a large one that learn the colours, and one that reads no word."""
    from prompt2model.weights import save_model

    made = {}
    for name, width, words in (("small", 32, None), ("large", 64, None), ("blind", 16, ())):
        tokenizer = word_tokenizer("encoder") if words is None else word_tokenizer("encoder", ("nothing",))
        folder = tmp_path_factory.mktemp("bases") / name
        made[name] = str(save_model(tiny_model("encoder", len(tokenizer), width), tokenizer, folder))
    return made


def inputs_of(base: str, held: int = 36) -> TrainInputs:
    rows, task = colour_rows(), colour_task()
    return TrainInputs(task, rows, rows[:held], task.labels, ChosenModel(base, "encoder", (), {}))


@pytest.fixture
def contest(bases: dict[str, str], make_context: Callable[..., RunContext]) -> Callable[..., TrainedModel]:
    """A bake-off of the named bases."""

    def run(*names: str, context: RunContext | None = None, held: int = 36, **settings: Any) -> TrainedModel:
        students = tuple(bases.get(name, name) for name in names)
        config = ModelTrainerConfig(**{**SETTINGS, "students": students, **settings})
        return ModelTrainer(config).run(inputs_of(bases["large"], held), context or make_context())

    return run


def verdicts(trained: TrainedModel) -> dict[str, str]:
    return {Path(candidate.id).name: candidate.verdict for candidate in trained.candidates}


def test_the_simplest_within_the_interval_of_the_best_wins(contest: Any, make_context: Any) -> None:
    context = make_context()
    trained = contest("large", "blind", "small", context=context)
    assert verdicts(trained) == {"large": "within", "blind": "worse", "small": "chosen"}
    assert Path(trained.base).name == "small"
    assert load_predictor(trained.folder)("the green car").text == "green"
    chosen, blind = trained.candidates[2], trained.candidates[1]
    assert chosen.score.value > 0.9
    assert (chosen.score.n, chosen.score.interval) == (36, "wilson")
    assert blind.score.value < 0.5
    assert chosen.bytes < trained.candidates[0].bytes
    timing = json.loads((context.folder / "timing.json").read_text())["candidates"]
    assert all(timing[candidate.id]["p50_ms"] > 0 for candidate in trained.candidates)


def test_only_the_chosen_students_weights_stay(contest: Any, make_context: Any) -> None:
    context = make_context()
    trained = contest("large", "small", context=context)
    assert trained.folder == context.folder / "student"
    assert [path.parent for path in context.folder.rglob("*.safetensors")] == [trained.folder]
    assert not (context.folder / "candidates").exists()
    assert not (context.folder / "inputs").exists()


def test_the_chosen_student_is_the_one_that_training_it_alone_gives(
    contest: Any, bases: dict[str, str], make_context: Any, tmp_path: Path
) -> None:
    trained = contest("large", "small", context=make_context(folder=tmp_path / "both"))
    alone = ModelTrainer(ModelTrainerConfig(**SETTINGS)).run(
        inputs_of(bases["small"]), make_context(folder=tmp_path / "alone")
    )
    assert content_hash(trained.folder) == content_hash(alone.folder)


def test_too_large_a_student_is_refused(contest: Any) -> None:
    trained = contest("large", "small", max_size="200kB")
    assert verdicts(trained) == {"large": "refused", "small": "chosen"}
    assert "more than 200kB" in trained.candidates[0].reason


def test_a_student_that_is_known_to_be_too_large_is_not_trained(contest: Any, make_context: Any) -> None:
    lines: list[str] = []
    context = make_context()
    context.progress.say = lines.append
    trained = contest("large", "small", context=context, max_size="120kB")
    assert trained.candidates[0].score is None
    assert "at least" in trained.candidates[0].reason
    assert not any("student 1 of 2" in line for line in lines)


def test_where_the_limits_refuse_everyone_all_reasons_are_said(contest: Any) -> None:
    with pytest.raises(ConfigError, match=r"no student is within the limits .*large: .*small: .*raise --max-size"):
        contest("large", "small", max_size="1kB")
    with pytest.raises(ConfigError, match=re.escape("for an answer is more than 0.001ms")):
        contest("small", max_latency="0.001ms")


def test_a_student_that_fails_fails_alone(contest: Any, base_folder: Any) -> None:
    # The decoder's positions end before so long an input; encoders of 64 do not mind.
    trained = contest("small", str(base_folder("decoder")), max_input_tokens=60)
    assert [candidate.verdict for candidate in trained.candidates] == ["chosen", "failed"]
    assert "max_input_tokens" in trained.candidates[1].reason


def test_where_all_students_fail_the_first_reason_is_raised(contest: Any) -> None:
    with pytest.raises((TrainingError, ConfigError), match="max_input_tokens"):
        contest("small", "large", max_input_tokens=100)


def test_a_bake_off_needs_validation_rows(contest: Any) -> None:
    with pytest.raises(NotEnoughDataError, match="leave out --bake-off"):
        contest("small", held=0)


def test_a_student_that_cannot_be_had_is_refused_before_anything_is_spent() -> None:
    with pytest.raises(WeightsError, match="nobody/nothing"):
        ModelTrainer(ModelTrainerConfig(students=("tfidf", "nobody/nothing"))).check(hub_allowed=False)


def test_without_names_the_chosen_model_and_the_best_of_other_families_compete(
    bases: dict[str, str], base_folder: Any, make_context: Any
) -> None:
    def candidate(model: str, family: Any) -> ModelCandidate:
        return ModelCandidate(model, family, 1000, 4000, None, 1.0, ())

    decoder = str(base_folder("decoder"))
    ranked = (
        candidate(bases["small"], "encoder"),
        candidate("not/here", "decoder"),
        candidate(bases["large"], "encoder"),
        candidate(decoder, "decoder"),
    )
    inputs = inputs_of(bases["large"])
    chosen = ChosenModel(bases["large"], "encoder", ranked, {})
    closed = TrainInputs(inputs.task, inputs.train, inputs.validation, inputs.labels, chosen)
    config = ModelTrainerConfig(bake_off=True)
    found = entrants(closed, config, hub_allowed=False)
    assert [(one.id, one.family) for one in found] == [
        ("tfidf", "tfidf"),
        ("embedding", "embedding"),
        (bases["large"], "encoder"),
        (decoder, "decoder"),
    ]
    text = TrainInputs(colour_task("generation"), inputs.train, inputs.validation, (), chosen)
    assert [one.family for one in entrants(text, config, hub_allowed=False)] == ["encoder", "decoder"]


def test_a_killed_bake_off_trains_nothing_again_and_chooses_the_same(bases: dict[str, str], tmp_path: Path) -> None:
    students = [bases["large"], bases["small"]]
    settings = {**SETTINGS, "epochs": 4, "students": students, "checkpoint_seconds": 0}
    killed = in_a_process(tmp_path / "killed", inputs_of(bases["large"]), settings, "student 2 of 2", "epoch 2.0 of 4")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    again = in_a_process(tmp_path / "killed", inputs_of(bases["large"]), settings)
    assert again.returncode == 0, again.stderr
    assert "student 1 of 2" not in again.stdout
    assert "going on after step" in again.stdout
    whole = in_a_process(tmp_path / "whole", inputs_of(bases["large"]), settings)
    assert whole.returncode == 0, whole.stderr
    assert content_hash(tmp_path / "whole" / "step") == content_hash(tmp_path / "killed" / "step")


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("max_size", "50 apples", "`max_size`: '50 apples' is not a size; write it as 50MB, 1.5GB or 800kB"),
        ("max_size", "MB", "is not a size"),
        ("max_size", "-5MB", "is not a size"),
        ("max_latency", "20", "`max_latency`: '20' is not a duration; write it as 20ms or 0.02s"),
        ("max_latency", "20 minutes", "is not a duration"),
        ("device", "gpu", "`device`: 'gpu' is no device; write auto, cpu"),
    ],
)
def test_a_limit_that_cannot_be_read_is_refused_in_one_line(key: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(wanted)) as caught:
        validate(ModelTrainerConfig, {"bake_off": True, key: value}, "[train]")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("size", "count"), [("50MB", 50_000_000), ("50 MB", 50_000_000), ("1.5GB", 1_500_000_000), ("800kB", 800_000)]
)
def test_sizes_are_read_as_they_are_written(size: str, count: int) -> None:
    assert ModelTrainerConfig(bake_off=True, max_size=size).size_limit == count


@pytest.mark.parametrize("latency", ["20ms", "20 ms", "0.02s"])
def test_durations_are_read_as_they_are_written(latency: str) -> None:
    assert ModelTrainerConfig(bake_off=True, max_latency=latency).latency_limit == pytest.approx(0.02)


def test_a_limit_without_a_choice_is_refused() -> None:
    with pytest.raises(ConfigError, match="--max-size: a limit is for a bake-off; add --bake-off"):
        validate(ModelTrainerConfig, {"max_size": "5MB"}, "[train]")


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="this machine has no device cuda:9"):
        ModelTrainer(ModelTrainerConfig(device="cuda:9")).check(hub_allowed=False)


def standing(name: str, scores: tuple[float, ...], size: int, latency: float = 0.01) -> Standing:
    folder = Path(name)
    trained = TrainedModel(folder, "encoder", name, "full", "{input}", (), (), 0, 0)
    result = JobResult("trained", trained, scores, 0.1, size)
    return Standing(Entrant(name, name, "encoder"), folder, result, score_of("classification", scores, 0), latency)


def chosen_of(*students: Standing, tolerance: float = 1.0) -> dict[str, str]:
    return {name: line.verdict for name, line in choose("classification", students, 0, tolerance).items()}


def test_a_smaller_student_is_taken_only_where_it_is_not_clearly_worse() -> None:
    best = standing("best", (0.0,) * 20 + (1.0,) * 180, 900)
    # Six right answers fewer of which two are on rows that the best one has wrong: chance may do that.
    near = standing("near", (1.0,) * 2 + (0.0,) * 24 + (1.0,) * 174, 300)
    # Eight fewer, all on rows that the best one has right: within its interval, and yet clearly worse.
    below = standing("below", (0.0,) * 28 + (1.0,) * 172, 100)
    poor = standing("poor", (0.0,) * 100 + (1.0,) * 100, 10)
    assert below.score.value > best.score.low
    assert chosen_of(best, near, below, poor) == {
        "best": "within", "near": "chosen", "below": "worse", "poor": "worse"
    }  # fmt: skip
    assert chosen_of(best, below, poor)["best"] == "chosen"
    reasons = choose("classification", (best, near, below, poor), 0, tolerance=1.0)
    assert reasons["below"].reason == "clearly worse than best on the same rows"
    assert reasons["poor"].reason == "below the interval of best"
    assert reasons["near"].reason == "the smallest that is as good as best, as far as 200 rows tell"


def test_few_rows_show_little_and_the_tolerance_decides() -> None:
    best, poorer = standing("best", (1.0,) * 9 + (0.0,), 900), standing("poorer", (1.0,) * 7 + (0.0,) * 3, 100)
    assert chosen_of(best, poorer) == {"best": "within", "poorer": "chosen"}
    assert chosen_of(best, poorer, tolerance=0.02) == {"best": "chosen", "poorer": "worse"}
    assert choose("classification", (best, poorer), 0, 0.02)["poorer"].reason == "more than 0.02 below best"
    assert chosen_of(best, standing("equal", best.result.scores, 100), tolerance=0.0)["equal"] == "chosen"


def test_of_equally_large_students_the_faster_is_the_simpler() -> None:
    slow, fast = (standing(name, (1.0,) * 30, 100, time) for name, time in (("slow", 0.02), ("fast", 0.01)))
    assert chosen_of(slow, fast) == {"slow": "within", "fast": "chosen"}


def test_closed_answers_are_compared_row_by_row() -> None:
    rows = colour_rows(24)
    perfect = row_scores("classification", rows, [row.target for row in rows])
    assert perfect == (1.0,) * 24
    assert row_scores("classification", rows, [None, "", *(["red"] * 22)])[:2] == (0.0, 0.0)
    # Four rows fewer could be chance (one in sixteen); five could not (one in thirty-two).
    assert not clearly_worse("classification", (0.0,) * 4 + (1.0,) * 20, perfect, seed=0)
    assert clearly_worse("classification", (0.0,) * 5 + (1.0,) * 19, perfect, seed=0)
    assert score_of("classification", perfect, 0).low == pytest.approx(0.862, abs=1e-3)


def test_written_answers_are_compared_by_their_letters() -> None:
    rows = colour_rows(24, lambda colour, thing: f"a {colour} {thing}")
    right = row_scores("generation", rows, [row.target for row in rows])
    near = row_scores("generation", rows, [f"{row.target}s" for row in rows])
    assert right == (100.0,) * 24
    assert all(0 < score < 100 for score in near)
    assert clearly_worse("generation", near, right, seed=0)
    assert not clearly_worse("generation", right, right, seed=0)
    score = score_of("generation", near, 0)
    assert score.low <= score.value <= score.high
    assert score.name == "mean_chrf++"
