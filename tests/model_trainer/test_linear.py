"""Students that are a logistic regression: on TF-IDF weights, and on the vectors of a frozen encoder."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_trainer.tiny_models import COLOURS, colour_rows, colour_task

from prompt2model.component import RunContext
from prompt2model.errors import ConfigError, NotEnoughDataError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer.cost import training_cost
from prompt2model.predictor import load_predictor, read_spec
from prompt2model.predictor.logistic import STRENGTHS, LabelledFeatures, fit_logistic, mean_loss
from prompt2model.records import ChosenModel, Example, Item, Source, TrainedModel, make_example

FAMILIES = ("tfidf", "embedding")
Trainer = Callable[..., TrainedModel]


@pytest.fixture
def fit(base_folder: Callable[[Any], Path], make_context: Callable[..., RunContext]) -> Trainer:
    """Train one of the two on the colour task."""

    def run(
        family: Any,
        rows: tuple[Example, ...] | None = None,
        validation: tuple[Example, ...] | None = None,
        labels: tuple[str, ...] = COLOURS,
        task: Any = None,
        folder: Path | None = None,
        **config: Any,
    ) -> TrainedModel:
        everything = colour_rows() if rows is None else rows
        held = everything[:12] if validation is None else validation
        base = "tfidf" if family == "tfidf" else str(base_folder("encoder"))
        inputs = TrainInputs(task or colour_task(), everything, held, labels, ChosenModel(base, family, (), {}))
        context = make_context(folder=folder) if folder else make_context()
        return ModelTrainer(ModelTrainerConfig(**config)).run(inputs, context)

    return run


def labelled(text: str, label: str, number: int, soft: tuple[float, ...] | None = None) -> Example:
    return make_example(text, (label,), Source("user", row=number), soft_label=soft)


def answers(trained: TrainedModel, texts: list[str]) -> list[Any]:
    return list(load_predictor(trained.folder).predict(Item(text) for text in texts))


@pytest.mark.parametrize("family", FAMILIES)
def test_it_learns_the_labels_and_says_how_well(fit: Trainer, family: Any) -> None:
    rows = colour_rows()
    trained = fit(family, rows[12:], rows[:12])
    given = answers(trained, [row.input for row in rows[:12]])
    right = sum(answer.text == row.target for answer, row in zip(given, rows, strict=False)) / 12
    (point,) = trained.curve
    assert right >= 0.9
    assert right == point.validation_score
    likely = [answer.probabilities[COLOURS.index(row.target)] for answer, row in zip(given, rows, strict=False)]
    assert -sum(map(math.log, likely)) / 12 == pytest.approx(point.validation_loss, rel=1e-2)
    assert (trained.family, trained.method, trained.labels) == (family, "linear", COLOURS)
    assert trained.best_step == point.step > 0
    assert float(trained.settings["C"]) in STRENGTHS
    assert {path.suffix for path in trained.folder.iterdir()} <= {".json", ".safetensors", ".md"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_rows_give_the_same_bytes(fit: Trainer, family: Any, tmp_path: Path) -> None:
    first, again = (fit(family, folder=tmp_path / name) for name in "ab")
    for path in first.folder.iterdir():
        assert path.read_bytes() == (again.folder / path.name).read_bytes(), path.name
    assert first.curve == again.curve


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_killed_attempt_left_is_gone(fit: Trainer, family: Any, tmp_path: Path) -> None:
    left = tmp_path / "student"
    left.mkdir()
    (left / "stray.pkl").write_bytes(b"half a file")
    assert not (fit(family, folder=tmp_path).folder / "stray.pkl").exists()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("rows", [6, 72, 144])
def test_without_validation_rows(fit: Trainer, family: Any, rows: int) -> None:
    """Few rows take the usual C; with many, C is chosen on some of them."""
    trained = fit(family, colour_rows(rows), ())
    given = answers(trained, [row.input for row in colour_rows(6)])
    assert [answer.text for answer in given] == [row.target for row in colour_rows(6)]
    assert trained.curve[0].validation_loss is None
    if rows < 100:
        assert trained.settings["C"] == "16"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_label_without_a_row_keeps_its_place(fit: Trainer, family: Any) -> None:
    rows = tuple(row for row in colour_rows() if row.target != "blue")
    trained = fit(family, rows)
    assert read_spec(trained.folder).labels == COLOURS
    for answer in answers(trained, [row.input for row in colour_rows()]):
        assert len(answer.probabilities) == 6
        assert answer.probabilities[COLOURS.index("blue")] < 1e-9


@pytest.mark.parametrize("family", FAMILIES)
def test_two_labels_and_one_row_of_each(fit: Trainer, family: Any) -> None:
    rows = (labelled("the red car", "red", 0), labelled("the green leaf", "green", 1))
    trained = fit(family, rows, (), ("red", "green"))
    given = answers(trained, ["the red car", "the green leaf", ""])
    assert [answer.text for answer in given[:2]] == ["red", "green"]
    assert all(sum(answer.probabilities) == pytest.approx(1) for answer in given)


@pytest.mark.parametrize("family", FAMILIES)
def test_empty_texts_among_the_rows(fit: Trainer, family: Any) -> None:
    rows = (*colour_rows(), labelled("", "red", 100), labelled(" ", "red", 101))
    given = answers(fit(family, rows), ["", "the green car"])
    assert given[1].text == "green"
    assert given[0].failure is None


@pytest.mark.parametrize("family", FAMILIES)
def test_targets_are_what_labellers_thought_likely(fit: Trainer, family: Any) -> None:
    rows = tuple(labelled(f"the red {thing}", "red", n, (0.6, 0.4)) for n, thing in enumerate(["car", "door"] * 20))
    rows += tuple(labelled(f"the green {thing}", "green", 50 + n, (0.0, 1.0)) for n, thing in enumerate(["car"] * 20))
    task = replace(colour_task(), labels=("red", "green"))
    soft = answers(fit(family, rows, (), ("red", "green"), task, soft_labels=True), ["the red car"])[0]
    hard = answers(fit(family, rows, (), ("red", "green"), task), ["the red car"])[0]
    assert soft.probabilities[0] == pytest.approx(0.6, abs=0.1)
    assert hard.probabilities[0] > 0.85


@pytest.mark.parametrize("family", FAMILIES)
def test_rare_labels_can_be_weighed_up(fit: Trainer, family: Any) -> None:
    rows = tuple(labelled("the car", "red", number) for number in range(30))
    rows += tuple(labelled("the car", "green", 30 + number) for number in range(3))
    plain = answers(fit(family, rows, (), ("red", "green"), class_weights="off"), ["the car"])[0]
    even = answers(fit(family, rows, (), ("red", "green"), class_weights="on"), ["the car"])[0]
    assert plain.probabilities[1] == pytest.approx(3 / 33, abs=0.03)
    assert even.probabilities[1] == pytest.approx(0.5, abs=0.03)


def test_long_inputs_are_cut_and_counted_by_an_encoder_and_read_whole_as_tfidf(fit: Trainer) -> None:
    rows = (*colour_rows(), labelled("the car " * 100 + "red", "red", 100))
    assert fit("embedding", rows).truncated_rows == 1
    trained = fit("tfidf", rows)
    assert trained.truncated_rows == 0
    predictor = load_predictor(trained.folder)
    long = "the car " * 1000
    place = COLOURS.index("brown")
    without, given = predictor(long).probabilities, predictor(long + "brown").probabilities
    assert without is not None and given is not None
    assert given[place] > 1.05 * without[place], "the last word of a long input counts"
    assert predictor.truncated == 0


def test_more_tokens_than_the_encoder_reads(fit: Trainer) -> None:
    with pytest.raises(ConfigError, match="reads at most 64"):
        fit("embedding", max_input_tokens=65)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_it_cannot_do_is_said(fit: Trainer, family: Any) -> None:
    for kind in ("generation", "multiple_choice"):
        with pytest.raises(ConfigError, match="fixed labels"):
            fit(family, task=colour_task(kind), labels=())
    with pytest.raises(NotEnoughDataError, match="no training row"):
        fit(family, ())
    with pytest.raises(NotEnoughDataError, match="none of the task's"):
        fit(family, (*colour_rows(), labelled("the car", "pink", 99)))


def test_texts_without_a_word_are_told(fit: Trainer) -> None:
    with pytest.raises(NotEnoughDataError, match="no training row has a word"):
        fit("tfidf", (labelled("", "red", 0), labelled("  ", "green", 1)))


def test_languages_without_spaces_are_told_apart_by_characters(fit: Trainer) -> None:
    texts = {
        "red": ("我要红色的车", "红色的门很好看", "这件衬衫是红的"),
        "green": ("我要绿色的车", "绿色的门很好看", "这件衬衫是绿的"),
    }
    rows = tuple(labelled(text, label, number) for label in texts for number, text in enumerate(texts[label]))
    trained = fit("tfidf", rows, (), ("red", "green"))
    blocks = json.loads((trained.folder / "vocabulary.json").read_text())["blocks"]
    assert {"红", "绿"} <= set(blocks[1]["terms"])
    assert [one.text for one in answers(trained, ["那把椅子也是红的", "绿叶子"])] == ["red", "green"]


def test_a_new_run_of_words_is_known_by_its_characters(fit: Trainer) -> None:
    words = ("paying", "payment", "repay", "walking", "walker", "sleepwalk") * 5
    rows = tuple(labelled(word, "red" if "pay" in word else "green", number) for number, word in enumerate(words))
    trained = fit("tfidf", rows, (), ("red", "green"))
    assert [one.text for one in answers(trained, ["prepayments", "walkway"])] == ["red", "green"]


def test_terms_are_kept_within_a_limit(fit: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    from prompt2model.predictor import tfidf_terms

    monkeypatch.setattr(tfidf_terms, "MOST_WEIGHTS", 6 * 20)
    trained = fit("tfidf")
    blocks = json.loads((trained.folder / "vocabulary.json").read_text())["blocks"]
    assert [len(block["terms"]) for block in blocks] == [10, 10]


def some_features(rows: int, width: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    features = generator.normal(size=(rows, width)).astype(np.float32)
    likely = features @ generator.normal(size=(width, labels)) + generator.normal(size=(rows, labels))
    return features, likely.argmax(axis=1)


@pytest.mark.parametrize("labels", [2, 5])
def test_the_minimum_is_the_one_that_scikit_learn_finds(labels: int) -> None:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    features, numbers = some_features(200, 8, labels)
    weights = np.linspace(0.5, 1.5, 200)
    targets = np.eye(labels, dtype=np.float32)[numbers]
    for given in (features, csr_matrix(features)):
        # Fewer than 20 rows could be held out of so few: C is the usual 16 there, and here it is chosen.
        fitted = fit_logistic(LabelledFeatures(given, targets), weights, LabelledFeatures(given, targets))
        # scikit-learn has one weight vector for two labels; ours are its half and minus its half.
        strength = fitted.strength * (2 if labels == 2 else 1)
        theirs = LogisticRegression(C=strength, tol=1e-8, max_iter=5000).fit(features, numbers, sample_weight=weights)
        ours = np.exp(fitted.head.scores(given))
        ours /= ours.sum(axis=1, keepdims=True)
        assert np.abs(ours - theirs.predict_proba(features)).max() < 0.02


def test_c_is_the_one_with_the_lowest_loss_on_the_held_out_rows() -> None:
    features, numbers = some_features(300, 40, 3)
    targets = np.eye(3, dtype=np.float32)[numbers]
    train, held = (LabelledFeatures(features[part], targets[part]) for part in (slice(0, 60), slice(60, None)))
    chosen = fit_logistic(train, np.ones(60), held)
    from prompt2model.predictor import logistic

    losses = {c: mean_loss(logistic._fit(train, np.ones(60), c, None).head, held) for c in STRENGTHS}
    assert chosen.strength == min(losses, key=losses.__getitem__) < 4


def test_the_cost_is_told_before(base_folder: Any) -> None:
    rows, config = colour_rows(), ModelTrainerConfig()
    words = training_cost(rows, rows[:12], ChosenModel("tfidf", "tfidf", (), {}), config, 16)
    encoder = "sentence-transformers/all-MiniLM-L6-v2"
    vectors = training_cost(rows, rows[:12], ChosenModel(encoder, "embedding", (), {}), config, 16)
    tuned = training_cost(rows, rows[:12], ChosenModel(encoder, "encoder", (), {}), config, 16)
    assert words.seconds is not None and vectors.seconds is not None and tuned.seconds is not None
    assert words.seconds <= vectors.seconds < tuned.seconds / 5
    assert vectors.disk == pytest.approx(4 * 22_713_216, rel=1e-3)
    assert 0 < words.disk < 10**6  # type: ignore[operator]
