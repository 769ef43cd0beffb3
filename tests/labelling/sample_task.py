"""The task of two labels that the tests of the labellers share."""

from prompt2model.records import Demonstration, TaskSpec

TASK = TaskSpec(
    instruction="Say who has to act.",
    demonstrations=(Demonstration("I was charged twice.", "billing"), Demonstration("Where is it?", "where_is_it")),
    kind="classification",
    labels=("billing", "where_is_it"),
    language="en",
    original_prompt="",
    label_notes={"billing": "money"},
)
