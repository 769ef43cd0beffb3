"""An encoder for multiple choice: it scores each option of a row beside the input."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_trainer.tiny_models import choice_rows, colour_task, word_tokenizer

from prompt2model.errors import ConfigError, NotEnoughDataError
from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.model_trainer.encoder_choices import EncoderChoicesFitting
from prompt2model.model_trainer.merging import merge_student
from prompt2model.predictor import load_predictor
from prompt2model.records import ChosenModel, Example, Item
from prompt2model.weights import load_encoder_classifier, load_tokenizer, locate

Fit = Callable[..., EncoderChoicesFitting]


def item(row: Example) -> Item:
    return Item(row.input, row.choices, row.evidence)


@pytest.fixture
def fitting(base_folder: Callable[[Any], Path]) -> Fit:
    """An untrained model with its rows."""

    def make(rows: tuple[Example, ...], validation: tuple[Example, ...] = (), **settings: Any) -> EncoderChoicesFitting:
        import torch

        location = locate(str(base_folder("encoder")))
        torch.manual_seed(1)
        model = load_encoder_classifier(location, ("score",))
        limits = {"max_input_tokens": 64, "max_tokens_at_once": 4096, **settings}
        return EncoderChoicesFitting(
            model, load_tokenizer(location), rows, validation, input_format="{input}", **limits
        )

    return make


@pytest.mark.parametrize(
    ("method", "merge", "epochs", "least"), [("full", True, 20, 0.9), ("lora", True, 3, 0.0), ("lora", False, 1, 0.0)]
)
def test_it_learns_to_choose_and_is_saved_as_it_was(
    train: Any, method: str, merge: bool, epochs: int, least: float
) -> None:
    """So tiny a model learns nothing by adapters, but what it was comes out of the folder again."""
    rows = choice_rows()
    settings = {
        "method": method,
        "epochs": epochs,
        "learning_rate": 3e-3,
        "min_steps": 0,
        "bf16": "off",
        "merge": merge,
    }
    trained = train("encoder", "multiple_choice", rows[12:], rows[:12], **settings)
    answers = list(load_predictor(trained.folder).predict(item(row) for row in rows))
    right = [answer.text == row.target for answer, row in zip(answers, rows, strict=True)]
    assert sum(right) / len(right) >= least
    assert (trained.family, trained.labels) == ("encoder", ())
    best = next(point for point in trained.curve if point.step == trained.best_step)
    assert best.validation_score == pytest.approx(sum(right[:12]) / 12)
    likely = [
        answer.probabilities[row.choices.index(row.target)] for answer, row in zip(answers[:12], rows, strict=False)
    ]
    assert -sum(map(math.log, likely)) / 12 == pytest.approx(best.validation_loss, rel=0.1, abs=1e-2)
    if not merge:
        merge_student(trained.folder, trained.folder.with_name("merged"))
        plain = load_predictor(trained.folder.with_name("merged")).predict(item(row) for row in rows)
        for one, answer in zip(plain, answers, strict=True):
            assert one.probabilities == pytest.approx(answer.probabilities, abs=2e-2)


def test_the_loss_is_over_each_rows_own_options(fitting: Fit) -> None:
    rows = choice_rows(9)
    whole, narrow = fitting(rows), fitting(rows, max_tokens_at_once=64)
    alone = [whole.loss_sum([number]).item() for number in range(9)]
    assert whole.loss_sum(range(9)).item() == pytest.approx(sum(alone), rel=1e-4)
    assert narrow.loss_sum(range(9)).item() == pytest.approx(sum(alone), rel=1e-4)
    for number, loss in enumerate(alone):
        # An untrained model finds all options about as likely.
        assert loss == pytest.approx(math.log(len(rows[number].choices)), abs=0.2)
    assert list(whole.lengths) == [
        sum(len(whole.tokenizer(row.input, choice)["input_ids"]) for choice in row.choices) for row in rows
    ]


def test_smoothing_draws_towards_all_options(fitting: Fit) -> None:
    rows = choice_rows(3)
    plain, smooth = fitting(rows), fitting(rows, label_smoothing=0.5)
    for number in range(3):
        likely = plain._log_probabilities(plain._rows, [number])[0]
        wanted = 0.5 * plain.loss_sum([number]).item() - 0.5 * likely.mean().item()
        assert smooth.loss_sum([number]).item() == pytest.approx(wanted, rel=1e-4)


def test_validation_counts_right_answers(fitting: Fit) -> None:
    rows = choice_rows(9)
    made = fitting(rows, rows)
    tally = made.validate(range(9))
    assert (tally.n, tally.weight) == (9, 9)
    assert tally.loss == pytest.approx(made.loss_sum(range(9)).item(), rel=1e-4)


def test_a_row_whose_answer_is_no_choice_is_told(fitting: Fit) -> None:
    rows = choice_rows(3)
    with pytest.raises(NotEnoughDataError, match=f"{rows[1].id}.*none of its 3 choices"):
        fitting((rows[0], replace(rows[1], references=("pink",))))
    with pytest.raises(NotEnoughDataError, match="no choices"):
        fitting((replace(rows[0], choices=()),))


def test_evidence_is_cut_before_the_input_and_an_option_never() -> None:
    from prompt2model.predictor.choice_pairs import encode_choices

    tokenizer = word_tokenizer("encoder")
    given = Item("the red car", ("red", "the green door"), ("the leaf is green",) * 3)
    (whole,) = encode_choices(tokenizer, [given], "{input}", 64)
    assert not whole.truncated
    assert whole.ids == (*whole.pairs[0], *whole.pairs[1])
    for room in range(9, 25):
        (cut,) = encode_choices(tokenizer, [given], "{input}", room)
        assert cut.truncated == (room < max(map(len, whole.pairs)))
        for pair, start, option, long in zip(cut.pairs, cut.starts, given.choices, whole.pairs, strict=True):
            assert len(pair) == min(room, len(long))
            assert tokenizer.decode(pair[start:], skip_special_tokens=True) == option
            assert pair[: start - 1] == long[: start - 1], "what is left is the beginning"
    (tight,) = encode_choices(tokenizer, [given], "{input}", 5)
    assert all(len(pair) <= 5 for pair in tight.pairs)


def test_what_an_encoder_cannot_do_is_said(base_folder: Any, make_context: Any) -> None:
    chosen = ChosenModel(str(base_folder("encoder")), "encoder", (), {})
    inputs = TrainInputs(colour_task("generation"), choice_rows(), (), (), chosen)
    with pytest.raises(ConfigError, match="labels or options"):
        ModelTrainer(ModelTrainerConfig()).run(inputs, make_context())
