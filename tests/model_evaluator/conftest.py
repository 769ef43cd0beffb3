"""Small tasks that the tests of the evaluator share."""

from __future__ import annotations

import pytest
from evaluation_cases import LABELS

from prompt2model.records import Demonstration, TaskSpec


@pytest.fixture
def task() -> TaskSpec:
    """A closed task with three labels."""
    return TaskSpec(
        "Say what the message is about.",
        (Demonstration("I was charged twice", "billing"),),
        "classification",
        LABELS,
        "en",
        "Classify the message: billing, delivery or account.",
    )


@pytest.fixture
def writing_task() -> TaskSpec:
    """A task that writes text."""
    return TaskSpec("Write the date as YYYY-MM-DD.", (), "generation", (), "en", "Normalise dates.")
