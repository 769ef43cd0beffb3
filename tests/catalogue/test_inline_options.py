"""Options in the text of a question are told from the question."""

import pytest

from prompt2model.catalogue.inline_options import split_question


@pytest.mark.parametrize(
    ("text", "question", "options"),
    [
        ("Which?\n(A) red\n(B) blue", "Which?", ["red", "blue"]),
        ("Which? A) red B) blue C) dark green", "Which?", ["red", "blue", "dark green"]),
        ("Which one?\nOptions:\n1) red\n2) blue", "Which one?", ["red", "blue"]),
        ("Which?\nA. red\nB. blue\nThink of the sky.", "Which?\nThink of the sky.", ["red", "blue"]),
    ],
)
def test_a_question_is_told_from_its_options(text: str, question: str, options: list[str]) -> None:
    found = split_question(text)
    assert found is not None
    assert (found.text, list(found.options.values())) == (question, options)


@pytest.mark.parametrize(
    "text",
    ["I gave him a 3. He liked B.", "Which?\nA) red", "A) red\nB) blue", "Which?\nA) red\nor perhaps\nB) blue"],
)
def test_what_is_not_sure_is_not_read(text: str) -> None:
    assert split_question(text) is None


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("A", "a new car"), ("(b)", "a bike"), ("B) a bike", "a bike"), ("A bike.", "a bike"),
        ("a new car", "a new car"), ("C", None), ("A bike and more", None), ("A) a bike", None), ("", None),
    ],
)  # fmt: skip
def test_an_answer_means_an_option(said: str, meant: str | None) -> None:
    question = split_question("Which is faster?\nA) a new car\nB) a bike")
    assert question is not None
    assert question.answer(said) == meant
