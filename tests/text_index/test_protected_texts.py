"""Nothing near a protected text passes: copies, texts that hold one; what only looks like one does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.records import Source, make_example
from prompt2model.text_index.near_duplicates import jaccard, shingles
from prompt2model.text_index.protected_texts import ALIKE, CONTAINED, ProtectedTexts, bare_text, judged_text, word_grams

QUESTION = "Which of the two kettles in your shop boils a litre of water in less time?"
LETTERS = "abcdefghij"


@pytest.mark.parametrize(
    "copy",
    [
        QUESTION.upper(),
        "which of the two kettles, in your shop,  boils a litre of water (in less time)",
        f"{QUESTION[:-1]}!!",
        QUESTION.replace("less time", "less  time\n"),
        QUESTION.replace("boils", "boil"),
    ],
)
def test_a_copy_is_alike(copy: str) -> None:
    assert ProtectedTexts([QUESTION], 0.75).judge(copy) == ALIKE


def test_a_short_copy_with_other_marks_is_alike() -> None:
    assert ProtectedTexts(["where is it?"], 1.0).judge("Where -  is it!") is None
    assert ProtectedTexts(["where is it?"], 1.0).judge("Where,  is it!") == ALIKE


@pytest.mark.parametrize(
    "longer",
    [
        f"{QUESTION} I need one by Friday, when my mother comes for tea, and the old one has been leaking for weeks.",
        f"Hello! A friend told me about your shop, and I have been looking at it since. {QUESTION} Many thanks, Ann",
        f"Answer in one word, and only if you are sure. Question: {QUESTION.lower()} Choose between red and blue.",
    ],
)
def test_a_text_that_holds_a_protected_one_is_found(longer: str) -> None:
    assert ProtectedTexts([QUESTION], 0.75).judge(longer) == CONTAINED


def test_a_part_of_a_protected_text_is_found() -> None:
    whole = f"Hello! A friend told me about your shop, and I have been looking at it since. {QUESTION} Thanks, Ann"
    assert ProtectedTexts([whole], 0.75).judge(QUESTION) == CONTAINED


def test_a_short_question_inside_a_longer_one_is_no_copy() -> None:
    protected = ProtectedTexts(["where is my parcel?"], 0.75)
    assert protected.judge("the last driver could not find my door, so where is my parcel now?") is None


def test_scripts_without_spaces_are_judged_too() -> None:
    question = "昨日注文した青いやかんはいつ届きますか、教えてください"
    protected = ProtectedTexts([question], 0.75)
    assert protected.judge(f"初めまして、先週からお店を見ている者です。{question}。赤いほうは要りません。") == CONTAINED
    assert protected.judge("赤い鍋の返品の方法を知りたいのですが、どこに書いてありますか") is None


def test_what_all_protected_texts_say_is_the_form_of_the_task() -> None:
    form = "Read the message of the customer below and name the department that has to answer it."
    own = [" ".join(f"{letter}{other}{letter}" for other in LETTERS) for letter in LETTERS]
    protected = ProtectedTexts([f"{form} {text}" for text in own], 0.75)
    assert protected.judge(f"{form} a lamp that I never ordered came today, and nobody knows whose it is") is None
    assert protected.judge(f"Good morning to all of you there, from me and mine: {own[3]}") == CONTAINED


def test_where_numbers_matter_other_numbers_are_another_question() -> None:
    test, other = (
        "we meet again in exactly 2 days at the old station",
        "we meet again in exactly 3 days at the old station",
    )
    assert ProtectedTexts([test], 0.75).judge(other) == ALIKE
    assert ProtectedTexts([test], 0.75, numbers_matter=True).judge(other) is None
    assert ProtectedTexts([test], 0.75, numbers_matter=True).judge(test.replace("exactly", "exact")) == ALIKE


def test_choices_belong_to_the_question_in_any_order() -> None:
    def judged(*choices: str) -> str:
        return judged_text(make_example("Which is right?", ("x",), Source("user"), choices=choices))

    assert judged("red", "blue") == judged("blue", "red") != judged("blue", "green")


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="similarity"):
        ProtectedTexts([], 0)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([0.4, 0.6, 0.75, 0.9, 1.0]))
def test_every_text_above_the_threshold_is_found_and_no_other(data: st.DataObject, similarity: float) -> None:
    texts = data.draw(st.lists(st.text("ab cd,", max_size=24), max_size=6))
    query = data.draw(st.sampled_from(texts)) if texts and data.draw(st.booleans()) else ""
    query = query[: data.draw(st.integers(0, 24))] + data.draw(st.text("ab cd,", max_size=6))
    near = any(jaccard(shingles(bare_text(text)), shingles(bare_text(query))) >= similarity for text in texts)
    assert (ProtectedTexts(texts, similarity).judge(query) == ALIKE) == near


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 30), st.integers(0, 12), st.integers(0, 12), st.integers(0, 10**6))
def test_a_question_is_found_wherever_it_is_hidden(length: int, before: int, after: int, seed: int) -> None:
    rng = random.Random(seed)
    words = [f"{a}{b}{c}" for a in LETTERS for b in LETTERS for c in LETTERS]
    picked = rng.sample(words, length + before + after)
    question = " ".join(picked[:length])
    row = " ".join([*picked[length : length + before], question, *picked[length + before :]])
    assert ProtectedTexts([question, "something else that nobody asked for in all these years"], 0.75).judge(row)
    assert word_grams(question) <= word_grams(row)
