"""Demonstrations with the label first, and tables whose header has a name that is not known."""

from __future__ import annotations

import pytest

from prompt2model.prompt_parser.demonstrations import find_demonstrations

MAILS = (("Win a prize now!", "spam"), ("See you at lunch.", "ham"), ("Cheap pills!!!", "spam"))
LINES = "\n".join(f"{label}: {text}" for text, label in MAILS)


def pairs_of(prompt: str) -> list[tuple[str, str]]:
    return [(pair.input, pair.output) for pair in find_demonstrations(prompt).demonstrations]


@pytest.mark.parametrize(
    "prompt",
    [
        f"Classify the message.\n\n{LINES}",
        f"Is this message spam?\n\n{LINES}\n\nAnswer with one of: spam, ham.",
        "Classify the message. Examples:\n- " + LINES.replace("\n", "\n- "),
        "Classify the message.\n\n" + LINES.replace("\n", "\n\n"),
    ],
)
def test_lines_with_the_label_first(prompt: str) -> None:
    assert pairs_of(prompt) == list(MAILS)
    assert "prize" not in find_demonstrations(prompt).instruction


def test_two_lines_count_where_they_are_called_examples_of_listed_labels() -> None:
    lines = "ham: See you at lunch.\nspam: Win a prize now!"
    assert pairs_of(f"Classify the mail as ham or spam. Examples:\n{lines}") == [MAILS[1], MAILS[0]]
    assert pairs_of(f"Classify the mail as ham or spam.\n\n{lines}") == []


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate Dutch to English.\n\nDutch: een hond\nEnglish: a dog\nDutch: een kat\nEnglish: a cat",
        "Classify the mood.\n\nRemark: I love it\nFeel: happy\nRemark: I hate it\nFeel: sad",
    ],
)
def test_pairs_of_fields_are_no_labels(prompt: str) -> None:
    assert {pair[1] for pair in pairs_of(prompt)} in ({"a dog", "a cat"}, {"happy", "sad"})


def test_speakers_are_no_labels() -> None:
    talk = "Anna: how are you\nBen: I am fine\nAnna: good to hear\nBen: see you tomorrow"
    read = pairs_of(f"Classify the dialogue. Answer with one of: friendly, hostile.\n\n{talk}")
    assert {"Anna", "Ben"}.isdisjoint(output for _, output in read)


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
@pytest.mark.parametrize("header", [("text", "mood"), ("review_text", "feel"), ("message", "label")])
def test_a_header_is_no_demonstration(separator: str, header: tuple[str, str]) -> None:
    rows = [header, ("I love it", "happy"), ("I hate it", "sad")]
    table = "\n".join(separator.join(row) for row in rows)
    assert pairs_of(f"Classify the mood.\n\n{table}") == rows[1:]


def test_a_header_of_unknown_names_above_texts() -> None:
    rows = [("remark", "feel"), ("I love it", "happy"), ("I hate it", "sad"), ("So good", "happy")]
    assert pairs_of("Classify.\n\n" + "\n".join(map("\t".join, rows))) == rows[1:]
    plain = [("awesome", "happy"), ("I hate it", "sad"), ("So good", "happy")]
    assert pairs_of("Classify.\n\n" + "\n".join(map("\t".join, plain))) == plain


def test_lines_of_prose_are_no_table() -> None:
    assert pairs_of("Write a mail.\nMessage, please\nWe thank you, dear customer\nWe are sorry, very much") == []
