"""When a student has no whole answer: predictions say why, streams end in an error, and nobody waits for ever."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import torch
from model_trainer.tiny_models import tiny_model, word_tokenizer

from prompt2model.errors import NoAnswerError
from prompt2model.predictor import StudentSpec, input_format_for, load_predictor, render_input, write_spec
from prompt2model.records import Family, Item, Kind
from prompt2model.weights import save_model

SECONDS = 120
WRITERS = ("encoder_decoder", "decoder")
RED = Item("the red car")


@pytest.fixture
def changed(student: Callable[..., Path], tmp_path: Path) -> Callable[..., Any]:
    """A trained student with other limits."""

    def load(family: Family, kind: Kind = "generation", **limits: int) -> Any:
        folder = tmp_path / f"{family}_{kind}"
        shutil.copytree(student(family, kind), folder)
        path = folder / "prompt2model.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **limits}))
        return load_predictor(folder)

    return load


@pytest.fixture
def untrained(tmp_path: Path) -> Any:
    """An encoder-decoder with random weights, whose tokenizer does not end a text; it may write 2000 tokens."""
    tokenizer = word_tokenizer("decoder")
    folder = save_model(tiny_model("encoder_decoder", len(tokenizer)), tokenizer, tmp_path / "untrained")
    spec = StudentSpec(
        format=1,
        family="encoder_decoder",
        base="tiny",
        method="full",
        kind="generation",
        instruction="",
        input_format="{input}",
        labels=(),
        max_input_tokens=64,
        max_new_tokens=2000,
        language="en",
    )
    write_spec(spec, folder)
    return load_predictor(folder)


def always_the(predictor: Any, at_each_token: Callable[[int], object]) -> None:
    """Make the model write `the the the …`; `at_each_token` is told how many tokens came before."""
    tokens = 0
    word = predictor._answerer.tokenizer.convert_tokens_to_ids("the")

    def hook(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        nonlocal tokens
        at_each_token(tokens)
        tokens += 1
        return logits.index_fill(-1, torch.tensor([word]), 1e4)

    predictor._answerer.model.lm_head.register_forward_hook(hook)


def read_whole(pieces: Iterator[str]) -> tuple[list[str], BaseException | None]:
    """All pieces of a stream and the error that ended it; a stream that never ends fails the test."""
    read: list[str] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            read.extend(iter(lambda: next(pieces, ""), ""))
        except BaseException as error:
            errors.append(error)

    reader = Thread(target=work, daemon=True)
    reader.start()
    reader.join(SECONDS)
    assert not reader.is_alive(), "the reader waits for ever"
    return read, errors[0] if errors else None


@pytest.mark.parametrize("tokens_before", [0, 5])
def test_generation_that_breaks_is_an_error_where_it_is_read(untrained: Any, tokens_before: int) -> None:
    def breaks(tokens: int) -> None:
        if tokens == tokens_before:
            raise RuntimeError("out of memory")

    always_the(untrained, breaks)
    read, error = read_whole(untrained.stream(RED))
    assert isinstance(error, RuntimeError)
    assert str(error) == "out of memory"
    assert bool(read) == bool(tokens_before)


def test_a_reader_who_leaves_ends_the_writing(untrained: Any) -> None:
    leaving, before = Event(), threading.enumerate()
    # The model waits, so that its answer is not written before the reader leaves.
    always_the(untrained, lambda tokens: tokens == 20 and not leaving.wait(SECONDS))
    pieces = untrained.stream(RED)
    assert next(pieces).strip() == "the"
    leaving.set()
    pieces.close()
    assert set(threading.enumerate()) <= set(before), "the model goes on writing"


@pytest.mark.parametrize("family", WRITERS)
def test_a_cut_answer_is_none(changed: Any, student: Any, family: Any) -> None:
    # The answer is one word and the end; here there is room for the word only.
    word = load_predictor(student(family, "generation"))(RED).text
    predictor = changed(family, max_new_tokens=1)
    prediction = predictor(RED)
    assert (prediction.text, prediction.failure, prediction.raw.strip()) == (None, "truncated", word)
    assert prediction.completion_tokens == 1
    read, error = read_whole(predictor.stream(RED))
    assert "".join(read).strip() == word
    assert isinstance(error, NoAnswerError)
    assert error.failure == "truncated"
    assert "not whole" in str(error)


@pytest.mark.parametrize("family", WRITERS)
def test_an_answer_that_just_fits_is_whole(changed: Any, student: Any, family: Any) -> None:
    word = load_predictor(student(family, "generation"))(RED).text
    predictor = changed(family, max_new_tokens=2)
    prediction = predictor(RED)
    assert (prediction.text, prediction.failure, prediction.completion_tokens) == (word, None, 2)
    assert read_whole(predictor.stream(RED)) == ([word], None)


@pytest.mark.parametrize("kind", ["generation", "classification"])
def test_an_input_beyond_the_context_is_said(changed: Any, kind: Any) -> None:
    predictor = changed("decoder", kind, max_input_tokens=500)
    item = Item("the red car " * 50)
    assert (predictor(item).text, predictor(item).failure) == (None, "context_too_long")
    read, error = read_whole(predictor.stream(item))
    assert read == []
    assert isinstance(error, NoAnswerError)
    assert error.failure == "context_too_long"
    assert "shorten it" in str(error)


@pytest.mark.parametrize("family", WRITERS)
def test_choices_are_scored_in_any_company(student: Any, family: Any) -> None:
    predictor = load_predictor(student(family, "generation"))
    items = [Item("the red car", choices=("green", "red")), RED, Item("the blue car", choices=("blue", "a thing"))]
    together = list(predictor.predict(items))
    assert [prediction.probabilities is not None for prediction in together] == [True, False, True]
    assert [prediction.text for prediction in together] == [predictor(item).text for item in items]


def test_a_choice_is_scored_with_its_end(untrained: Any) -> None:
    choices = ("red", "red car", "the red car")
    model, tokenizer = untrained._answerer.model, untrained._answerer.tokenizer
    ids = torch.tensor([tokenizer(render_input(Item("the door", choices), "{input}"))["input_ids"]])
    scores = []
    for choice in choices:
        target = [*tokenizer(choice)["input_ids"], tokenizer.eos_token_id]
        with torch.inference_mode():
            scores.append(-float(model(input_ids=ids, labels=torch.tensor([target])).loss) * len(target))
    expected = torch.tensor(scores).softmax(0).tolist()
    assert untrained(Item("the door", choices)).probabilities == pytest.approx(expected, rel=1e-3)


def test_a_slot_in_the_instruction_is_a_word() -> None:
    shape = input_format_for("decoder", "Say the colour of {input}.")
    assert render_input(Item("the car"), shape) == "Say the colour of input.\n\nInput: the car\nOutput:"
