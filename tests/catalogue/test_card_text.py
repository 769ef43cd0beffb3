"""Cards as people and programs write them: words stay words, and a card of megabytes loses what is long alone."""

from __future__ import annotations

import time

import pytest

from prompt2model.catalogue.card_text import languages_of, licence_of, split_card, text_list


def test_values_stay_the_texts_that_stand_there() -> None:
    front, body = split_card("---\nlicense: mit\nlanguage: [no, en]\nversion: 1.10\nnothing: null\n---\n# Title\n")
    assert front == {"license": "mit", "language": ["no", "en"], "version": "1.10", "nothing": None}
    assert body == "# Title\n"
    assert languages_of(front) == ("no", "en")


@pytest.mark.parametrize("text", ["---\nlicense: [mit\n---\nx", "---\n- a\n---\nx", "---\nno end", "# Title\n\n---\n"])
def test_a_card_without_proper_front_matter_has_none(text: str) -> None:
    assert split_card(text)[0] == {}


def test_a_card_of_five_megabytes_keeps_its_licence_and_its_text() -> None:
    many = "".join(f"- config_name: c{number}\n  features: []\n" for number in range(150_000))
    text = f"---\ndataset_info:\n{many}license: cc-by-4.0\nlanguage: zh\n---\n# 汤\n\n" + "客人的留言。" * 500_000
    assert len(text) > 5_000_000
    started = time.perf_counter()
    front, body = split_card(text)
    assert (licence_of(front), languages_of(front)) == ("cc-by-4.0", ("zh",))
    assert "dataset_info" not in front
    assert body.startswith("# 汤")
    assert len(body) == 200_000
    assert time.perf_counter() - started < 20


def test_a_card_that_refers_to_itself_again_and_again_fills_no_memory() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    front, _ = split_card("---\n" + "\n".join(lines) + "\nlicense: *a11\npretty_name: *a11\n---\n")
    assert licence_of(front) is None
    assert text_list(front["pretty_name"]) == ()
