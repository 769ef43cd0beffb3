"""Near duplicates are found whatever their order; different texts are not."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.text_index.near_duplicates import NearDuplicates, jaccard, normalise_text, shingles


def test_normalising_ignores_case_width_and_spaces() -> None:
    assert normalise_text("  Où  est\tmon\nCOLIS ？") == normalise_text("où est mon colis ?")


def test_equal_and_nearly_equal_texts_are_found() -> None:
    index = NearDuplicates()
    index.add("a", "My parcel was due on Monday and it has still not arrived at my house.")
    assert index.find("my parcel was due on monday  and it has still not arrived at my house.") == "a"
    assert index.find("My parcel was due on Monday and it has still not arrived at my house!!") == "a"


def test_different_texts_are_not_found() -> None:
    index = NearDuplicates()
    index.add("a", "My parcel was due on Monday and it has still not arrived.")
    assert index.find("Please cancel my subscription and return the last payment.") is None
    assert index.find("") is None


def test_short_texts_differ_unless_they_are_equal() -> None:
    index = NearDuplicates()
    index.add("a", "yes")
    assert index.find("no") is None
    assert index.find("YES") == "a"


def test_the_most_similar_wins_and_of_equals_the_earliest() -> None:
    index = NearDuplicates(threshold=0.5)
    index.add("far", "the quick brown fox jumps over the lazy dog near a river")
    index.add("near", "the quick brown fox jumps over the lazy dog near the river")
    index.add("again", "the quick brown fox jumps over the lazy dog near the  river")
    assert index.find("the quick brown fox jumps over the lazy dog near the river bed") == "near"


def test_a_threshold_of_one_finds_only_equal_texts() -> None:
    index = NearDuplicates(threshold=1)
    index.add("a", "the quick brown fox jumps over the lazy dog")
    assert index.find("The quick brown fox jumps over the lazy dog") == "a"
    assert index.find("the quick brown fox jumps over the lazy dogs") is None


def test_a_threshold_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        NearDuplicates(threshold=0)


def test_the_hashing_misses_no_pair_above_the_threshold() -> None:
    rng = random.Random(0)
    words = [f"{a}{b}{c}" for a in "bdkmrst" for b in "aeiou" for c in "lnrst"]
    index = NearDuplicates(threshold=0.7)
    texts = [" ".join(rng.choices(words, k=15)) for _ in range(300)]
    for number, text in enumerate(texts):
        index.add(str(number), text)
    pairs = 0
    for number, text in enumerate(texts):
        parts = text.split()
        parts[rng.randrange(15)] = rng.choice(words)
        changed = " ".join(parts)
        if jaccard(shingles(changed), shingles(text)) >= 0.7:
            pairs += 1
            assert index.find(changed) == str(number)
    assert pairs > 50


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=8), st.text(max_size=30))
def test_what_is_found_is_as_near_as_promised(texts: list[str], query: str) -> None:
    index = NearDuplicates(threshold=0.6)
    for number, text in enumerate(texts):
        index.add(str(number), text)
    found = index.find(query)
    first, near = normalise_text(query), [shingles(normalise_text(text)) for text in texts]
    if found is not None:
        assert jaccard(shingles(first), near[int(found)]) >= 0.6
    assert (found is not None) >= any(normalise_text(text) == first for text in texts)
