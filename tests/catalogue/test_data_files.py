"""Tables are read as they were written, and what cannot be read is refused with one clear line."""

import csv
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prompt2model.catalogue.data_files import read_table
from prompt2model.errors import DataFileError


def refusal(path: Path) -> str:
    """The message with which a file is refused, at the door or while its rows are read."""
    return refusal_with(path, ())


def refusal_with(path: Path, named: tuple[str | None, ...]) -> str:
    """The same, with columns that a person names."""
    with pytest.raises(DataFileError) as caught:
        list(read_table(path, named).rows)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


CELL = st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=20), delimiter=st.sampled_from(",;\t|"))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_round_trip(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    """Quotes, delimiters and line breaks in cells come back as they were written."""
    path = tmp_path / "round.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["Text of the row", "label_of_the_row"])
        writer.writerows(rows)
    table = read_table(path)
    assert table.columns == ("Text of the row", "label_of_the_row")
    assert [tuple(row.values()) for row in table.rows] == rows
    assert [tuple(row.values()) for row in table.rows] == rows, "rows can be read a second time"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_found_though_others_stand_in_the_cells(tmp_path: Path, delimiter: str) -> None:
    others = " ".join(set(",;\t|") - {delimiter})
    path = write(tmp_path / "d.csv", f"text{delimiter}label\na {others} b{delimiter}x\n{others}{delimiter}y\n")
    assert [row["label"] for row in read_table(path).rows] == ["x", "y"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(tmp_path: Path, encoding: str) -> None:
    table = read_table(write(tmp_path / "e.csv", "text,label\nGrüße 日本,ja\n", encoding))
    assert list(table.rows) == [{"text": "Grüße 日本", "label": "ja"}]


def test_another_encoding_is_refused_with_the_offset(tmp_path: Path) -> None:
    message = refusal(write(tmp_path / "l.csv", "text,label\nGrüße,ja\n", "latin-1"))
    assert "byte 13 (0xfc)" in message
    assert "UTF-8" in message


def test_bad_byte_deep_in_a_file_has_its_true_offset(tmp_path: Path) -> None:
    path = tmp_path / "deep.csv"
    head = b"text,label\n" + "é,x\n".encode() * 400_001
    path.write_bytes(head + b"\xff,y\n")
    assert f"byte {len(head)} (0xff)" in refusal(path)


def test_utf16_without_a_mark_is_refused(tmp_path: Path) -> None:
    assert "NUL" in refusal(write(tmp_path / "n.csv", "text,label\na,b\n", "utf-16-le"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n\n", "no row"),
        (",,\n1,2,3\n", "names no column"),
        ("text,text\na,b\n", "'text' is named twice"),
        ("text,label\na,b\nc,d,e\n", "line 3 has 3 cells"),
        ("text,label\na,b\nc\n", "line 3 has 1 cells"),
        ('text,label\n"a,b\nc,d\n', "not proper CSV"),
        ("I lost my card yesterday evening,lost\nWhere is it?,where\n", "add a first line"),
        ("hello,positive\nbye,negative\nnice,positive\n", "add a first line"),
    ],
)
def test_bad_csv_is_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(write(tmp_path / "bad.csv", text))


def test_a_named_column_proves_that_the_first_line_is_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", "text,question\nwho?,question\nhe.,statement\n")
    assert "looks like a row of data" in refusal(path)
    assert "looks like a row of data" in refusal_with(path, ("body", None))
    assert read_table(path, (None, "question")).columns == ("text", "question")


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "long.csv", f"text,label\n{'word ' * 100_000},x\n")
    assert [len(row["text"]) for row in read_table(path).rows] == [500_000]


def test_missing_file_folder_and_unknown_ending(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "folder" in refusal(tmp_path / "folder.csv")
    assert ".xlsx" in refusal(write(tmp_path / "book.xlsx", "x"))


def test_a_nameless_index_column_gets_a_name(tmp_path: Path) -> None:
    assert read_table(write(tmp_path / "i.csv", ",text\n0,a\n")).columns == ("column_1", "text")


def test_columns_named_oddly(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "odd.csv", '"a.b","""",c d\n1,2,3\n'))
    assert list(table.rows) == [{"a.b": "1", '"': "2", "c d": "3"}]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "c.csv", "text,label\na,b\n"))
    with pytest.raises(DataFileError, match=re.escape("no column 'txt'; the columns are 'text', 'label'")):
        table.require("txt")


