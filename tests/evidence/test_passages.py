"""Texts are cut at sentence ends, into passages of about the same length, in any script; nothing is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.evidence.corpus_files import Text
from prompt2model.evidence.passages import MOST_TOKENS, passages
from prompt2model.teacher.tokens import likely_tokens


def test_sentences_stay_whole_and_passages_are_of_a_length() -> None:
    text = " ".join(f"Sentence number {number} says something about the heart and its valves." for number in range(40))
    cut = list(passages(Text(text)))
    assert " ".join(cut) == text
    assert all(passage.endswith(".") for passage in cut)
    sizes = [likely_tokens(passage) for passage in cut]
    assert max(sizes) <= MOST_TOKENS
    assert min(sizes) > 0.7 * max(sizes), "no short rest"


def test_a_short_text_is_one_passage_and_its_title_stands_before_it() -> None:
    assert list(passages(Text("One.\n\nTwo  three.", "Numbers"))) == ["Numbers: One. Two three."]
    long = Text("It beats. " * 200, "The heart")
    assert {passage[:14] for passage in passages(long)} == {"The heart: It "}
    assert list(passages(Text(" \n "))) == []


def test_scripts_without_spaces_are_cut_at_their_own_full_stops() -> None:
    cut = list(passages(Text("心臓は血液を送り出す。肺は酸素を取り入れる。" * 20)))
    assert len(cut) > 1
    assert all(passage.endswith("。") for passage in cut)
    arabic = list(passages(Text("القلب يضخ الدم. هل الرئة تأخذ الأكسجين؟ " * 20)))
    assert len(arabic) > 1
    assert {passage[-1] for passage in arabic} <= {".", "؟"}


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    cut = list(passages(Text("heart valve " * 400)))
    assert {word for passage in cut for word in passage.split()} == {"heart", "valve"}
    assert all(likely_tokens(passage) <= MOST_TOKENS for passage in passages(Text("字" * 1000)))


@given(st.text(), st.integers(4, 40))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, most: int) -> None:
    cut = list(passages(Text(text), most))
    assert "".join("".join(cut).split()) == "".join(text.split())
    assert all(passage.strip() for passage in cut)
    assert all(likely_tokens(passage) <= most for passage in cut)
