"""Records survive the way to disk and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prompt2model.artifacts import JsonlRows, content_hash, load_artifact, save_artifact, write_rows
from prompt2model.errors import RunFolderError
from prompt2model.records import (
    Dataset,
    Demonstration,
    Example,
    LossPoint,
    Source,
    TaskSpec,
    TestSet,
    TrainedModel,
    make_example,
)

texts = st.text(st.characters(codec="utf-8"), max_size=40)
examples = st.builds(
    make_example,
    texts,
    st.lists(texts, min_size=1, max_size=3).map(tuple),
    st.builds(Source, st.just("user"), dataset=texts, row=st.none() | st.integers(0, 9), temperature=st.none()),
    choices=st.lists(texts, max_size=2).map(tuple),
    soft_label=st.none() | st.lists(st.floats(0, 1), min_size=1, max_size=2).map(tuple),
)


@given(rows=st.lists(examples, max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_data_set_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[Example]) -> None:
    folder = tmp_path_factory.mktemp("artifact")
    tests = (TestSet("one", "gold", tuple(rows)), TestSet("two", "official", ()))
    save_artifact(Dataset(tuple(rows), (), tests, ("a", "b"), {"duplicate": 2}, {}), folder)
    loaded = load_artifact(Dataset, folder)
    assert tuple(loaded.train) == tuple(rows)
    assert [(test.name, test.origin, tuple(test.rows)) for test in loaded.tests] == [
        ("one", "gold", tuple(rows)),
        ("two", "official", ()),
    ]
    assert loaded.labels == ("a", "b")
    assert loaded.dropped == {"duplicate": 2}


def test_nested_records_and_optional_fields(tmp_path: Path) -> None:
    task = TaskSpec("do", (Demonstration("x", "y"),), "classification", ("y",), "en", "do x", {"y": "why"})
    save_artifact(task, tmp_path)
    assert load_artifact(TaskSpec, tmp_path) == task


def test_a_folder_that_moves_keeps_its_paths(tmp_path: Path) -> None:
    partial = tmp_path / "7_trained.partial"
    (partial / "model").mkdir(parents=True)
    curve = (LossPoint(1, 0.5, train_loss=1.0),)
    trained = TrainedModel(partial / "model", "encoder", "base", "full", "{input}", (), curve, 1, 0)
    save_artifact(trained, partial)
    final = partial.rename(tmp_path / "7_trained")
    loaded = load_artifact(TrainedModel, final)
    assert loaded.folder == final / "model"
    assert loaded.curve == curve


def test_rows_already_in_the_folder_are_not_copied(tmp_path: Path) -> None:
    row = make_example("a", ("b",), Source("user"))
    write_rows(tmp_path / "mine.jsonl", [row])
    save_artifact(TestSet("t", "gold", JsonlRows(tmp_path / "mine.jsonl")), tmp_path)
    assert tuple(load_artifact(TestSet, tmp_path).rows) == (row,)
    assert not (tmp_path / "rows.jsonl").exists()


def test_rows_stream_and_count(tmp_path: Path) -> None:
    rows = tuple(make_example(f"line {number}\n\u2028", ("x",), Source("user", row=number)) for number in range(3))
    write_rows(tmp_path / "rows.jsonl", rows)
    handle = JsonlRows(tmp_path / "rows.jsonl", Example)
    assert len(handle) == 3
    assert tuple(handle) == tuple(handle) == rows


@pytest.mark.parametrize("content", ["{", '{"unknown": 1}', '{"name": 1}', "[]"])
def test_a_damaged_artifact_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "artifact.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"artifact\.json"):
        load_artifact(TaskSpec, tmp_path)


def test_a_damaged_row_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "1"\n')
    with pytest.raises(RunFolderError, match="line 1"):
        list(JsonlRows(tmp_path / "rows.jsonl"))


def test_timings_do_not_change_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    before = content_hash(tmp_path)
    (tmp_path / "timing.json").write_text("1")
    assert content_hash(tmp_path) == before
    (tmp_path / "a").write_text("b")
    assert content_hash(tmp_path) != before
