"""Tables that are hard to read, in a folder given with --data-dir: one clear line each, and the run goes on."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prompt2model.component import RunContext
from prompt2model.console import AutomaticChooser
from prompt2model.dataset_retriever import DatasetRetriever
from prompt2model.dataset_retriever.config import DatasetRetrieverConfig
from prompt2model.errors import DataFileError
from prompt2model.records import Demonstration, RetrievedData, TaskSpec

TASK = TaskSpec(
    "Tell the mood of a guest's message about soup.",
    (Demonstration("The soup was great.", "good"), Demonstration("Cold soup again!", "bad")),
    "classification",
    ("good", "bad"),
    "en",
    "",
)
ROWS = [{"t": f"The soup of guest {n} was {('fine', 'cold')[n % 2]}.", "l": ("good", "bad")[n % 2]} for n in range(20)]
MakeContext = Callable[..., RunContext]


def retrieve(context: RunContext, folder: Path, task: TaskSpec = TASK, **settings: Any) -> RetrievedData:
    config = DatasetRetrieverConfig(data_dirs=(folder,), **settings)
    return DatasetRetriever(config).run(DatasetRetriever.Inputs(task), context)


def write(folder: Path, name: str, rows: list[dict[str, Any]], about: str = "") -> None:
    (folder / name).mkdir(parents=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / name / "train.jsonl").write_text(lines, encoding="utf-8")
    (folder / name / "README.md").write_text(f"---\nlicense: mit\n---\n# Mood of guests about soup\n{about}\n")


@pytest.mark.parametrize(
    ("text", "label"),
    [("a.b", "c.d"), ('"', "'"), ("评论", "情感"), ("text ", "la bel"), ("+", "a + b")],
)
def test_odd_names_of_columns(text: str, label: str, tmp_path: Path, make_context: MakeContext) -> None:
    write(tmp_path / "sets", "odd", [{text: row["t"], label: row["l"], "id": n} for n, row in enumerate(ROWS)])
    found = retrieve(make_context(), tmp_path / "sets")
    assert len(found.rows) == 20
    assert (found.chosen[0].input_column, found.chosen[0].output_column) == (text, label)


def test_nested_columns_and_empty_cells(tmp_path: Path, make_context: MakeContext) -> None:
    rows: list[dict[str, Any]] = [{"said": {"text": row["t"]}, "by": {"mood": row["l"]}} for row in ROWS]
    rows += [{"said": {"text": ""}, "by": {"mood": "good"}}, {"said": {"text": "Soup."}, "by": {"mood": None}}]
    write(tmp_path / "sets", "nested", rows)
    found = retrieve(make_context(), tmp_path / "sets")
    assert len(found.rows) == 20
    assert found.dropped["empty input"] == 1
    assert found.dropped["empty output"] == 1


def test_labels_as_floats(tmp_path: Path, make_context: MakeContext) -> None:
    write(tmp_path / "sets", "floats", [{"t": row["t"], "l": float(row["l"] == "good")} for row in ROWS])
    task = TaskSpec("Mood of a guest about soup: 1 or 0.", (), "classification", ("1", "0"), "en", "")
    found = retrieve(make_context(), tmp_path / "sets", task)
    assert {row.target for row in found.rows} == {"1", "0"}


def test_useless_tables_are_passed_over_with_a_reason(tmp_path: Path, make_context: MakeContext) -> None:
    folder = tmp_path / "sets"
    write(folder, "one", [{"t": row["t"]} for row in ROWS])
    write(folder, "many", [{"t": f"Soup {n} was fine.", "l": f"label {n}"} for n in range(1000)])
    (folder / "none").mkdir()
    (folder / "none" / "train.csv").write_text("t,l\n")
    write(folder, "right", ROWS)
    found = retrieve(make_context(), folder)
    assert [chosen.id for chosen in found.chosen] == ["right"]
    assert len(found.rows) == 20


def test_memory_does_not_grow_with_the_table(tmp_path: Path, make_context: MakeContext) -> None:
    def peak(count: int) -> int:
        folder = tmp_path / str(count)
        write(folder, "big", [ROWS[n % 20] for n in range(count)])
        tracemalloc.start()
        try:
            found = retrieve(make_context(folder=tmp_path / f"run{count}"), folder, max_rows=100)
            assert len(found.rows) == 100
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(5_000) < 1.3 * peak(500) + 1_000_000


def test_ids_are_read_as_the_names_of_the_card(tmp_path: Path, make_context: MakeContext) -> None:
    """In training rows and official tests alike, so that such a data set is taken without a person."""
    folder = tmp_path / "sets/ids"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        lines = [f"{row['t']},{('good', 'bad').index(row['l'])}\n" for row in ROWS]
        (folder / f"{split}.csv").write_text("t,l\n" + "".join(lines))
    names = "{class_label: {names: {'0': good, '1': bad}}}"
    front = f"license: mit\ndataset_info:\n  features:\n  - name: l\n    dtype: {names}\n"
    (folder / "README.md").write_text(f"---\n{front}---\n# Mood of guests about soup\n")
    found = retrieve(make_context(), tmp_path / "sets")
    assert {row.target for row in found.rows} == {"good", "bad"}
    assert [row.target for row in found.official_tests[0].rows] == [row["l"] for row in ROWS]


def test_a_users_file_of_many_rows_gives_a_sample_and_says_so(tmp_path: Path, make_context: MakeContext) -> None:
    count, file = 50_000, tmp_path / "rows.csv"
    with file.open("w") as lines:
        lines.write("t,l\n")
        lines.writelines(f"Soup {n} of row {n} was fine.,{('good', 'bad')[n % 2]}\n" for n in range(count))
    config = DatasetRetrieverConfig(data=(file,), datasets="none", max_data=100)
    tracemalloc.start()
    try:
        found = DatasetRetriever(config).run(DatasetRetriever.Inputs(TASK), make_context())
        # Held at once the rows take thirty times this; the file is read a megabyte at a time.
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
    rows = [row.source.row for row in found.rows]
    assert len(rows) == len(set(rows)) == 100
    assert rows == sorted(rows, key=lambda row: row or 0)
    # From the whole file, not its beginning.
    assert (rows[-1] or 0) > 0.8 * count
    assert found.chosen[0].rows_by_split == {"train": 100}
    assert found.dropped == {"over the row limit": count - 100}
    assert found.notes == (f"rows.csv: 100 of {count:,} rows are taken, an even random sample; for more set max_data",)


def test_pictures_are_no_text(tmp_path: Path, make_context: MakeContext) -> None:
    """Neither the names of their files nor their bytes, whatever form they come in."""
    labels = [row["l"] for row in ROWS]
    folder = tmp_path / "sets"
    for name in ("bytes", "paths", "coded", "right"):
        write(folder, name, ROWS)
    pictures = pa.table({"image": [{"bytes": b"\x89PNG", "path": f"{n}.png"} for n in range(20)], "l": labels})
    (folder / "bytes/train.jsonl").unlink()
    pq.write_table(pictures, folder / "bytes/train.parquet")
    (folder / "paths/train.jsonl").unlink()
    (folder / "paths/train.csv").write_text(
        "file_name,l\n" + "".join(f"images/soup {n}.JPG,{label}\n" for n, label in enumerate(labels))
    )
    (folder / "coded/train.jsonl").write_text(
        "".join(
            json.dumps({"image": f"data:image/png;base64,{n:040d}", "l": label}) + "\n"
            for n, label in enumerate(labels)
        )
    )
    found = retrieve(make_context(), folder)
    assert [chosen.id for chosen in found.chosen] == ["right"]
    with pytest.raises(DataFileError, match="only one column with text"):
        retrieve(make_context(folder=tmp_path / "named"), folder, datasets=("bytes",), rerank="no")


def test_a_folder_without_a_data_set_is_said(tmp_path: Path, make_context: MakeContext) -> None:
    (tmp_path / "sets/pickled").mkdir(parents=True)
    (tmp_path / "sets/pickled/train.pkl").write_bytes(b"x")
    left_out, none = retrieve(make_context(), tmp_path / "sets").notes
    assert "pickled is left out" in left_out
    assert none == f"No data set is found in {tmp_path / 'sets'}"


def test_names_of_pictures_are_text_where_a_person_says_so(tmp_path: Path, make_context: MakeContext) -> None:
    task = TaskSpec("Give the photo a better name.", (), "generation", (), "en", "")
    lines = "".join(f"IMG {n} beach day.JPG,2020-beach-{n}.jpg\n" for n in range(20))
    (tmp_path / "names.csv").write_text(f"from_name,to_name\n{lines}")
    config = DatasetRetrieverConfig(data=(tmp_path / "names.csv",), input_column="from_name", output_column="to_name")
    found = DatasetRetriever(config).run(DatasetRetriever.Inputs(task), make_context())
    assert next(iter(found.rows)).target == "2020-beach-0.jpg"


def test_a_picked_data_set_of_pictures_does_not_end_the_run(tmp_path: Path, make_context: MakeContext) -> None:
    class Person(AutomaticChooser):
        interactive = True

        def choose_many(self, key: str, question: str, options: Any, default: Any) -> list[str]:
            return [option.value for option in options]

    write(tmp_path, "pictures", [{"image": f"photo {n}.png", "l": ("good", "bad")[n % 2]} for n in range(20)])
    write(tmp_path, "rows", ROWS)
    found = retrieve(make_context(chooser=Person()), tmp_path)
    assert [chosen.id for chosen in found.chosen] == ["rows"]
    assert any("pictures is left out: " in note for note in found.notes)
