"""Mentions count what is written like a name, once a document, and never a document's own text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prompt2model.text_index.mentions import mention_counts


def test_a_name_is_found_in_other_texts_however_it_is_written() -> None:
    names = ["squad", "CIFAR-10", "Reddit", "IS-A", "news"]
    texts = [
        "SQuAD is about SQuAD itself.",
        "Like (SQuAD), and SQuAD again; made from Reddit.",
        "A squad of soldiers is a unit: squad is no name here, CIFAR-10 is.",
        "reddit is a word, what is-a relation is another, news is, too.",
        "Better than cifar-10.",
    ]
    assert mention_counts(names, texts) == [1, 2, 1, 0, 0]


def test_of_equal_names_the_first_is_meant_and_long_titles_are_none() -> None:
    names = ["GLUE", "Glue", "A Large Corpus of Many Long Words"]
    assert mention_counts(names, ["", "", "GLUE and A Large Corpus of Many Long Words"]) == [1, 0, 0]


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=60)), max_size=8))
def test_no_count_is_higher_than_the_number_of_other_texts(documents: list[tuple[str, str]]) -> None:
    counts = mention_counts([name for name, _ in documents], [text for _, text in documents])
    assert len(counts) == len(documents)
    assert all(0 <= count < max(1, len(documents)) for count in counts)
