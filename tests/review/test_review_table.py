"""The table: what is offered in which order, and what comes back from a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from review import run_with_rows as runs
from review.run_with_rows import TASK, decisions_of, make_run, many, written

from prompt2model.errors import ConfigError, DataFileError, RunFolderError
from prompt2model.records import TaskSpec
from prompt2model.review import apply_table, write_table
from prompt2model.review.review import Review
from prompt2model.review.table import escaped, read_rows, same_text, unescaped, write_rows
from prompt2model.run_store import RunStore

Cells = list[dict[str, str]]
WRITING = TaskSpec("Write.", (), "generation", (), "en", "Write.")


def cells_of(table: Path) -> Cells:
    return list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8-sig"), newline="")))


def as_spreadsheet(table: Path, change: Callable[[Cells], Cells | None]) -> None:
    """Edit a table and write it as a spreadsheet does: semicolons, CRLF, every cell in quotes, columns turned round."""
    cells = cells_of(table)
    cells = change(cells) or cells
    text = io.StringIO(newline="")
    names = list(reversed(cells[0]))
    writer = csv.DictWriter(text, names, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(reversed([{name: cell.replace("\n", "\r\n") for name, cell in row.items()} for row in cells]))
    table.write_text(text.getvalue() + ";" * (len(names) - 1) + "\r\n", encoding="utf-8-sig", newline="")


def row_of(cells: Cells, text: str) -> dict[str, str]:
    return next(row for row in cells if row["input"] == text)


def faults(run: Path, capsys: pytest.CaptureFixture[str], file: Path | None = None) -> list[str]:
    """The lines about a table that is refused; nothing may have changed."""
    capsys.readouterr()
    with pytest.raises(DataFileError, match="nothing was changed"):
        apply_table(run, file)
    assert decisions_of(run) == {}
    return capsys.readouterr().err.splitlines()


def test_the_least_sure_come_first_then_rare_labels_then_the_least_trusted(tmp_path: Path) -> None:
    doubtful = [written("perhaps a red candle", "red", 0.5), written("surely one green car", "green", 0.95)]
    run = make_run(tmp_path / "run", many(), [*doubtful, written("blue letters on the wall", "blue")])
    write_table(run)
    cells = cells_of(run / "review.csv")
    assert [row["input"] for row in cells[:3]] == [*(row.input for row in doubtful), "blue letters on the wall"]
    assert [row["probability"] for row in cells[:3]] == ["50.0%", "95.0%", ""]
    assert cells[0]["source"] == "generated: embedded"
    assert [row["output"] for row in cells[3:]] == ["blue"] * 5 + ["green"] * 10 + ["red"] * 15


def test_test_rows_never_stand_in_it(tmp_path: Path) -> None:
    tests = [runs.given("a test row about a violet red wall", "red")]
    run = make_run(tmp_path / "gold", many(), [written("A test row about a violet red wall!", "red")], tests)
    write_table(run)
    assert len(cells_of(run / "review.csv")) == 30
    # Without a real test some generated rows become one, whether the data was assembled before or not.
    run = make_run(tmp_path / "none", [], many("generated"))
    write_table(run)
    shown = {row["input"] for row in cells_of(run / "review.csv")}
    assert len(shown) == 24
    as_spreadsheet(run / "review.csv", lambda cells: [{**row, "decision": "drop"} for row in cells[:5]])
    apply_table(run)
    write_table(run)
    assert {row["input"] for row in cells_of(run / "review.csv")} == shown


def test_an_edited_table_becomes_a_part_of_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strange = 'He said: "red; or blue"\nin two lines, with a comma'
    run = make_run(tmp_path / "run", many(), [written(strange, "red", 0.4), written("=HYPERLINK(red)", "red")])
    write_table(run)

    def edit(cells: Cells) -> None:
        row_of(cells, strange)["output"] = "Blue "
        row_of(cells, "'=HYPERLINK(red)")["decision"] = "KEEP"
        cells[5]["decision"] = "drop"
        cells[5]["input"] = ""
        cells[6]["input"] = "a green hat"
        cells[6]["decision"] = "fix"

    before = cells_of(run / "review.csv")
    as_spreadsheet(run / "review.csv", edit)
    apply_table(run)
    said = capsys.readouterr().out
    assert "decided so far: 1 approved, 2 corrected, 1 dropped\n" in said
    assert f"go on with: prompt2model resume {run}\n" in said
    decided = decisions_of(run)
    assert {text: (one.decision, one.input, one.output) for text, one in decided.items()} == {
        strange: ("corrected", strange, "blue"),
        "=HYPERLINK(red)": ("approved", "=HYPERLINK(red)", "red"),
        before[5]["input"]: ("dropped", before[5]["input"], before[5]["output"]),
        before[6]["input"]: ("corrected", "a green hat", before[6]["output"]),
    }
    apply_table(run)
    assert "nothing new" in capsys.readouterr().out


def test_earlier_decisions_are_shown_last_and_can_be_taken_back(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", many())
    before = (run / "config.toml").read_text()
    write_table(run)
    first = cells_of(run / "review.csv")[0]["input"]
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[0], "input": "a new text"}])
    apply_table(run)
    assert (run / "config.toml").read_text() != before
    write_table(run, 3)
    assert len(cells_of(run / "review.csv")) == 3
    write_table(run)
    *others, last = cells_of(run / "review.csv")
    assert (last["decision"], last["input"]) == ("fix", "a new text")
    assert first not in {row["input"] for row in others}
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[-1], "decision": "undo"}])
    apply_table(run)
    assert decisions_of(run) == {}
    assert "reviewed" not in (run / "config.toml").read_text()


def test_a_run_that_was_moved_finds_its_review_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", many())
    write_table(run)
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[0], "decision": "drop"}])
    apply_table(run)
    run = run.rename(tmp_path / "moved")
    apply_table(run)
    assert str(run / "review" / "decisions.jsonl") in (run / "config.toml").read_text()
    assert "nothing new" not in capsys.readouterr().out


def test_a_table_that_was_edited_is_never_overwritten(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", many())
    write_table(run)
    write_table(run, 5)
    as_spreadsheet(run / "review.csv", lambda cells: None)
    edited = (run / "review.csv").read_bytes()
    with pytest.raises(DataFileError, match=r"review\.csv was edited and not applied yet; apply it with"):
        write_table(run)
    assert (run / "review.csv").read_bytes() == edited
    apply_table(run)
    write_table(run)


def test_every_fault_is_a_line_that_names_its_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path / "run", many())
    write_table(run)
    table = tmp_path / "edited.csv"
    cells = cells_of(run / "review.csv")
    ids = [row["id"] for row in cells]
    cells[0]["output"] = "gren"
    cells[1]["output"] = "many colours"
    cells[2]["input"] = " "
    cells[3]["output"] = ""
    cells[4]["decision"] = "fix"
    cells[5]["decision"] = "maybe"
    cells[6]["id"] = "0123"
    cells[7]["id"] = ids[8]
    cells[9]["id"] = ""
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(cells[0]))
        writer.writeheader()
        writer.writerows(cells)
    lines = faults(run, capsys, table)
    assert [line.partition(":")[0] for line in lines] == [
        *(f"row {number} (id {ids[number - 2]})" for number in range(2, 8)),
        *("row 8", "row 10", "row 11"),
    ]
    wanted = (
        "the output 'gren' is none of the labels of the task; did you mean 'green'?",
        "the output 'many colours' is none of the labels of the task; they are: red, green, blue",
        "the input is empty; write it, or write drop",
        "the output is empty; write it, or write drop",
        "the decision is fix, but nothing was changed",
        "the decision 'maybe' is not known; write keep, drop, fix, undo, or nothing",
        "no row to review has the id '0123'",
        f"the id {ids[8]} stands in row 9 too; delete one of the two",
        "the id is empty; rows cannot be added here",
    )
    for line, words in zip(lines, wanted, strict=True):
        assert words in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"id,decision,input\n1,,x\n", "the column output is missing; the table has to keep the columns id,"),
        ("id,decision,input,output\n1,,Käse,red\n".encode("cp1252"), r"byte \d+ \(0xe4\) is not UTF-8; save the file"),
        (b"", "the file is empty"),
        (b"id,decision,input,output\n1,,x\n", "the row that ends in line 2 has 3 cells, the header has 4"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    run = make_run(tmp_path / "run", many())
    (tmp_path / "bad.csv").write_bytes(content)
    with pytest.raises(DataFileError, match=words):
        apply_table(run, tmp_path / "bad.csv")


def test_no_table_and_no_rows_are_said(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", many())
    with pytest.raises(DataFileError, match=r"there is no table .*review\.csv; `prompt2model review"):
        apply_table(run)
    RunStore(run).set_aside(["generate_data"])
    with pytest.raises(RunFolderError, match=r"has no rows to review: it is not finished .*go on with"):
        write_table(run)


def test_an_answer_must_be_one_of_the_rows_choices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = dataclasses.replace(TASK, kind="multiple_choice", labels=())
    rows = [written(row.input, "a wall", task=task, choices=("a wall", "- a roof")) for row in many()]
    run = make_run(tmp_path / "run", [], rows, task=task)
    write_table(run)
    assert cells_of(run / "review.csv")[0]["choices"] == "a wall\n- a roof"
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[0], "output": "a cellar"}])
    assert "'a cellar' is none of the choices of the row; they are: a wall, - a roof" in faults(run, capsys)[0]
    (run / "review.csv").unlink()
    write_table(run)
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[0], "choices": "a wall"}])
    assert "the choices cannot be changed here" in faults(run, capsys)[0]
    (run / "review.csv").unlink()
    write_table(run)
    as_spreadsheet(run / "review.csv", lambda cells: [{**cells[0], "output": "'- a roof"}])
    apply_table(run)
    assert [one.output for one in decisions_of(run).values()] == ["- a roof"]


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")).filter(str.strip)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
def test_what_is_written_is_read_back(tmp_path: Path, texts: list[tuple[str, str]]) -> None:
    rows = tuple(written(text, answer, task=WRITING) for text, answer in texts)
    store = RunStore(tmp_path)
    review = Review(store, WRITING, rows, {})
    write_rows(review, rows)
    read = read_rows(review.table_file)
    assert [(line.id, line.decision, line.input, line.output) for line in read] == [
        (row.id, "", row.input, row.target) for row in rows
    ]


@given(st.text())
def test_a_cell_is_no_formula_and_gives_its_text_back(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert not escaped(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_what_a_spreadsheet_does_to_a_cell_is_no_correction() -> None:
    assert same_text("two\nlines ", "two\r\nlines")
    assert not same_text("two lines", "two  lines")
    long = "word " * 8000
    assert same_text(long, long[:32767])
    assert not same_text(long, long[:1000])


def test_the_run_of_another_component_says_that_it_takes_no_review(tmp_path: Path) -> None:
    config = 'prompt = "x"\n[assemble_data]\ncomponent = "review.run_with_rows:OtherAssembler"\n'
    run = make_run(tmp_path / "run", many(), config=config)
    with pytest.raises(ConfigError, match="has no setting `reviewed`, so that it cannot take corrections"):
        write_table(run)
