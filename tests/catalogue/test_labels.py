"""Labels of data sets are matched to the task's, and only where they are the same words."""

import pytest

from prompt2model.catalogue.labels import LabelMatcher


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("card lost", "card lost"),
        ("Card_Lost", "card lost"),
        ("CARD-LOST", "card lost"),
        ("CardLost", "card lost"),
        (' "card lost". ', "card lost"),
        ("card", None),
        ("lost card", None),
        ("", None),
        ("１", "1"),
        ("1.0", "1"),
        ("-1", "-1"),
        ("C", None),
        ("c++", "C++"),
    ],
)
def test_matches(text: str, label: str | None) -> None:
    assert LabelMatcher(("card lost", "1", "-1", "C++")).match(text) == label


def test_an_exact_label_wins_over_a_like_one() -> None:
    matcher = LabelMatcher(("us", "US"))
    assert (matcher.match("us"), matcher.match("US"), matcher.match("Us")) == ("us", "US", None)
