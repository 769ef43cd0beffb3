"""A label is read when it is there for sure, and only then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.labelling import read_label
from prompt2model.labelling.few_shot import read_choice

LABELS = ("human", "location", "card", "card_arrival", "spam", "not spam")


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("human", "human"),
        (' "HUMAN". ', "human"),
        ("**Human**", "human"),
        ("Output: human", "human"),
        ("Label = location", "location"),
        ("The answer is human.", "human"),
        ("human\n\nInput: Where is it?\nOutput: location", "human"),
        ("human. It asks for a person.", "human"),
        ("Card arrival", "card_arrival"),
        ("the card arrival one", "card_arrival"),
        ("It is not spam", "not spam"),
        ("I would say location", "location"),
    ],
)
def test_clear_answers_are_read(said: str, label: str) -> None:
    assert read_label(said, LABELS) == label


@pytest.mark.parametrize(
    "said", ["", "  ", "human or location", "human, location", "humans", "it is not human", "other", "card and human"]
)
def test_unclear_answers_are_not(said: str) -> None:
    assert read_label(said, LABELS) is None


@pytest.mark.parametrize(
    ("said", "label"),
    [
        ("human", "human"),
        ("Human. It asks for a per", "human"),
        ("The answer is: human\n\nExplana", "human"),
        ("card\nCard arr", "card"),
        ("card", None),
        ("I would say location", None),
        ("It is hard to tell whether this is human or", None),
        ("It may be human. But", None),
    ],
)
def test_a_cut_reply_counts_only_where_what_is_lost_could_not_change_it(said: str, label: str | None) -> None:
    assert read_label(said, LABELS, cut=True) == label


@pytest.mark.parametrize(
    ("labels", "said", "label"),
    [
        (("bug", "bug: crash"), "bug: crash\nThe user says", "bug: crash"),
        (("bug", "bug: crash"), "bug: cra", None),
        (("bug", "bug: crash"), "bug: the", "bug"),
        (("out of scope", "out of scope (refund)"), "out of scope (refund)\nThe", "out of scope (refund)"),
        (("Node.js", "node"), "Node.js\nBecause", "Node.js"),
        (("0", "0.5", "1"), "0.5\nBecause", "0.5"),
        (("0", "0.5", "1"), "0.", None),
    ],
)
def test_a_cut_reply_is_not_read_as_a_shorter_label(labels: tuple[str, ...], said: str, label: str | None) -> None:
    assert read_label(said, labels, cut=True) == label


def test_a_cut_reply_names_a_choice_only_at_its_start() -> None:
    choices = ("a dog", "a cat", "a fish")
    assert read_choice("B. a cat, beca", choices, cut=True) == "a cat"
    assert read_choice("Not a dog. It may be a cat", choices, cut=True) is None


def test_labels_of_signs_are_read_exactly() -> None:
    assert read_label(" '+' ", ("+", "-")) == "+"
    assert read_label("+ or -", ("+", "-")) is None


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60))
def test_anything_may_be_said(said: str) -> None:
    assert read_label(said, LABELS) in (None, *LABELS)


@given(st.sampled_from(LABELS), st.sampled_from(["{}", '"{}"', "{}.", " {}\n", "Output: {}", "`{}`"]), st.booleans())
def test_every_label_is_read_back(label: str, form: str, upper: bool) -> None:
    assert read_label(form.format(label.upper() if upper else label), LABELS) == label


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("B", "a cat"),
        ("(b)", "a cat"),
        ("B. a cat", "a cat"),
        ("a cat", "a cat"),
        ("A dog", "a dog"),
        ("A bird", None),
        ("D", None),
        ("", None),
    ],
)
def test_choices_are_read_by_text_or_letter(said: str, choice: str | None) -> None:
    assert read_choice(said, ("a dog", "a cat", "a fish")) == choice
