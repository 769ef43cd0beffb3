"""The proposed columns are those a person would pick."""

import random

import pytest

from prompt2model.catalogue.columns import propose_columns
from prompt2model.errors import DataFileError
from prompt2model.records import Demonstration, Kind, TaskSpec


def task(
    instruction: str = "Do it.",
    demos: tuple[tuple[str, str], ...] = (),
    kind: Kind = "generation",
    labels: tuple[str, ...] = (),
) -> TaskSpec:
    return TaskSpec(instruction, tuple(Demonstration(*demo) for demo in demos), kind, labels, "en", instruction)


SENTIMENT = task("Tell the mood.", (("Great soup!", "good"),), "classification", ("good", "bad"))
ISO = task("Write the date as ISO.", (("the 3rd of May 2019", "2019-05-03"), ("1 June 1999", "1999-06-01")))
TITLE = task("Write a title for the text.", (("A long text about oaks. It has two sentences.", "About oaks"),))


@pytest.mark.parametrize(
    ("spec", "rows", "expected"),
    [
        (SENTIMENT, {"text": ["Nice place", "Never again"], "label": ["good", "bad"]}, ("text", "label")),
        # Values decide where names say nothing or the wrong thing.
        (SENTIMENT, {"a": ["good", "bad"], "b": ["Nice place", "Never again"]}, ("b", "a")),
        (SENTIMENT, {"label": ["Nice place", "Never again"], "text": ["good", "bad"]}, ("label", "text")),
        (
            SENTIMENT,
            {"id": ["1", "2"], "date": ["2020-01-01", "2020-01-02"], "review": ["Nice", "Awful food"],
             "stars": ["5", "1"], "mood": ["Good", "BAD"]},
            ("review", "mood"),
        ),
        (ISO, {"iso": ["2001-01-02", "2003-04-05"], "phrase": ["2 January 2001", "5th April 2003"]}, ("phrase", "iso")),
        (
            TITLE,
            {"url": ["http://a.b/c", "http://a.b/d"], "title": ["On elms", "On firs"],
             "body": ["Elms are trees. They grow.", "Firs are trees. They grow slowly."]},
            ("body", "title"),
        ),
        (task("Answer."), {"question": ["what?", "who?"], "answer": ["this", "her"], "id": ["q1", "q2"]},
         ("question", "answer")),
    ],
)  # fmt: skip
def test_proposals(spec: TaskSpec, rows: dict[str, list[str]], expected: tuple[str, str]) -> None:
    sample = [dict(zip(rows, values, strict=True)) for values in zip(*rows.values(), strict=True)] * 5
    choice = propose_columns(tuple(rows), sample, spec)
    assert (choice.input, choice.output) == expected
    assert expected[0] in choice.reason
    turned = propose_columns(tuple(reversed(rows)), sample, spec)
    assert (turned.input, turned.output) == expected, "the order of the columns does not matter"


def test_label_ids_do_not_beat_label_names() -> None:
    rng = random.Random(0)
    sample = [
        {"label": str(n % 2), "label_text": ("good", "bad")[n % 2], "text": f"{rng.random()} soup"} for n in range(50)
    ]
    choice = propose_columns(("label", "label_text", "text"), sample, SENTIMENT)
    assert (choice.input, choice.output) == ("text", "label_text")


@pytest.mark.parametrize(
    ("row", "choices"),
    [
        ({"question": "What is red?", "choices": '["sky", "blood"]', "answer": "blood"}, ("choices",)),
        ({"question": "?", "choices.text": '["a b", "c d"]', "choices.label": '["A", "B"]', "answerKey": "A"},
         ("choices.text",)),
        ({"question": "What is it?", "A": "one", "B": "two", "C": "three", "answer": "B"}, ("A", "B", "C")),
        ({"question": "What?", "option1": "one", "option2": "two", "answer": "1"}, ("option1", "option2")),
    ],
)  # fmt: skip
def test_choices_are_found(row: dict[str, str], choices: tuple[str, ...]) -> None:
    choice = propose_columns(tuple(row), [row] * 4, task(kind="multiple_choice"))
    assert choice.choices == choices
    assert choice.input == "question"
    assert choice.output in ("answer", "answerKey")


def test_one_column_has_inputs_only() -> None:
    choice = propose_columns(("text",), [{"text": "a"}], SENTIMENT)
    assert (choice.input, choice.output) == ("text", "")


def test_no_values_at_all() -> None:
    with pytest.raises(DataFileError, match="no column with text"):
        propose_columns(("a", "b"), [{"a": "", "b": " "}], SENTIMENT)