ROWS = [
    {"q": {"text": "what?", "id": 1}, "answers": ["a", "b"], "score": 1.5, "ok": True, "note": None},
    {"q": {"text": "who?", "id": 2}, "answers": [], "score": 2, "ok": False, "extra": "x"},
]
FLAT = [
    {"q.text": "what?", "q.id": "1", "answers": '["a", "b"]', "score": "1.5", "ok": "true", "note": "", "extra": ""},
    {"q.text": "who?", "q.id": "2", "answers": "[]", "score": "2", "ok": "false", "note": "", "extra": "x"},
]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("lines.jsonl", "\n".join(map(json.dumps, ROWS))),
        ("lines.json", "\n".join(map(json.dumps, ROWS))),
        ("list.json", json.dumps(ROWS, indent=1)),
        ("object.json", json.dumps({"version": "1", "data": ROWS})),
    ],
)
def test_json_in_its_usual_layouts(tmp_path: Path, name: str, text: str) -> None:
    table = read_table(write(tmp_path / name, text))
    assert list(table.rows) == FLAT
    assert table.list_columns == {"answers"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ("b.jsonl", '{"a": 1}\n[1]\n', "row 1 is not an object"),
        ("c.json", "[1, 2]", "row 0 is not an object"),
        ("d.json", "nonsense", "not JSON"),
        ("e.json", '{"a": 1, "b": {}}\n', ""),
        ("f.json", "[]", "no row"),
    ],
)
def test_bad_json_is_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    path = write(tmp_path / name, text)
    if said:
        assert said in refusal(path)
    else:
        assert list(read_table(path).rows) == [{"a": "1"}]


def test_parquet_with_label_names_nested_columns_and_binaries(tmp_path: Path) -> None:
    table = pa.table(
        {
            "text": ["a", "b", "c"],
            "label": pa.array([1, 0, -1]),
            "meta": pa.array([{"lang": "en"}] * 3),
            "image": pa.array([b"\x00\x01"] * 3),
        }
    )
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path = tmp_path / "p.parquet"
    pq.write_table(table, path)
    read = read_table(path)
    assert read.columns == ("text", "label", "meta.lang")
    assert [row["label"] for row in read.rows] == ["yes", "no", ""]


def test_a_file_that_only_claims_to_be_parquet(tmp_path: Path) -> None:
    assert "not a readable Parquet file" in refusal(write(tmp_path / "x.parquet", "text,label\n"))


@pytest.mark.parametrize("name", ["one.csv", "one.jsonl"])
def test_a_file_without_line_ends_is_refused_before_it_is_read_into_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        for _ in range(18):
            file.write(b"abcd efg" * (1 << 17))
    with pytest.raises(DataFileError, match="a line has more than 16 MiB"):
        read_table(path)


def test_a_document_may_stand_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"a": "x" * (1 << 20), "b": "y"}] * 17))
    assert [row["b"] for row in read_table(path).rows] == ["y"] * 17


def test_the_text_beside_bytes_is_read_and_the_name_of_a_picture_is_not(tmp_path: Path) -> None:
    table = pa.table(
        {
            "example": pa.array([{"text": "It rains.", "image": b"\x00"}]),
            "picture": pa.array([{"bytes": b"\x00", "path": "a.png"}]),
            "label": ["yes"],
        }
    )
    pq.write_table(table, tmp_path / "p.parquet")
    read = read_table(tmp_path / "p.parquet")
    assert read.columns == ("example.text", "label")
    assert list(read.rows) == [{"example.text": "It rains.", "label": "yes"}]


def test_a_long_file_with_old_line_ends_is_read(tmp_path: Path) -> None:
    line = "a text of some length that stands in a row,yes\r"
    (tmp_path / "old.csv").write_bytes(f"text,label\r{line * 400_000}".encode())
    assert read_table(tmp_path / "old.csv").columns == ("text", "label")
