"""Logged requests of an API are data: the template goes, the input and the answer stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt2model.catalogue.data_files import read_table
from prompt2model.catalogue.request_logs import common_frame, is_request_log, turn_of

MAIL = ("My parcel is late.", "I want my money back", "Charged twice: why?", 'Is the "big" one in stock?')
TEAMS = ("shipping", "returns", "billing", "sales")


def chat(text: str | list[dict[str, str]], answer: str | None = None) -> list[dict[str, Any]]:
    turns: list[dict[str, Any]] = [{"role": "system", "content": "You sort mail."}, {"role": "user", "content": text}]
    return turns if answer is None else [*turns, {"role": "assistant", "content": answer}]


def completion(answer: str) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}


def row_of(form: str, text: str, answer: str) -> dict[str, Any]:
    return {
        "fine-tuning": {"messages": chat(text, answer)},
        "pair": {"request": {"model": "m", "messages": chat(text)}, "response": completion(answer)},
        "flat": {"messages": chat(text), "choices": completion(answer)["choices"]},
        "batch": {"custom_id": "1", "body": {"messages": chat(text)}, "response": {"body": completion(answer)}},
        "wrapped": {"request": {"body": {"messages": chat(text)}}, "response": answer},
        "parts": {"messages": chat([{"type": "text", "text": text}], answer)},
    }[form]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["fine-tuning", "pair", "flat", "batch", "wrapped", "parts"])
@pytest.mark.parametrize(
    "template",
    [
        "{}",
        "Sort the mail into shipping, returns, billing, sales.\n\nMail: {}\nTeam:",
        "Which team? <mail>{}</mail>\nOne word.",
    ],
)
def test_every_form_gives_inputs_and_answers(form: str, template: str, tmp_path: Path) -> None:
    rows = [row_of(form, template.format(text), team) for text, team in zip(MAIL, TEAMS, strict=True)]
    table = read_table(write(tmp_path / "log.jsonl", rows))
    assert table.columns == ("input", "output")
    assert [row["input"] for row in table.rows] == list(MAIL)
    assert [row["output"] for row in table.rows] == list(TEAMS)


def test_requests_without_answers_and_images_have_empty_cells(tmp_path: Path) -> None:
    image = [{"type": "image_url", "image_url": {"url": "data:,"}}, {"type": "text", "text": "what is it"}]
    rows = [{"messages": chat(MAIL[0])}, {"messages": [{"role": "user", "content": image}]}]
    table = read_table(write(tmp_path / "log.jsonl", rows))
    assert list(table.rows) == [{"input": MAIL[0], "output": ""}, {"input": "", "output": ""}]


@pytest.mark.parametrize("why", ["length", "content_filter"])
def test_an_answer_that_did_not_come_to_its_end_is_none(why: str, tmp_path: Path) -> None:
    row = row_of("pair", MAIL[0], "ship")
    row["response"]["choices"][0]["finish_reason"] = why
    table = read_table(write(tmp_path / "log.jsonl", [row, row_of("pair", MAIL[1], TEAMS[1])]))
    assert [line["output"] for line in table.rows] == ["", TEAMS[1]]


def test_a_table_with_a_column_called_messages_is_a_table(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "rows.jsonl", [{"messages": ["a", "b"], "label": "x"}]))
    assert table.columns == ("messages", "label")


@given(
    st.text(st.characters(codec="utf-8"), min_size=8, max_size=40),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30), min_size=1, max_size=6),
)
def test_a_frame_takes_nothing_from_an_input(before: str, after: str, inputs: list[str]) -> None:
    framed = [f"{before}\n<x>{text}</x>{after}" for text in inputs]
    frame = common_frame(framed)
    for text, whole in zip(inputs, framed, strict=True):
        # What is left holds the input whole, but for spaces around it and what all inputs share at a break.
        assert frame.strip(whole) in whole
        assert whole.startswith(frame.before) and whole.endswith(frame.after)
        if len(set(inputs)) > 2 and len({one[:1] for one in inputs}) > 1 and len({one[-1:] for one in inputs}) > 1:
            assert text.strip() in frame.strip(whole)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["messages", "role", "content", "request", "response", "choices", "message", "body", "x"]
                ),
                inner,
            )
        ),
        max_leaves=20,
    )
)
def test_no_json_breaks_the_reading(value: Any) -> None:
    if isinstance(value, dict):
        asked, answer = turn_of(value)
        assert isinstance(asked, str) and isinstance(answer, str)
        assert is_request_log(value) or not asked
