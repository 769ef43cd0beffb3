"""Batches of inputs that are alike: a partition, the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from batch_teacher import asked_inputs, reply_to, right_label
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample_task import TASK

from prompt2model.inference import Embedder, load_embedder
from prompt2model.labelling import AutoDemoPredictor
from prompt2model.labelling.batch_selection import given_batches, nearest_batches
from prompt2model.records import Item
from prompt2model.teacher import ScriptedClient

TEXTS = (
    "How do I reset my password?",
    "The train to Lyon leaves at noon.",
    "I was charged twice for one kettle.",
    "I forgot my password, how can I change it?",
    "When does the next train go to Lyon?",
    "Why was I charged two times for the kettle?",
)


class Angles:
    """Texts that are numbers, as directions in the plane: near numbers are near vectors."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        angles = np.array([float(text) for text in texts]) / 100
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 300), max_size=40), st.integers(1, 9))
def test_every_input_is_in_one_batch_and_only_the_last_is_smaller(numbers: list[int], size: int) -> None:
    texts = [str(number) for number in numbers]
    batches = nearest_batches(texts, size, Angles())
    assert sorted(place for batch in batches for place in batch) == list(range(len(texts)))
    assert [len(batch) for batch in batches[:-1]] == [size] * max(0, len(batches) - 1)
    assert batches == nearest_batches(texts, size, Angles())


def test_each_batch_is_the_first_input_left_and_the_nearest_to_it() -> None:
    assert nearest_batches(["50", "90", "10", "51", "12", "91", "49"], 3, Angles()) == [[0, 3, 6], [1, 4, 5], [2]]
    # Equals in the order of the texts.
    assert nearest_batches(["7", "7", "7", "7"], 2, Angles()) == [[0, 1], [2, 3]]


def test_texts_of_one_subject_are_asked_together(embedder: Embedder) -> None:
    assert nearest_batches(TEXTS, 2, embedder) == [[0, 3], [1, 4], [2, 5]]


def test_the_labeller_asks_alike_inputs_together_unless_the_caller_wants_their_own_order(embedder: Embedder) -> None:
    def batches(**settings: Any) -> list[list[str]]:
        client = ScriptedClient(lambda request: reply_to(request.messages[-1].content))
        labeller = AutoDemoPredictor(client, TASK, batch_size=2, **settings)
        assert [p.text for p in labeller.predict(map(Item, TEXTS))] == [right_label(text) for text in TEXTS]
        return [[text for _, text in asked_inputs(request.messages[-1].content)] for request in client.requests]

    alike = [[TEXTS[first], TEXTS[second]] for first, second in ((0, 3), (1, 4), (2, 5))]
    assert batches() == batches(embedder=embedder) == alike
    assert batches(selection="given") == [list(TEXTS[0:2]), list(TEXTS[2:4]), list(TEXTS[4:6])]


def test_the_given_order() -> None:
    assert given_batches(5, 2) == [[0, 1], [2, 3], [4]]
    assert given_batches(0, 2) == []
