"""A batch's reply is read where it surely belongs to its inputs, and nothing of it is guessed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt2model.labelling.batch_marks import START, has_marks
from prompt2model.labelling.batch_reading import read_batch

QUESTIONS = ("Who wrote Hamlet?", "Who wrote Hamnet?", "Where does the river Tyne end?", "Is it two\nlines?")
LINES = st.one_of(
    st.text(alphabet="abcdefgh ?!.,", max_size=25),
    st.text(max_size=12),
    st.sampled_from(
        ["see [2] where is it?", "1. milk", "2) eggs", "```", "wait ...", "…", "**y**", "[x]", "a > b", "- c"]
    ),
)
TEXTS = st.lists(LINES, min_size=1, max_size=3).map("\n".join).filter(lambda text: not has_marks(text))
BATCHES = st.lists(TEXTS, min_size=2, max_size=5, unique_by=lambda text: " ".join(text.casefold().split()))
EVERY = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def answers(count: int) -> list[str]:
    return [f"answer{number}" for number in range(count)]


def section(number: int, echo: str, answer: str) -> str:
    return f"[{number}] {echo}\n-> {answer}"


def honest(shown: Sequence[str], order: Sequence[int] | None = None, first: int = 1) -> str:
    said = answers(len(shown))
    return "\n".join(
        section(place + first, shown[place], said[place]) for place in (range(len(shown)) if order is None else order)
    )


def first_lines(read: dict[int, str]) -> dict[int, str]:
    return {place: said.split("\n")[0].strip() for place, said in read.items()}


def is_true(read: dict[int, str], size: int) -> bool:
    """Whether every answer that was read is the one that was given to this input."""
    said = answers(size)
    return all(text == said[place] for place, text in first_lines(read).items())


@EVERY
@given(BATCHES, st.randoms(use_true_random=False), st.sampled_from([0, 1]), st.booleans(), st.booleans())
def test_every_answer_is_read_in_any_order_and_with_words_around(
    texts: list[str], rng, first: int, fenced: bool, talk: bool
) -> None:
    shown = texts
    order = list(range(len(shown)))
    rng.shuffle(order)
    reply = honest(shown, order, first)
    if fenced:
        reply = f"```text\n{reply}\n```"
    if talk:
        reply = f"Sure! Here are the answers:\n\n{reply}\n\nI hope this helps."
    assert first_lines(read_batch(reply, shown, echo=True, cut=False)) == dict(enumerate(answers(len(shown))))


@EVERY
@given(BATCHES, st.data())
def test_what_is_missing_is_not_read_and_the_rest_is(texts: list[str], data: st.DataObject) -> None:
    shown = texts
    kept = data.draw(st.lists(st.sampled_from(range(len(shown))), unique=True))
    read = read_batch(honest(shown, kept), shown, echo=True, cut=False)
    assert sorted(read) == sorted(kept)
    assert is_true(read, len(shown))


@EVERY
@given(BATCHES, st.integers(0, 400))
def test_a_reply_that_was_cut_gives_whole_answers_only(texts: list[str], end: int) -> None:
    shown = texts
    reply = honest(shown)
    read = read_batch(reply[:end], shown, echo=True, cut=True)
    assert is_true(read, len(shown))
    # All but the last section that had begun.
    begun = len([place for place in range(len(shown)) if len(honest(shown, range(place))) + 4 < min(end, len(reply))])
    assert len(read) >= begun - 1


@EVERY
@given(BATCHES, st.data())
def test_a_repetition_under_another_number_is_not_read(texts: list[str], data: st.DataObject) -> None:
    shown = texts
    numbers = data.draw(st.permutations(range(1, len(shown) + 1)))
    said = answers(len(shown))
    reply = "\n".join(section(numbers[place], shown[place], said[place]) for place in range(len(shown)))
    read = read_batch(reply, shown, echo=True, cut=False)
    assert is_true(read, len(shown))
    assert set(read) == {place for place in range(len(shown)) if numbers[place] == place + 1}


@EVERY
@given(BATCHES, st.data())
def test_a_shortened_repetition_gives_its_own_answer_or_none(texts: list[str], data: st.DataObject) -> None:
    shown = texts
    said = answers(len(shown))
    lengths = [data.draw(st.integers(0, len(text))) for text in shown]
    echoes = [text[:length] + "..." for text, length in zip(shown, lengths, strict=True)]
    # A model that mixes up the inputs: the number of one, the beginning of the other.
    places = data.draw(st.permutations(range(len(shown))))
    reply = "\n".join(section(place + 1, echoes[other], said[other]) for place, other in enumerate(places))
    for place, text in first_lines(read_batch(reply, shown, echo=True, cut=False)).items():
        other = int(text.removeprefix("answer"))
        # Read under another number it must at least be the beginning of that input, and of no other.
        beginning = "".join(c for c in echoes[other].casefold() if c.isalnum())
        assert other == place or beginning in "".join(c for c in shown[place].casefold() if c.isalnum())


@EVERY
@given(st.text(max_size=200), BATCHES, st.booleans(), st.booleans())
def test_anything_may_come_back(reply: str, texts: list[str], echo: bool, cut: bool) -> None:
    shown = texts
    assert set(read_batch(reply, shown, echo=echo, cut=cut)) <= set(range(len(shown)))


@pytest.mark.parametrize(
    ("echo", "is_read"),
    [
        ("Where does the river Tyne end?", True),
        ("where does the river tyne end", True),
        ('"Where does the river Tyne end?"', True),
        ("Where does the river Tyne ends?", True),
        ("Where does the river ...", True),
        ("Where does … end?", True),
        ("At which place does the Tyne flow out?", False),
        ("Where ...", False),
        ("...", False),
        ("", False),
        ("Who wrote Hamlet?", False),
    ],
)
def test_how_far_a_repetition_may_stray(echo: str, is_read: bool) -> None:
    read = read_batch(section(3, echo, "location"), QUESTIONS, echo=True, cut=False)
    assert read == ({2: "location"} if is_read else {})


def test_a_neighbour_that_is_nearly_the_same_does_not_take_the_answer() -> None:
    swapped = section(1, QUESTIONS[1], "human") + "\n" + section(2, QUESTIONS[0], "human")
    assert read_batch(swapped, QUESTIONS, echo=True, cut=False) == {}
    assert read_batch(section(1, "Who wrote Ham...", "human"), QUESTIONS, echo=True, cut=False) == {}


def test_two_different_answers_to_one_input_are_none_and_the_same_twice_is_one() -> None:
    twice = [section(1, QUESTIONS[0], "human"), section(1, QUESTIONS[0], "entity")]
    assert read_batch("\n".join(twice), QUESTIONS, echo=True, cut=False) == {}
    assert read_batch("\n".join([twice[0], twice[0]]), QUESTIONS, echo=True, cut=False) == {0: "human"}
    listed_first = "\n".join(f"[{n}] {text}" for n, text in enumerate(QUESTIONS[:3], 1))
    assert read_batch(f"{listed_first}\n\n{twice[0]}", QUESTIONS, echo=True, cut=False) == {0: "human"}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("[1] Who wrote Hamlet? -> human", {0: "human"}),
        ("**[1]** Who wrote Hamlet?\n**->** human", {0: "human"}),
        ("- [1] Who wrote Hamlet?\n  -> human", {0: "human"}),
        ("[1] Who wrote Hamlet?\nhuman", {}),
        ("[1] Who wrote Hamlet?\n-> human\n-> entity", {}),
        ("[4] Is it two lines? -> entity", {3: "entity"}),
        ("1. Who wrote Hamlet?\n-> human", {}),
        ("[9] Who wrote Hamlet?\n-> human", {}),
        ("", {}),
    ],
)
def test_forms_of_a_section(reply: str, said: dict[int, str]) -> None:
    assert read_batch(reply, QUESTIONS, echo=True, cut=False) == said


def test_long_texts_are_compared_in_little_time() -> None:
    shown = [" ".join(f"word{n % 700} of text {k}" for n in range(2000)) for k in range(8)]
    reply = "\n".join(section(k + 1, text[:-400], f"answer{k}") for k, text in enumerate(shown))
    assert first_lines(read_batch(reply, shown, echo=True, cut=False)) == dict(enumerate(answers(8)))


@pytest.mark.parametrize(
    ("reply", "cut", "said"),
    [
        ("[1] x\n[2] y\n[3] z", False, {0: "x", 1: "y", 2: "z"}),
        ("[3] z\n[1] x\n[2] y", False, {0: "x", 1: "y", 2: "z"}),
        ("[0] x\n[1] y\n[2] z", False, {0: "x", 1: "y", 2: "z"}),
        ("```\n[1]: x\n[2] -> y\n[3] z\n```", False, {0: "x", 1: "y", 2: "z"}),
        ("1. x\n2. y\n3. z", False, {}),
        ("[1] x\n[2] y\n[3]", True, {0: "x", 1: "y"}),
        ("[1] x\n[3] y\n[2] z", True, {}),
        ("[0] x\n[1] y\n[2] z", True, {}),
        ("[1] x\n[2] y", False, {}),
        ("[1] x\n[1] y\n[2] z", False, {}),
        ("[1] x\n[2] y\n[3] z\n[4] u", False, {}),
        ("x\ny\nz", False, {}),
    ],
)
def test_without_repetitions_a_reply_counts_as_a_whole(reply: str, cut: bool, said: dict[int, str]) -> None:
    assert read_batch(reply, ["a", "b", "c"], echo=False, cut=cut) == said


@pytest.mark.parametrize("text", ["a\n[2] b", "a\r[2] b", "a\u2028 - **[12]** b", "a -> b", "[1] a", "->"])
def test_what_could_pose_as_a_mark(text: str) -> None:
    assert has_marks(text)


@EVERY
@given(st.lists(LINES, max_size=4).map("\n".join))
def test_a_text_without_marks_begins_no_section(text: str) -> None:
    assert has_marks(text) or not START.search(text)
