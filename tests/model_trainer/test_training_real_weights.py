"""Training on the packaged real weights: short runs that only real pretrained weights can pass."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from prompt2model.model_trainer import ModelTrainer, ModelTrainerConfig, TrainInputs
from prompt2model.predictor import load_predictor
from prompt2model.records import ChosenModel, Example, Family, Item, Source, TaskSpec, TrainedModel, make_example
from prompt2model.weights import EMBEDDED_ENCODER, EMBEDDED_TEACHER

SENTENCES = {
    "delivery": ("parcel", "package", "order", "shipment", "box", "delivery", "courier", "letter"),
    "payment": ("invoice", "refund", "card charge", "bill", "receipt", "bank transfer", "fee", "payment"),
    "account": ("password", "login", "profile", "user name", "account", "sign-in page", "email address", "PIN code"),
}
FRAMES = (
    "I have a question about my {}.",
    "Something is wrong with the {}.",
    "Where do I find my {}?",
    "Help, the {}!",
)


def ticket_rows() -> list[Example]:
    rows = [
        make_example(frame.format(thing), (label,), Source("user", row=number))
        for label, things in SENTENCES.items()
        for number, (thing, frame) in enumerate((thing, frame) for thing in things for frame in FRAMES)
    ]
    random.Random(1).shuffle(rows)
    return rows


def run(
    context: Any, model: str, family: Family, rows: list[Example], held: list[Example], **config: Any
) -> TrainedModel:
    task = TaskSpec("What is the ticket about?", (), "classification", tuple(SENTENCES), "en", "")
    inputs = TrainInputs(task, rows, held, task.labels, ChosenModel(model, family, (), {}))
    return ModelTrainer(ModelTrainerConfig(**config)).run(inputs, context)


def accuracy(trained: TrainedModel, rows: list[Example]) -> float:
    answers = load_predictor(trained.folder).predict(Item(row.input) for row in rows)
    return sum(answer.text == row.target for answer, row in zip(answers, rows, strict=True)) / len(rows)


def test_the_packaged_encoder_learns_from_few_rows_in_few_steps(make_context: Callable[..., Any]) -> None:
    # Things seen in training never stand in the tests, so the answer has to come from what the encoder knows.
    rows = ticket_rows()
    new_things = [
        row for row in rows if any(thing in row.input for things in SENTENCES.values() for thing in things[-2:])
    ]
    known = [row for row in rows if row not in new_things]
    trained = run(make_context(), EMBEDDED_ENCODER, "encoder", known, [], epochs=2, min_steps=0)
    assert trained.curve[-1].step == 10
    assert accuracy(trained, new_things) >= 0.8
    assert trained.curve[0].train_loss < 1.0, "the head tells the labels apart from the first step on"


def test_the_packaged_decoder_learns_with_adapters(make_context: Callable[..., Any]) -> None:
    rows = ticket_rows()
    trained = run(
        make_context(), EMBEDDED_TEACHER, "decoder", rows[:32], rows[32:34], epochs=2, min_steps=0, batch_size=8
    )
    assert trained.method == "lora"
    assert trained.curve[-1].train_loss < trained.curve[0].train_loss / 2
    assert accuracy(trained, rows[48:60]) >= 0.7


def test_an_adapter_on_the_packaged_encoder_is_merged(make_context: Callable[..., Any]) -> None:
    rows = ticket_rows()
    trained = run(make_context(), EMBEDDED_ENCODER, "encoder", rows[:64], [], epochs=2, min_steps=0, method="lora")
    assert trained.method == "lora"
    assert sorted(path.name for path in trained.folder.glob("*.safetensors")) == ["model.safetensors"]
    assert accuracy(trained, rows[64:]) >= 0.8


def test_the_packaged_decoder_in_four_bits_answers_from_its_adapter(make_context: Callable[..., Any]) -> None:
    rows = ticket_rows()
    trained = run(
        make_context(),
        EMBEDDED_TEACHER,
        "decoder",
        rows[:16],
        [],
        epochs=1,
        min_steps=0,
        batch_size=8,
        method="qlora",
        merge=False,
    )
    assert trained.curve[-1].train_loss < trained.curve[0].train_loss
    # 4.9 million of 135 million parameters.
    assert (trained.folder / "adapter_model.safetensors").stat().st_size < 25_000_000
    assert load_predictor(trained.folder)(rows[0].input).text in SENTENCES
