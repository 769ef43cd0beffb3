"""Questions are read from each set's published formats; what is in none of them is said in one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from prompt2model.benchmark import BENCHMARKS, read_questions, sample
from prompt2model.errors import DataFileError
from prompt2model.records import Example

FOUR = {"A": "Gentamicin", "B": "Ciprofloxacin", "C": "Ceftriaxone", "D": "Trimethoprim"}


def read(tmp_path: Path, name: str, content: Any, packed: bool = False) -> tuple[Example, ...]:
    text = content if isinstance(content, str) else "".join(json.dumps(row) + "\n" for row in content)
    path = tmp_path / ("questions.jsonl.gz" if packed else "questions.jsonl")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    return read_questions(path, BENCHMARKS[name])


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Which one?", "options": FOUR, "answer": "Ceftriaxone", "answer_idx": "C"},
        {"question": " Which  one?", "options": FOUR, "answer": "C"},
        {"question": "Which one?", "options": list(FOUR.values()), "answer": "Ceftriaxone "},
        {"question": "Which one?", "options": list(FOUR.values()), "answer_idx": "C"},
        {"question": "Which one?", "options": [{"key": k, "value": v} for k, v in FOUR.items()], "answer_idx": "C"},
    ],
)
def test_medqa(tmp_path: Path, row: dict[str, Any]) -> None:
    (question,) = read(tmp_path, "medqa", [row], packed=True)
    assert question.input == "Which one?"
    assert question.choices == tuple(FOUR.values())
    assert question.target == "Ceftriaxone"
    assert question.evidence == ()


def test_medqa_with_its_case_apart(tmp_path: Path) -> None:
    row = {"question": "What now?", "context": ["A man coughs.", "He is 40."], "options": FOUR, "answer_idx": "A"}
    assert read(tmp_path, "medqa", [row])[0].input == "A man coughs. He is 40. What now?"


@pytest.mark.parametrize(("marks", "first"), [((1, 4), 1), ((0, 3), 0), (("a", "d"), None), ((0, 2), 0)])
def test_medmcqa_counts_from_0_or_1_or_by_letters(tmp_path: Path, marks: tuple[Any, ...], first: int | None) -> None:
    rows = [
        {"question": f"Question {mark}?", "opa": "one", "opb": "two", "opc": "three", "opd": "four", "cop": mark}
        for mark in marks
    ]
    last = "three" if marks == (0, 2) else "four"
    assert [row.target for row in read(tmp_path, "medmcqa", rows)] == ["one", last]


def test_pubmedqa_in_lines_and_as_one_document(tmp_path: Path) -> None:
    row = {"QUESTION": "Does it help?", "CONTEXTS": ["We asked.", "It did."], "final_decision": "yes"}
    by_id = json.dumps({"123": row, "124": {**row, "final_decision": "maybe"}}, indent=1)
    hub = {"question": "Does it help?", "context": {"contexts": ["We asked.", "It did."]}, "final_decision": "yes"}
    (line,), document, (flat,) = (
        read(tmp_path, "pubmedqa", [row]),
        read(tmp_path, "pubmedqa", by_id),
        read(tmp_path, "pubmedqa", [hub]),
    )
    assert [one.target for one in document] == ["yes", "maybe"]
    for one in (line, document[0], flat):
        assert (one.input, one.choices) == ("Does it help?", ("yes", "no", "maybe"))
        assert one.evidence == ("We asked. It did.",)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("medqa", "", "holds no question"),
        ("medqa", "not json\n", "neither JSON nor JSON lines"),
        ("medqa", "[1, 2]", "not every row is a JSON object"),
        ("medqa", [{"question": "x", "options": FOUR, "answer_idx": "Q"}], "row 1 has no answer"),
        ("medqa", [{"question": "x", "options": FOUR, "answer": "Aspirin"}], "'Aspirin', which is none of its options"),
        ("medqa", [{"question": "x", "answer": "A"}], "has no `options`"),
        ("medqa", [{"question": "", "options": FOUR, "answer_idx": "A"}], "row 1 has no question"),
        ("medqa", [{"question": "x", "options": {"A": "one"}, "answer_idx": "A"}], "fewer than two options"),
        (
            "medmcqa",
            [{"question": "x", "opa": "1", "opb": "2", "opc": "3", "opd": "4", "cop": one} for one in (1, -1, 4)],
            "row 2 has the answer '-1'",
        ),
        (
            "medmcqa",
            [{"question": "x", "opa": "1", "opb": "2", "opc": "3", "opd": "4", "cop": one} for one in (1, 2)],
            "counts from 0 or from 1",
        ),
        ("pubmedqa", [{"QUESTION": "x", "CONTEXTS": [], "final_decision": "perhaps"}], "'perhaps', which is none"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str, content: Any, fault: str) -> None:
    with pytest.raises(DataFileError, match=fault) as caught:
        read(tmp_path, name, content)
    assert "\n" not in str(caught.value)
    assert "questions.jsonl" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match=r"there is no file .*--source hub"):
        read_questions(tmp_path / "nothing.jsonl", BENCHMARKS["medqa"])


def test_a_sample_is_drawn_once_and_keeps_the_order(tmp_path: Path) -> None:
    rows = read(tmp_path, "medqa", [{"question": f"{n}?", "options": FOUR, "answer_idx": "A"} for n in range(50)])
    drawn = sample(rows, 10, 3)
    assert drawn == sample(rows, 10, 3) != sample(rows, 10, 4)
    assert [row.source.row for row in drawn] == sorted(row.source.row or 0 for row in drawn)
    assert sample(rows, 50, 3) == sample(rows, None, 3) == rows
