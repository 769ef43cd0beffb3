"""A task with two labels that the tests of this room share."""

from __future__ import annotations

from prompt2model.records import Demonstration, TaskSpec

TASK = TaskSpec(
    instruction="Name the team.",
    demonstrations=(
        Demonstration("I paid twice for the lamp", "billing"),
        Demonstration("Where is my lamp", "shipping"),
    ),
    kind="classification",
    labels=("billing", "shipping"),
    language="en",
    original_prompt="",
)


def right_label(text: str) -> str:
    """What the texts of these tests are about."""
    return "billing" if "charged" in text else "shipping"
